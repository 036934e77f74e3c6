/** The format and the compression of a file of records, by its name. Pure. */

export const RECORD_FORMATS = ['ndjson', 'csv'] as const;
export type RecordFormatName = (typeof RECORD_FORMATS)[number];
export type Compression = 'none' | 'gzip' | 'zstd';

export interface FileKind {
  /** Undefined if the name does not tell. */
  readonly format: RecordFormatName | undefined;
  readonly compression: Compression;
}

const FORMAT_OF: Readonly<Record<string, RecordFormatName>> = { ndjson: 'ndjson', jsonl: 'ndjson', csv: 'csv' };
const COMPRESSION_OF: Readonly<Record<string, Compression>> = { gz: 'gzip', zst: 'zstd' };

/** `logs/shop.ndjson.gz` → ndjson, gzip */
export function fileKind(file: string): FileKind {
  const endings = file.toLowerCase().split(/[/\\]/).at(-1)!.split('.').slice(1);
  const compression = COMPRESSION_OF[endings.at(-1) ?? ''];
  const name = (compression === undefined ? endings.at(-1) : endings.at(-2)) ?? '';
  return { format: FORMAT_OF[name], compression: compression ?? 'none' };
}
