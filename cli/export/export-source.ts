/** The records of an export: the oldest first, a page of limited size at a time. */
import type { PageOptions, Query, RecordReader } from '../../query/index.js';
import type { StoredRecord } from '../../src/record.js';
import { formatTimestamp, LAST_SECOND, parseTimestamp } from '../../src/time/timestamp.js';
import type { Patience } from '../patience.js';

/** Canonical times. */
export interface ExportRange {
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}

export interface ExportPage {
  readonly records: readonly StoredRecord[];
  /** Of the next page; undefined: this is the last one. */
  readonly next: string | undefined;
}

export interface ExportSource {
  readonly reader: Pick<RecordReader, 'page'>;
  readonly patience: Patience;
  readonly query: Query;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Texts of a page, in bytes; a page also has at least one record. */
const PAGE_BYTES = 4 * 1024 * 1024;
const FIRST_PAGE = 100;
const MIN_PAGE = 10;
const MAX_PAGE = 1000;

/**
 * Yields at least one page. The next one is read while the caller works on one.
 *
 * @param cursor begin there. Default: at the beginning of the range.
 */
export async function* readPages(
  source: ExportSource,
  range: ExportRange,
  cursor: string | undefined,
): AsyncGenerator<ExportPage, void, undefined> {
  const left = new AbortController();
  const signal = AbortSignal.any([source.signal, left.signal]);
  const read = pages({ ...source, signal }, range, cursor);
  try {
    let next = read.next();
    for (let page = await next; !page.done; page = await next) {
      next = read.next();
      // It is awaited later.
      next.catch(() => {});
      yield page.value;
    }
  } finally {
    // The caller may leave while a page is read.
    left.abort();
    await read.return();
  }
}

async function* pages(
  { reader, patience, query, timeoutMs, signal }: ExportSource,
  range: ExportRange,
  cursor: string | undefined,
): AsyncGenerator<ExportPage, void, undefined> {
  let next = cursor;
  let limit = FIRST_PAGE;
  do {
    const page = { ...range, order: 'oldest first', limit, maxBytes: PAGE_BYTES, cursor: next } as const;
    const options: PageOptions = { ...page, timeoutMs, signal };
    const found = await patience.run(() => reader.page(query, options));
    next = found.next;
    yield { records: found.records, next };
    limit = nextLimit(found.records, limit);
  } while (next !== undefined);
}

/** The server reads as many records as the limit, so that should not be many more than fit. */
function nextLimit(records: readonly StoredRecord[], limit: number): number {
  if (records.length === 0) return limit;
  const characters = records.reduce((sum, { message, information }) => sum + message.length + information.length, 0);
  const fitting = Math.ceil(PAGE_BYTES / Math.max(1, characters / records.length));
  return Math.max(MIN_PAGE, Math.min(MAX_PAGE, fitting, limit * 10));
}

/**
 * The range with an end: if none was given, behind the record that is the newest now. So an export that is continued
 * later ends at the same record.
 */
export async function withEnd(
  { reader, patience, timeoutMs, signal }: ExportSource,
  { since, until }: ExportRange,
): Promise<ExportRange> {
  if (until !== undefined) return { since, until };
  const everything = { text: '', condition: { type: 'everything' } } as const;
  const newest = await patience.run(() => reader.page(everything, { since, limit: 1, timeoutMs, signal }));
  const time = parseTimestamp(newest.records[0]?.timestamp ?? '');
  if (time === undefined || time.seconds >= LAST_SECOND) return { since };
  const { seconds, micros } = time;
  const after = micros === 999_999 ? { seconds: seconds + 1, micros: 0 } : { seconds, micros: micros + 1 };
  return { since, until: formatTimestamp(after) };
}
