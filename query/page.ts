/** One page of the records that match a query, by keyset on (ts, id). */
import type { DatabaseSession } from '../consumer/store/connect.js';
import type { StoredRecord } from '../src/record.js';
import { compileQuery } from './compile.js';
import type { Query } from './parse.js';
import { cursorText, type Position, parseCursor, positionOf, RECORD_COLUMNS } from './record-rows.js';

export interface SearchOptions {
  /** Earliest time, inclusive. Default: the oldest record. */
  readonly since?: string | undefined;
  /** Latest time, exclusive. Default: the newest record, even if its clock was ahead. */
  readonly until?: string | undefined;
  /** Time limit in milliseconds. Default 30000; 0: none. */
  readonly timeoutMs?: number | undefined;
  /** Cancels the search on the server. The promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

export interface PageOptions extends SearchOptions {
  /** Most records of the page. Default 100. */
  readonly limit?: number | undefined;
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
  /** Cursor of the page before this one, where newer records (or older ones) may have arrived since; undefined if this page is empty. */
  readonly previous: string | undefined;
  /**
   * Set if the time limit ended the search before the page was full: everything up to this time is searched, and `next`
   * continues there.
   */
  readonly searchedTo: string | undefined;
}

const DEFAULT_LIMIT = 100;

/** @param schema quoted. */
export async function searchPage(
  session: DatabaseSession,
  schema: string,
  query: Query,
  { since, until, limit = DEFAULT_LIMIT, order = 'newest first', cursor }: PageOptions,
): Promise<Page> {
  const forward = order === 'newest first' ? 'older' : 'newer';
  const from = cursor === undefined ? undefined : parseCursor(cursor);
  const towards = from?.towards ?? forward;
  const isOlder = towards === 'older';
  const { sql, values } = compileQuery(query, schema);
  const parameters = [...values];
  const bind = (value: unknown) => `$${parameters.push(value)}`;
  const conditions = [sql];
  if (since !== undefined) conditions.push(`ts >= ${bind(since)}::timestamptz`);
  if (until !== undefined) conditions.push(`ts < ${bind(until)}::timestamptz`);
  if (from !== undefined) {
    const { timestamp, id } = from.position;
    const [ts, own] = [bind(timestamp), bind(id)];
    // The row comparison alone does not exclude partitions.
    conditions.push(
      `ts ${isOlder ? '<=' : '>='} ${ts}::timestamptz and (ts, id) ${isOlder ? '<' : '>'} (${ts}::timestamptz, ${own}::uuid)`,
    );
  }
  const direction = isOlder ? 'desc' : 'asc';
  const { rows } = await session.query<StoredRecord & Record<string, unknown>>(
    `select ${RECORD_COLUMNS} from ${schema}.records where ${conditions.join(' and ')}
    order by ts ${direction}, records.id ${direction} limit ${bind(limit + 1)}`,
    parameters,
  );
  const hasMore = rows.length > limit;
  const found: StoredRecord[] = rows.slice(0, limit);
  const records = towards === forward ? found : found.reverse();
  const edge = (record: StoredRecord | undefined): Position | undefined => record && positionOf(record);
  const [first, last] = [edge(records[0]), edge(records.at(-1))];
  const backward = forward === 'older' ? 'newer' : 'older';
  return {
    records,
    next: last && (towards !== forward || hasMore) ? cursorText({ towards: forward, position: last }) : undefined,
    previous: first && cursorText({ towards: backward, position: first }),
    searchedTo: undefined,
  };
}
