/** One page of the records that match a query, by keyset on (ts, id). */
import type { StoredRecord } from '../src/record.js';
import type { SearchIndexes } from './indexes.js';
import type { Query } from './parse.js';
import { isCanceled, type ReadLimits, type Statement } from './read-only.js';
import {
  checkedRange,
  cursorText,
  justBefore,
  type Position,
  parseCursor,
  positionOf,
  type TimeRange,
} from './record-rows.js';
import { searchSteps } from './steps.js';

export interface SearchOptions extends TimeRange, ReadLimits {}

export interface PageOptions extends SearchOptions {
  /** Most records of the page. Default 100. */
  readonly limit?: number | undefined;
  /**
   * Ends the page with the record with which the texts of all reach this size, in bytes, so that a page of large records
   * fits into memory. Default: no limit.
   */
  readonly maxBytes?: number | undefined;
  /** Default: newest first. */
  readonly order?: 'newest first' | 'oldest first' | undefined;
  /** `next` or `previous` of another page of the same query, range and order. */
  readonly cursor?: string | undefined;
}

export interface Page {
  /** In the requested order. */
  readonly records: readonly StoredRecord[];
  /** Cursor of the page after this one; undefined if there are no more records. */
  readonly next: string | undefined;
  /** Cursor of the page before this one, where records may have arrived since; undefined if nothing was ever found. */
  readonly previous: string | undefined;
  /**
   * Set if the time limit ended the search before the page was full: everything up to this time is searched, and `next`
   * (`previous` if that was the cursor) continues there.
   */
  readonly searchedTo: string | undefined;
}

const DEFAULT_LIMIT = 100;

/**
 * @param schema quoted.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION; the server error.
 */
export async function searchPage(
  statement: Statement,
  schema: string,
  indexes: SearchIndexes,
  { condition }: Query,
  { limit = DEFAULT_LIMIT, maxBytes, order = 'newest first', cursor, signal, ...range }: PageOptions,
): Promise<Page> {
  const start = cursor === undefined ? undefined : parseCursor(cursor);
  const [forward, backward] = order === 'newest first' ? (['older', 'newer'] as const) : (['newer', 'older'] as const);
  const towards = start?.towards ?? forward;
  const isOlder = towards === 'older';
  const search = { statement, schema, indexes, condition, range: checkedRange(range), isOlder, maxBytes };

  const found: StoredRecord[] = [];
  let reached = start?.position;
  let searchedTo: string | undefined;
  let isFull = false;
  try {
    for await (const { records, end, ...step } of searchSteps(search, start?.position, limit + 1)) {
      found.push(...records);
      reached = end;
      isFull = step.isFull;
    }
  } catch (error) {
    if (!isCanceled(error) || signal?.aborted || reached === start?.position) throw error;
    searchedTo = reached?.timestamp;
  }

  const records = found.slice(0, limit);
  const [first, last] = [records[0], records.at(-1)].map((record) => record && positionOf(record));
  const ahead = found.length > limit || isFull ? last : searchedTo === undefined ? undefined : reached;
  // Nothing lies ahead of the cursor. Back from here, its record is the first one.
  const behind = first ?? (start && justBefore(start.position, isOlder ? 'newer' : 'older'));
  const text = (direction: 'older' | 'newer', position: Position | undefined) =>
    position && cursorText({ towards: direction, position });
  if (towards === forward) return { records, next: text(forward, ahead), previous: text(backward, behind), searchedTo };
  const previous = text(backward, ahead ?? last ?? start?.position);
  return { records: records.reverse(), next: text(forward, behind), previous, searchedTo };
}
