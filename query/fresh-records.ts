/** Finds the records that were stored since the last poll. tail.ts says how and why. */

import { isoTime } from '../consumer/store/sql.js';
import type { StoredRecord } from '../src/record.js';
import { formatTimestamp, parseTimestamp, timestampFromMicros } from '../src/time/timestamp.js';
import { parameters, sqlOf } from './compile.js';
import type { Condition } from './condition.js';
import type { SearchIndexes } from './indexes.js';
import type { Statement } from './read-only.js';
import { RECORD_COLUMNS, recordOf } from './record-rows.js';

export interface Poll {
  /** In no order. */
  readonly records: readonly StoredRecord[];
  /** Matching records that were left out, because there are more than `maxRecords`. */
  readonly skipped: number;
  /** The server's clock. */
  readonly serverTime: string;
  /** How long the server worked, in milliseconds. */
  readonly tookMs: number;
}

export interface FreshRecords {
  /** Everything that the transaction sees is not fresh. Its isolation level must be REPEATABLE READ. */
  start(statement: Statement, indexes: SearchIndexes, nowMs: number): Promise<void>;
  /** @param nowMs any clock that does not jump, in milliseconds. */
  poll(statement: Statement, indexes: SearchIndexes, nowMs: number): Promise<Poll>;
}

export interface FreshRecordsOptions {
  /** Quoted. */
  readonly schema: string;
  readonly condition: Condition;
  readonly maxRecords: number;
}

/** Each poll looks this far into the past and the future, in seconds, in addition to the time since the last one. */
const NEAR_S = 2;
/** After a longer time without a connection, what was stored before is not shown. In seconds. */
const MAX_ELAPSED_S = 300;
/** How often a poll looks further. */
const FAR_EVERY_MS = 10_000;
const MIN_FAR_S = 30;
const MAX_FAR_S = 86_400;
/** If it took less, the next one looks further; if it took more, less far. In milliseconds. */
const CHEAP_MS = 20;
const EXPENSIVE_MS = 80;
/** Transactions that have lasted longer are given up, in milliseconds. */
const MAX_TRANSACTION_MS = 60_000;

/** A transaction whose rows of this range were shown. */
interface Shown {
  /** The transaction's 64-bit number. */
  readonly number: bigint;
  readonly since: string;
  readonly until: string;
}

export function createFreshRecords({ schema, condition, maxRecords }: FreshRecordsOptions): FreshRecords {
  /** By the 32-bit number that rows have. */
  const shown = new Map<string, Shown>();
  /** Transactions before these numbers are not fresh, in near and far polls. */
  let nearFloor = 0n;
  let farFloor = 0n;
  let farS = MIN_FAR_S;
  let polledMs = 0;
  let farPolledMs = 0;
  /** The server's clock at `polledMs`. */
  let serverTime = '';
  /** The next transaction number at the time of recent polls. */
  let history: { readonly ms: number; readonly next: bigint }[] = [];

  async function look(statement: Statement, indexes: SearchIndexes, reachS: number, floor: bigint, nowMs: number) {
    const serverS = secondsOf(serverTime) + (nowMs - polledMs) / 1000;
    const since = timeOf(serverS - reachS);
    const until = timeOf(serverS + reachS);
    const { values, bind } = parameters();
    const known = [...shown].filter(([, { number }]) => number >= floor);
    const conditions = [
      `ts >= ${bind(since)}::timestamptz and ts < ${bind(until)}::timestamptz`,
      // 32-bit numbers wrap around, their ages are comparable.
      `age(xmin) <= age(${bind(String(BigInt.asUintN(32, floor)))}::text::xid)`,
      sqlOf(condition, schema, bind, indexes),
    ];
    if (known.length > 0) {
      conditions.push(`not exists (
        select from unnest(${bind(known.map(([xid]) => xid))}::text[], ${bind(known.map(([, each]) => each.since))}::timestamptz[],
          ${bind(known.map(([, each]) => each.until))}::timestamptz[]) as shown (xid, since, until)
        where shown.xid = records.xmin::text and ts >= shown.since and ts < shown.until)`);
    }
    const most = bind(maxRecords);
    // The facts are in the last row only: in each row they would cost more than the records. Nothing is sorted, unless
    // there are too many.
    const rows = await statement<PollRow>(
      `with found as materialized (
        select id, ts, service, level, message, information, xmin::text as xid
        from ${schema}.records where ${conditions.join(' and ')}
      ), total as materialized (select count(*) as n from found),
      newest as (
        select ${RECORD_COLUMNS} from found where (select n from total) <= ${most}
        union all
        (select ${RECORD_COLUMNS} from found where (select n from total) > ${most}
          order by found.ts desc, found.id desc limit ${most})
      ), placed as (select *, row_number() over () as place from newest)
      select placed.*, case when place is null or place = (select least(n, ${most}) from total) then json_build_object(
        'snapshot', pg_current_snapshot()::text, 'serverTime', ${isoTime('clock_timestamp()')},
        'tookMs', extract(epoch from clock_timestamp() - statement_timestamp()) * 1000,
        'counts', (select json_object_agg(xid, n) from (select xid, count(*) as n from found group by xid) as each)
      )::text end as facts
      from (values (1)) as one left join placed on true`,
      values,
    );
    const { snapshot, counts, tookMs, serverTime: time }: Facts = JSON.parse(rows.at(-1)?.facts ?? '');
    const records = rows.filter(({ id }) => id !== null).map(recordOf);
    return { ...parseSnapshot(snapshot), records, counts: counts ?? {}, tookMs, time, since, until };
  }

  /** @returns whether the next poll may look further than the one that took so long. */
  function adapt(tookMs: number): boolean {
    if (tookMs > EXPENSIVE_MS) farS = Math.max(farS / 2, MIN_FAR_S);
    if (tookMs > CHEAP_MS || farS === MAX_FAR_S) return false;
    farS = Math.min(farS * 4, MAX_FAR_S);
    return true;
  }

  /** @param next number of the next transaction. */
  function remember(counts: Counts, since: string, until: string, next: bigint): void {
    for (const xid of Object.keys(counts)) {
      const before = shown.get(xid);
      shown.set(xid, {
        number: fullNumber(xid, next),
        since: before === undefined || since < before.since ? since : before.since,
        until: before === undefined || until > before.until ? until : before.until,
      });
    }
  }

  function forget(): void {
    const floor = nearFloor < farFloor ? nearFloor : farFloor;
    for (const [xid, { number }] of shown) if (number < floor) shown.delete(xid);
  }

  /** The number from which on transactions may be fresh in the next poll. */
  function floorAfter(oldest: bigint, next: bigint, nowMs: number): bigint {
    history.push({ ms: nowMs, next });
    const past = history.findLastIndex(({ ms }) => nowMs - ms >= MAX_TRANSACTION_MS);
    if (past === -1) return oldest;
    history = history.slice(past);
    const least = history[0]!.next;
    return oldest > least ? oldest : least;
  }

  return {
    async start(statement, indexes, nowMs) {
      const [row] = await statement<{ snapshot: string; time: string }>(
        `select pg_current_snapshot()::text as snapshot, ${isoTime('clock_timestamp()')} as time`,
        [],
      );
      const { oldest, next } = parseSnapshot(row!.snapshot);
      serverTime = row!.time;
      polledMs = nowMs;
      farPolledMs = nowMs;
      nearFloor = floorAfter(oldest, next, nowMs);
      farFloor = nearFloor;
      for (let isCheap = true; isCheap; ) {
        const { counts, tookMs } = await look(statement, indexes, farS, nearFloor, nowMs);
        // Transactions after the oldest one in progress that have already ended.
        remember(counts, FIRST_TIME, LAST_TIME, next);
        isCheap = adapt(tookMs);
      }
    },
    async poll(statement, indexes, nowMs) {
      const isFar = nowMs - farPolledMs >= FAR_EVERY_MS;
      const elapsedS = Math.min(MAX_ELAPSED_S, (nowMs - (isFar ? farPolledMs : polledMs)) / 1000);
      const reachS = elapsedS + (isFar ? farS : NEAR_S);
      const found = await look(statement, indexes, reachS, isFar ? farFloor : nearFloor, nowMs);
      const { records, counts, oldest, next, time, since, until, tookMs } = found;
      // Another server, promoted or restored from a backup: the same numbers are other transactions there.
      if (next < nearFloor) {
        history = [];
        shown.clear();
        farFloor = oldest;
      }
      remember(counts, since, until, next);
      nearFloor = floorAfter(oldest, next, nowMs);
      if (isFar) {
        farFloor = nearFloor;
        farPolledMs = nowMs;
        adapt(tookMs);
      }
      forget();
      serverTime = time;
      polledMs = nowMs;
      const stored = Object.values(counts).reduce((sum, count) => sum + count, 0);
      return { records, skipped: stored - records.length, serverTime: time, tookMs };
    },
  };
}

/** Rows by 32-bit transaction number. */
type Counts = Readonly<Record<string, number>>;

type PollRow = StoredRecord & { readonly facts: string | null };

/** About the statement. */
interface Facts {
  readonly snapshot: string;
  readonly serverTime: string;
  readonly tookMs: number;
  readonly counts: Counts | null;
}

const FIRST_TIME = '0001-01-01T00:00:00.000000Z';
const LAST_TIME = '9999-12-31T23:59:59.999999Z';

/** @returns the number of the oldest transaction in progress, and that of the next one. */
function parseSnapshot(snapshot: string): { oldest: bigint; next: bigint } {
  const [oldest = '0', next = '0'] = snapshot.split(':');
  return { oldest: BigInt(oldest), next: BigInt(next) };
}

/** The 64-bit number of a recent transaction. */
function fullNumber(xid: string, next: bigint): bigint {
  const number = (next & ~0xffff_ffffn) | BigInt(xid);
  return number > next ? number - 0x1_0000_0000n : number;
}

function secondsOf(time: string): number {
  const { seconds, micros } = parseTimestamp(time)!;
  return seconds + micros / 1_000_000;
}

function timeOf(seconds: number): string {
  return formatTimestamp(timestampFromMicros(Math.floor(seconds * 1_000_000)));
}
