/**
 * Records as they are stored: each one once, in order.
 *
 * A record's time is made in the application. It is stored later: usually 60 ms, after an outage hours. And several
 * consumers commit out of order. So "newer than the last one" would miss records. What is new is decided by
 * transactions instead (`xmin`, the transaction that stored the row): all rows of a transaction become visible at once,
 * and every transaction that was not visible in a snapshot has a number not lower than the snapshot's `xmin`. So the
 * next poll looks at transactions from that number on, without those that were already shown (there are few).
 * (`pg_visible_in_snapshot` would not need that list, but it is wrong for rows stored under a savepoint.)
 *
 * No index is in the order of transactions. So the rows of a range of time are looked at: in each poll a few seconds
 * around now, and every ten seconds a longer range, which adapts to what it costs: a day for a query that an index
 * serves, half a minute for everything at thousands of records a second. A record that comes later than that is stored,
 * but not shown here. Transactions that last longer than a minute are not shown either; those of Loghive last half a
 * minute at most.
 *
 * Why not LISTEN: a notification would say that something was stored, not which rows, so the same statements would
 * follow it; every consumer would have to send it, also if nobody listens; and poolers and standbys do not pass it on.
 * docs/performance.md has what polling costs.
 */
import { backoffMs } from '../src/backoff.js';
import { LoghiveError } from '../src/errors.js';
import type { StoredRecord } from '../src/record.js';
import { sleep } from '../src/time/time-limit.js';
import { createFreshRecords } from './fresh-records.js';
import type { SearchIndexes } from './indexes.js';
import { searchPage } from './page.js';
import type { Query } from './parse.js';
import type { ReadLimits, Statement } from './read-only.js';
import { createReorder, type Released } from './reorder.js';

export interface TailOptions {
  /** How many of the last records come first. Default 20. */
  readonly lines?: number | undefined;
  /** Ends the iteration. */
  readonly signal?: AbortSignal | undefined;
  /** Time between two polls in milliseconds; more if polls take the server long. Default 500. */
  readonly pollMs?: number | undefined;
  /** How long a record is held back, so that others can be put before it, in milliseconds. Default 500. */
  readonly holdMs?: number | undefined;
  /**
   * Most records between two polls. Default 20000. If there are more, because so many are stored or because the reader
   * of the iterable is slow, the newest are taken and the others counted as skipped.
   */
  readonly maxRecords?: number | undefined;
}

export type TailEvent =
  /** In order, newer than all records before, except for late ones. */
  | { readonly type: 'records'; readonly records: readonly StoredRecord[] }
  /** In order, but older than records of earlier events: they were stored later than others of their time. */
  | { readonly type: 'late'; readonly records: readonly StoredRecord[] }
  /** Matching records were left out, because the reader of the iterable is too slow. */
  | { readonly type: 'skipped'; readonly count: number }
  /** Once, when the database cannot be reached. */
  | { readonly type: 'disconnected'; readonly reason: string }
  /** What was stored meanwhile follows. */
  | { readonly type: 'reconnected' };

/** What a tail needs of its reader. */
export interface TailSource {
  read<T>(limits: ReadLimits, work: (statement: Statement) => Promise<T>): Promise<T>;
  indexes(statement: Statement): Promise<SearchIndexes>;
  /** Quoted. */
  readonly schema: string;
}

const START_TIMEOUT_MS = 15_000;
const POLL_TIMEOUT_MS = 15_000;
const MAX_HOLD_MS = 5000;
/** While many records are stored, polls are rarer: the server works a fiftieth of the time. */
const PAUSE_FOR_EACH_MS = 50;
const MAX_PAUSE_MS = 1500;
const RETRY = { firstMs: 500, maxMs: 10_000 };

/** @throws LoghiveError if it cannot start: LOGHIVE_STORAGE_UNAVAILABLE and others. */
export async function* tailRecords(
  { read, indexes, schema }: TailSource,
  query: Query,
  { lines = 20, signal = new AbortController().signal, pollMs = 500, holdMs = 500, maxRecords = 20_000 }: TailOptions,
): AsyncGenerator<TailEvent, void, undefined> {
  const fresh = createFreshRecords({ schema, condition: query.condition, maxRecords });
  let latest: readonly StoredRecord[] = [];
  try {
    await read({ timeoutMs: START_TIMEOUT_MS, signal, isolation: 'repeatable read' }, async (statement) => {
      const known = await indexes(statement);
      await fresh.start(statement, known, performance.now());
      if (lines > 0)
        latest = [...(await searchPage(statement, schema, known, query, { limit: lines, signal })).records].reverse();
    });
  } catch (error) {
    if (signal.aborted) return;
    // The last lines took too long; the next ones are found nevertheless.
    if (!(error instanceof LoghiveError) || error.code !== 'LOGHIVE_SEARCH_TIMEOUT') throw error;
  }
  if (latest.length > 0) yield { type: 'records', records: latest };
  const reorder = createReorder(holdMs, Math.max(holdMs, MAX_HOLD_MS), latest.at(-1));

  let pauseMs = pollMs;
  for (let failures = 0; !signal.aborted; ) {
    await sleep(failures === 0 ? pauseMs : backoffMs(failures, RETRY), signal);
    if (signal.aborted) return;
    try {
      const poll = (statement: Statement) =>
        indexes(statement).then((known) => fresh.poll(statement, known, performance.now()));
      const { records, skipped, serverTime, tookMs } = await read({ timeoutMs: POLL_TIMEOUT_MS, signal }, poll);
      if (failures > 0) yield { type: 'reconnected' };
      failures = 0;
      pauseMs = Math.max(pollMs, Math.min(tookMs * PAUSE_FOR_EACH_MS, MAX_PAUSE_MS));
      reorder.add(records, performance.now(), serverTime);
      if (skipped > 0) yield { type: 'skipped', count: skipped };
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof LoghiveError)) throw error;
      failures += 1;
      if (failures === 1) yield { type: 'disconnected', reason: error.message };
    }
    yield* eventsOf(reorder.release(performance.now()));
  }
}

function* eventsOf({ records, late }: Released): Generator<TailEvent> {
  if (late.length > 0) yield { type: 'late', records: late };
  if (records.length > 0) yield { type: 'records', records };
}
