/** Reads the records of a search in the order in which they are shown, a page at a time. */
import type { Page, PageOptions, Query, RecordReader, SearchOptions } from '../../query/index.js';
import type { StoredRecord } from '../../src/record.js';

/** `newest-last` shows the newest records, the newest one at the bottom. */
export const ORDERS = ['newest-last', 'newest-first', 'oldest-first'] as const;
export type Order = (typeof ORDERS)[number];

export interface BatchOptions {
  readonly query: Query;
  readonly range: Pick<SearchOptions, 'since' | 'until' | 'timeoutMs'>;
  readonly order: Order;
  /** Infinity for all. Asked again after each batch: it depends on whether a pager opened. */
  readonly limit: () => number;
  readonly cursor: string | undefined;
  readonly signal: AbortSignal;
  /** Called when a page reaches the time limit before it is full; the search continues. */
  readonly onSlow: (searchedTo: string) => void;
}

/** The first page is small, so that something is shown soon. */
const FIRST_PAGE = 100;
const PAGE = 1000;

/**
 * Yields batches that are not empty. Pages are read on demand, except for `newest-last`, where all of them are read
 * before the first, and at most `limit` records are kept in memory.
 *
 * @returns the cursor of what follows after the limit; undefined if there is nothing more.
 */
export async function* readBatches(
  reader: Pick<RecordReader, 'page'>,
  options: BatchOptions,
): AsyncGenerator<readonly StoredRecord[], string | undefined, undefined> {
  if (options.order !== 'newest-last') return yield* pages(reader, options, options.order);
  // Without a limit, the newest are last if the oldest are first.
  if (options.limit() === Number.POSITIVE_INFINITY) return yield* pages(reader, options, 'oldest-first');
  const read: (readonly StoredRecord[])[] = [];
  const newestFirst = pages(reader, options, 'newest-first');
  let page = await newestFirst.next();
  for (; !page.done; page = await newestFirst.next()) read.push(page.value.toReversed());
  yield* read.reverse();
  return page.value;
}

async function* pages(
  reader: Pick<RecordReader, 'page'>,
  { query, range, limit, cursor, signal, onSlow }: BatchOptions,
  order: Exclude<Order, 'newest-last'>,
): AsyncGenerator<readonly StoredRecord[], string | undefined, undefined> {
  let next = cursor;
  let size = FIRST_PAGE;
  for (let read = 0; ; size = PAGE) {
    const pageOptions: PageOptions = {
      ...range,
      order: order === 'oldest-first' ? 'oldest first' : 'newest first',
      limit: Math.min(limit() - read, size),
      cursor: next,
      signal,
    };
    const page: Page = await reader.page(query, pageOptions);
    if (page.records.length > 0) yield page.records;
    read += page.records.length;
    next = page.next;
    if (page.searchedTo !== undefined) onSlow(page.searchedTo);
    if (next === undefined || read >= limit()) return next;
  }
}
