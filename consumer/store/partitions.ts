/**
 * Sees to it that the days of a batch, and the next week, have a partition. What cannot be had soon is left for later:
 * the default partition takes the rows meanwhile, and they are moved when the day gets its own.
 *
 * Before PostgreSQL attaches a partition it looks through the whole default one, which it has locked against everybody. A
 * validated check constraint would spare it that, but would also refuse rows of that day for as long as the partition is
 * not there; with retries turned off, these would become dead letters. So a default partition that has become too large is
 * reported, and tried only rarely.
 */
import pg from 'pg';
import { reasonOf } from '../../src/errors.js';
import type { StatusLog } from '../../src/status-log.js';
import type { DatabaseSession } from './connect.js';
import { attemptDdl, LOCK_TIMEOUT_MS, PATIENCE_MS } from './ddl-attempt.js';
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

const LOOK = { statementTimeoutMs: 10_000, lockTimeoutMs: LOCK_TIMEOUT_MS };
/** For moving rows and attaching together: readers and writers of the default partition wait for as long. */
const LOCKED_MS = 2000;
const MAKE = { statementTimeoutMs: LOCKED_MS, lockTimeoutMs: LOCK_TIMEOUT_MS };
/** One day that cannot have a partition. */
const POSTPONE_MS = 600_000;
/** All days, where others hold the lock. */
const LOCK_HOLD_MS = 60_000;
/** All days, where it takes too long, the more often in a row the longer: the next attempt will hardly go better. */
const HOLDS_MS = [600_000, 3_600_000, 86_400_000] as const;
/** Partitions are also made and dropped by others. */
const CACHE_MS = 3_600_000;

export interface Partitions {
  /**
   * @param dates as `datesOf` gives them.
   * @returns how many were made.
   * @throws the server's error where DDL failed for a reason that storing would fail for as well.
   */
  ensure(session: DatabaseSession, dates: ReadonlySet<string>): Promise<number>;
  /** Storing works all the same: what `ensure` threw is told, and the days are left for later. */
  leave(session: DatabaseSession, error: unknown): void;
  /** The cache was wrong: look again before the next batch. */
  forget(): void;
}

export interface PartitionOptions {
  readonly schema: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly warnings: StatusLog;
  /** How many days back there are partitions. Default 30. */
  readonly daysBack?: number | undefined;
}

export function createPartitions({ schema, now, warnings, daysBack = DAYS_BACK }: PartitionOptions): Partitions {
  let known: { readonly ranges: readonly Range[]; readonly at: number } | undefined;
  /** Until when a day is left alone, epoch milliseconds. */
  const postponed = new Map<number, number>();
  /** Until when no partition is made, epoch milliseconds, and how often in a row that was so. */
  let heldUntil = 0;
  let holds = 0;
  /** Days that took too long: tried behind the others, in case it is their own rows. */
  const slow = new Set<number>();
  /** Of the last call of `ensure`. */
  let wanted: readonly number[] = [];

  /** Within the transaction under way. */
  async function ranges(session: DatabaseSession): Promise<readonly Range[]> {
    const partitions = await readPartitions(session, schema);
    return partitions ? partitions.filter(({ isDefault }) => !isDefault) : EVERYTHING;
  }

  /** @returns whether that was possible: even for that a lock of somebody else may have to be waited for. */
  async function look(session: DatabaseSession): Promise<boolean> {
    const read = async () => {
      known = { ranges: await transaction(session, LOOK, () => ranges(session)), at: now() };
    };
    return (await attemptDdl(read, performance.now())) === undefined;
  }

  function missing(days: readonly number[]): number[] {
    const at = now();
    if (heldUntil > at) return [];
    return days.filter((day) => !isCovered(day, known?.ranges ?? []) && !((postponed.get(day) ?? 0) > at));
  }

  function hold(forMs: number): void {
    heldUntil = now() + forMs;
  }

  function holdEverLonger(): void {
    hold(HOLDS_MS[Math.min(holds, HOLDS_MS.length - 1)]!);
    holds++;
  }

  function postpone(days: readonly number[]): void {
    for (const day of days) postponed.set(day, now() + POSTPONE_MS);
  }

  /** @returns the error that says why the day is left for later, and whether it was made here. */
  async function make(
    session: DatabaseSession,
    day: number,
    deadline: number,
  ): Promise<{ error: unknown; isMade: boolean }> {
    let isMade = false;
    const work = async () => {
      isMade = await transaction(session, MAKE, async () => {
        await lockPartitions(session, schema);
        // Another consumer may have been faster.
        if (isCovered(day, await ranges(session))) return false;
        await createPartition(session, schema, day);
        return true;
      });
    };
    return { error: await attemptDdl(work, deadline), isMade };
  }

  /** @returns how many were made. */
  async function makeAll(session: DatabaseSession, days: readonly number[]): Promise<number> {
    const deadline = performance.now() + PATIENCE_MS;
    let made = 0;
    for (const day of days) {
      if (heldUntil <= now() && performance.now() > deadline) holdEverLonger();
      if (heldUntil > now()) break;
      const { error, isMade } = await make(session, day, deadline);
      if (error !== undefined) leave(session, day, error);
      else {
        postponed.delete(day);
        slow.delete(day);
        holds = 0;
        if (isMade) made++;
      }
    }
    return made;
  }

  function leave(session: DatabaseSession, day: number, error: unknown): void {
    const code = sqlStateOf(error) ?? '';
    // Every partition needs the same lock, so the others would wait as long in vain.
    if (code === '55P03' || code.startsWith('40')) {
      hold(LOCK_HOLD_MS);
      return;
    }
    tell(session, day, error);
    if (code === TOO_SLOW) {
      slow.add(day);
      holdEverLonger();
    } else postpone([day]);
  }

  function tell(session: DatabaseSession, day: number, error: unknown): void {
    const code = sqlStateOf(error) ?? '';
    const [within, why] =
      code === TOO_SLOW
        ? [` within ${LOCKED_MS / 1000} s`, tooLarge(schema, error)]
        : ['', reasonFor(error, session.place)];
    const sentence = `partition ${partitionName(day)} of schema ${schema} cannot be made${within}; the default partition takes its records. ${why}`;
    warnings.once(sentence, `partition ${code}`);
  }

  return {
    async ensure(session, dates) {
      const today = dayOf(now());
      const days = [...new Set([...daysInWindow(dates, today, daysBack), ...daysAhead(today)])];
      if (missing(days).length === 0 && known && now() - known.at < CACHE_MS) return 0;
      if (!(await look(session))) return 0;
      wanted = missing(days);
      if (wanted.length === 0) return 0;
      const made = await makeAll(
        session,
        [...wanted].sort((a, b) => Number(slow.has(a)) - Number(slow.has(b))),
      );
      await look(session);
      return made;
    },
    leave(session, error) {
      const left = missing(wanted);
      if (left[0] === undefined) return;
      postpone(left);
      tell(session, left[0], error);
    },
    forget() {
      known = undefined;
    },
  };
}

/** SQLSTATE query_canceled: by a time-out, or by a person whom it took too long. */
const TOO_SLOW = '57014';

function tooLarge(schema: string, error: unknown): string {
  const why = 'PostgreSQL looks through all of the default partition before it adds another, and it is too large.';
  const remedy = `Move the old rows of ${schema}.records_default into a partition of their own: docs/default-partition.md.`;
  return `${why} ${remedy} The server said: ${reasonOf(error)} (SQLSTATE ${TOO_SLOW}).`;
}

/** A table without partitions, or one whose parts an extension sees to, takes every day as it is. */
const EVERYTHING: readonly Range[] = [{ from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY }];

/** Consumers make and drop partitions one after the other. */
export async function lockPartitions(session: DatabaseSession, schema: string): Promise<void> {
  await session.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`loghive:${recordsOf(schema)}`]);
}

/**
 * A table beside the parent is attached: `create table … partition of` would lock the parent against everybody.
 * The default partition must hold none of the day's rows by then, and must not get any meanwhile.
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
  const leftMs = Math.max(1, Math.ceil(lockedAt + LOCKED_MS - performance.now()));
  await session.query(`set local statement_timeout = ${leftMs};
    alter table ${parent} attach partition ${table} for values from (${from}) to (${to})`);
}

/** The default partition and the columns that can be copied from it (generated ones make themselves). */
const DEFAULT_PARTITION = `
  select format('%I.%I', nspname, relname) as "table",
    (select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
     where attrelid = class.oid and attnum > 0 and not attisdropped and attgenerated = '') as columns
  from pg_partitioned_table
  join pg_class class on class.oid = partdefid
  join pg_namespace on pg_namespace.oid = relnamespace
  where partrelid = $1::regclass`;
