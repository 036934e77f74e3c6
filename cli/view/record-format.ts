/** The formats in which records are printed: for people, or for programs. Pure. */
import { printableJson, printableLines } from '../../src/printable.js';
import type { StoredRecord } from '../../src/record.js';
import { csvRow } from './csv.js';
import { type FieldSelection, fieldText, selectFields } from './field-selection.js';
import { localTime } from './local-time.js';
import { createPretty, type PrettyOptions } from './pretty.js';
import { plainText, type Template } from './template.js';
import type { FormatName } from './view-options.js';

export interface FormatOptions extends FieldSelection, Omit<PrettyOptions, 'fields'> {
  readonly name: FormatName;
  readonly template?: Template | undefined;
  /** The output is a terminal: `csv`, `raw` and `template` show control characters instead of writing them. */
  readonly isTerminal: boolean;
  /** Records arrive without end: `json` prints one object per line instead of one array. */
  readonly isEndless: boolean;
}

/** Text includes its line feeds. The output is `begin`, the records, then `end`. */
export interface RecordFormat {
  begin(): string;
  record(record: StoredRecord, role?: 'match' | 'context'): string;
  /** Between records that do not follow each other in time; only for people. */
  readonly gap: string;
  end(): string;
}

export function createFormat(options: FormatOptions): RecordFormat {
  const { name, fields, template, timeZone, isTerminal, isEndless } = options;
  const safe = (text: string) => `${isTerminal ? printableLines(text) : text}\n`;
  // A stored record may compute its texts on demand, so it is not copied by spreading.
  const selected = ({ id, timestamp, service, level, message, information }: StoredRecord): StoredRecord => ({
    ...{ id, timestamp, service, level, message },
    information: selectFields(information, options),
  });
  switch (name) {
    case 'pretty': {
      const pretty = createPretty({ ...options, fields });
      return { ...PLAIN, gap: '--\n', record: (record, role) => `${pretty(selected(record), role)}\n` };
    }
    case 'json':
      if (isEndless) return { ...PLAIN, record: (record) => `${recordJson(selected(record))}\n` };
      return jsonArray((record) => recordJson(selected(record)));
    case 'ndjson':
      return { ...PLAIN, record: (record) => `${recordJson(selected(record))}\n` };
    case 'csv':
      return {
        ...PLAIN,
        begin: () => safe(csvRow(['id', 'ts', 'service', 'level', 'message', ...(fields ?? ['information'])])),
        record: (record) => safe(csvRow(csvCells(selected(record), fields))),
      };
    case 'raw':
      return { ...PLAIN, record: ({ message }) => safe(message) };
    case 'template':
      return {
        ...PLAIN,
        record: (record) => safe(template?.(selected(record), localTime(record.timestamp, timeZone)) ?? ''),
      };
  }
}

const PLAIN = { begin: () => '', end: () => '', gap: '' };

/** The record as JSON on one line, with the columns of the table `records`. */
export function recordJson(record: StoredRecord): string {
  return jsonLine(record, 'ts');
}

/** The record as JSON on one line, as it is published. */
export function wireJson(record: StoredRecord): string {
  return jsonLine(record, 'timestamp');
}

function jsonLine({ id, service, level, message, information, timestamp }: StoredRecord, timeName: string): string {
  const head = JSON.stringify({ id, service, level, message }).slice(0, -1);
  return printableJson(`${head},"information":${information},"${timeName}":${JSON.stringify(timestamp)}}`);
}

function jsonArray(json: (record: StoredRecord) => string): RecordFormat {
  let separator = '\n';
  return {
    ...PLAIN,
    begin: () => '[',
    record(record) {
      const text = separator + json(record);
      separator = ',\n';
      return text;
    },
    end: () => '\n]\n',
  };
}

function csvCells({ id, timestamp, service, level, message, information }: StoredRecord, fields?: readonly string[]) {
  const others = fields?.map((name) => plainText(fieldText(information, name))) ?? [information];
  return [id, timestamp, service, level, message, ...others];
}
