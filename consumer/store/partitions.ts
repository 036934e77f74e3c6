/**
 * Creates partitions for the days of a batch and for the next week. What cannot be created soon is deferred: the
 * default partition stores the rows meanwhile, and they are moved when the day gets its partition.
 *
 * Before PostgreSQL attaches a partition, it scans the whole default partition under an exclusive lock. A validated
 * check constraint would avoid that, but would refuse rows of that day until the partition exists; with retries turned
 * off, these would become dead letters. So a default partition that is too large is reported, and tried only rarely.
 */
import pg from 'pg';
import { reasonOf } from '../../src/errors.js';
import type { StatusLog } from '../../src/status-log.js';
import type { DatabaseSession } from './connect.js';
import { attemptDdl, LOCK_BUDGET_MS, LOCK_TIMEOUT_MS } from './ddl.js';
import { readPartitions, recordsOf } from './partition-catalog.js';
import {
  boundsOf,
  DAYS_BACK,
  dayOf,
  daysAhead,
  daysInWindow,
  isCovered,
  partitionName,
  type Range,
} from './partition-days.js';
import { raiseLimits } from './pending-lists.js';
import { reasonFor, sqlStateOf } from './storage-fault.js';
import { transaction } from './transaction.js';

const READ = { statementTimeoutMs: 10_000, lockTimeoutMs: LOCK_TIMEOUT_MS };
/** For moving rows and attaching together: readers and writers of the default partition are blocked for this long. */
const MAX_LOCK_MS = 2000;
const CREATE = { statementTimeoutMs: MAX_LOCK_MS, lockTimeoutMs: LOCK_TIMEOUT_MS };
/** Delay before a failed day is retried, in milliseconds. */
const RETRY_AFTER_MS = 600_000;
/** Pause of all days while other sessions hold the lock, in milliseconds. */
const LOCK_PAUSE_MS = 60_000;
/** Pause of all days after consecutive timeouts, in milliseconds: the next attempt will hardly be faster. */
const PAUSES_MS = [600_000, 3_600_000, 86_400_000] as const;
/** Limits the age of the cache, because others create and drop partitions too. */
const CACHE_MS = 3_600_000;

export interface Partitions {
  /**
   * @param dates see `datesOf`.
   * @returns the number of created partitions.
   * @throws the server error if DDL failed for a reason that affects storing too.
   */
  ensure(session: DatabaseSession, dates: ReadonlySet<string>): Promise<number>;
  /** Call it if `ensure` failed but storing works: reports the error and defers the days. */
  defer(session: DatabaseSession, error: unknown): void;
  /** Clears the cache, so that partitions are read again before the next batch. */
  forget(): void;
}

export interface PartitionOptions {
  readonly schema: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly warnings: StatusLog;
  /** Number of past days that get a partition. Default 30. */
  readonly daysBack?: number | undefined;
}

export function createPartitions({ schema, now, warnings, daysBack = DAYS_BACK }: PartitionOptions): Partitions {
  let known: { readonly ranges: readonly Range[]; readonly at: number } | undefined;
  /** Per day: skipped until this time, epoch milliseconds. */
  const postponed = new Map<number, number>();
  /** No partition is created until this time, epoch milliseconds; number of consecutive pauses. */
  let pausedUntil = 0;
  let pauses = 0;
  /** Days that timed out. They are tried last, in case their own rows are the cause. */
  const slow = new Set<number>();
  /** Missing days of the last call of `ensure`. */
  let wanted: readonly number[] = [];

  /** Runs in the transaction of the caller. */
  async function ranges(session: DatabaseSession): Promise<readonly Range[]> {
    const partitions = await readPartitions(session, schema);
    return partitions ? partitions.filter(({ isDefault }) => !isDefault) : EVERYTHING;
  }

  /** @returns false if another session held the lock. */
  async function readRanges(session: DatabaseSession): Promise<boolean> {
    const read = async () => {
      known = { ranges: await transaction(session, READ, () => ranges(session)), at: now() };
    };
    return (await attemptDdl(read, performance.now())) === undefined;
  }

  function missing(days: readonly number[]): number[] {
    const at = now();
    if (pausedUntil > at) return [];
    return days.filter((day) => !isCovered(day, known?.ranges ?? []) && !((postponed.get(day) ?? 0) > at));
  }

  function pause(forMs: number): void {
    pausedUntil = now() + forMs;
  }

  function pauseWithBackoff(): void {
    pause(PAUSES_MS[Math.min(pauses, PAUSES_MS.length - 1)]!);
    pauses++;
  }

  function postpone(days: readonly number[]): void {
    for (const day of days) postponed.set(day, now() + RETRY_AFTER_MS);
  }

  /** @returns the error that defers the day, and whether it was created here. */
  async function create(
    session: DatabaseSession,
    day: number,
    deadline: number,
  ): Promise<{ error: unknown; isCreated: boolean }> {
    let isCreated = false;
    const work = async () => {
      isCreated = await transaction(session, CREATE, async () => {
        await lockPartitions(session, schema);
        // Another consumer may have created it.
        if (isCovered(day, await ranges(session))) return false;
        await createPartition(session, schema, day);
        return true;
      });
    };
    return { error: await attemptDdl(work, deadline), isCreated };
  }

  /** @returns the number of created partitions. */
  async function createAll(session: DatabaseSession, days: readonly number[]): Promise<number> {
    const deadline = performance.now() + LOCK_BUDGET_MS;
    let created = 0;
    for (const day of days) {
      if (pausedUntil <= now() && performance.now() > deadline) pauseWithBackoff();
      if (pausedUntil > now()) break;
      const { error, isCreated } = await create(session, day, deadline);
      if (error !== undefined) defer(session, day, error);
      else {
        postponed.delete(day);
        slow.delete(day);
        pauses = 0;
        if (isCreated) created++;
      }
    }
    return created;
  }

  function defer(session: DatabaseSession, day: number, error: unknown): void {
    const code = sqlStateOf(error) ?? '';
    // All partitions need the same lock, so trying the others is pointless.
    if (code === '55P03' || code.startsWith('40')) {
      pause(LOCK_PAUSE_MS);
      return;
    }
    warn(session, day, error);
    if (code === QUERY_CANCELED) {
      slow.add(day);
      pauseWithBackoff();
    } else postpone([day]);
  }

  function warn(session: DatabaseSession, day: number, error: unknown): void {
    const code = sqlStateOf(error) ?? '';
    const [within, why] =
      code === QUERY_CANCELED
        ? [` within ${MAX_LOCK_MS / 1000} s`, defaultTooLarge(schema, error)]
        : ['', reasonFor(error, session.place)];
    const sentence = `partition ${partitionName(day)} of schema ${schema} cannot be created${within}; the default partition stores its records. ${why}`;
    warnings.once(sentence, `partition ${code}`);
  }

  return {
    async ensure(session, dates) {
      const today = dayOf(now());
      const days = [...new Set([...daysInWindow(dates, today, daysBack), ...daysAhead(today)])];
      if (missing(days).length === 0 && known && now() - known.at < CACHE_MS) return 0;
      if (!(await readRanges(session))) return 0;
      wanted = missing(days);
      if (wanted.length === 0) return 0;
      const created = await createAll(
        session,
        [...wanted].sort((a, b) => Number(slow.has(a)) - Number(slow.has(b))),
      );
      await readRanges(session);
      return created;
    },
    defer(session, error) {
      const left = missing(wanted);
      if (left[0] === undefined) return;
      postpone(left);
      warn(session, left[0], error);
    },
    forget() {
      known = undefined;
    },
  };
}

/** SQLSTATE query_canceled: a timeout, or a cancellation by a user. */
const QUERY_CANCELED = '57014';

function defaultTooLarge(schema: string, error: unknown): string {
  const why = 'PostgreSQL scans the whole default partition before it attaches another, and it is too large.';
  const remedy = `Move the old rows of ${schema}.records_default into a partition of their own: docs/default-partition.md.`;
  return `${why} ${remedy} PostgreSQL reported: ${reasonOf(error)} (SQLSTATE ${QUERY_CANCELED}).`;
}

/** A table without declarative partitioning accepts every day. */
const EVERYTHING: readonly Range[] = [{ from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY }];

/** Consumers create and drop partitions one at a time. */
export async function lockPartitions(session: DatabaseSession, schema: string): Promise<void> {
  await session.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`loghive:${recordsOf(schema)}`]);
}

/**
 * Creates a separate table and attaches it: `create table … partition of` would lock the parent exclusively. The
 * default partition must not contain rows of the day by then, and must not receive any meanwhile.
 */
async function createPartition(session: DatabaseSession, schema: string, day: number): Promise<void> {
  const parent = recordsOf(schema);
  const table = `${pg.escapeIdentifier(schema)}.${partitionName(day)}`;
  const { from, to } = boundsOf(day);
  await session.query(`create table ${table} (like ${parent} including all excluding identity)`);
  await raiseLimits(session, table);
  const { rows } = await session.query<{ table: string; columns: string }>(DEFAULT_PARTITION, [parent]);
  const fallback = rows[0];
  let lockedAt = performance.now();
  if (fallback) {
    await session.query(`lock table ${fallback.table} in access exclusive mode`);
    lockedAt = performance.now();
    await session.query(`
      with moved as (delete from ${fallback.table} where ts >= ${from} and ts < ${to} returning ${fallback.columns})
      insert into ${table} (${fallback.columns}) select ${fallback.columns} from moved`);
  }
  const leftMs = Math.max(1, Math.ceil(lockedAt + MAX_LOCK_MS - performance.now()));
  await session.query(`set local statement_timeout = ${leftMs};
    alter table ${parent} attach partition ${table} for values from (${from}) to (${to})`);
}

/** The default partition and its columns, except generated ones. */
const DEFAULT_PARTITION = `
  select format('%I.%I', nspname, relname) as "table",
    (select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
     where attrelid = class.oid and attnum > 0 and not attisdropped and attgenerated = '') as columns
  from pg_partitioned_table
  join pg_class class on class.oid = partdefid
  join pg_namespace on pg_namespace.oid = relnamespace
  where partrelid = $1::regclass`;
