/**
 * Deletes expired records: whole days as partitions, rows of the default partition in small steps, and levels with a
 * shorter retention row by row.
 *
 * Every step is its own transaction, and one of several processes does the work: a process that does not get the
 * advisory lock skips the pass. If the process dies or a step fails, the next pass continues.
 *
 * A reader may hold a table lock for hours, and while we wait for it every later lock request waits behind ours. So the
 * steps of a pass wait two seconds for locks in total, and locked objects are skipped with increasing delays.
 */
import type { StatusLog } from '../../src/status-log.js';
import { sleep } from '../../src/time/time-limit.js';
import type { DatabaseSession } from './connect.js';
import { attemptDdl, Cooldowns, LOCK_BUDGET_MS, LOCK_TIMEOUT_MS } from './ddl.js';
import { withPhase } from './error-action.js';
import { lockHolder } from './lock-holder.js';
import { type Partition, readPartitions, recordsOf } from './partition-catalog.js';
import { boundsOf, dayOf, type FirstDays, firstDays, type Retention } from './partition-days.js';
import { lockPartitions } from './partitions.js';
import { reasonFor, sqlStateOf } from './storage-fault.js';
import { transaction } from './transaction.js';

/** Result of one pass. */
export interface Removed {
  /** Names of dropped partitions, oldest first. */
  readonly partitions: readonly string[];
  /** Number of records deleted individually. */
  readonly records: number;
  /** Expired records were left for later: they are locked, or may not be deleted. */
  readonly isBehind: boolean;
}

type Removing = { -readonly [K in keyof Removed]: Removed[K] } & { partitions: string[] };

interface Pass {
  readonly session: DatabaseSession;
  readonly signal: AbortSignal;
  readonly removed: Removing;
  /** Remaining time to wait for locks, in milliseconds. */
  lockBudgetMs: number;
}

export interface RetentionOptions {
  readonly schema: string;
  readonly retention: Retention;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly warnings: StatusLog;
}

export interface RetentionPass {
  /**
   * @param signal stops after the current step.
   * @throws the server or socket error if storage has to pause.
   */
  run(session: DatabaseSession, signal: AbortSignal): Promise<Removed>;
}

/** One transaction. */
interface Step {
  /** For messages. */
  readonly what: string;
  readonly oid: number;
  /** Key of the lock: the oid, or `DROPS`. */
  readonly lockKey: number;
  /** Tables that it locks. */
  readonly tables: readonly string[];
}

const SETTINGS = { statementTimeoutMs: 10_000, lockTimeoutMs: LOCK_TIMEOUT_MS };
/** Like creating a partition: readers and writers are blocked for this long. */
const DROP = { statementTimeoutMs: 2000, lockTimeoutMs: LOCK_TIMEOUT_MS };
const ROWS_PER_STEP = 2000;
/** Blocks of 8 KiB: each step scans 4 MiB. */
const BLOCKS_PER_STEP = 512;
/** Lock key of all drops: each one locks the records table. Not an oid. */
const DROPS = 0;
const DAY_S = 86_400;

/** Another process is running a pass. */
class LockNotAcquired extends Error {}

export function createRetention({ schema, retention, now, warnings }: RetentionOptions): RetentionPass {
  const parent = recordsOf(schema);
  /** By oid or lock key. */
  const cooldowns = new Cooldowns(now);
  /** Conditions already applied to a partition, by oid. It is not scanned again. */
  const finished = new Map<number, string>();

  /** @throws LockNotAcquired */
  async function lock(session: DatabaseSession): Promise<void> {
    const { rows } = await session.query<{ locked: boolean }>(
      'select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as locked',
      [`loghive:retention:${parent}`],
    );
    if (!rows[0]?.locked) throw new LockNotAcquired();
  }

  /** The local clock may be wrong, so only records that are expired by the clock of the server too are deleted. */
  async function readState(
    session: DatabaseSession,
  ): Promise<{ today: number; partitions: readonly Partition[] | undefined }> {
    return transaction(session, SETTINGS, async () => {
      const { rows } = await session.query<{ ms: number }>('select extract(epoch from now())::float8 * 1000 as ms');
      const today = dayOf(Math.min(now(), rows[0]?.ms ?? Number.NEGATIVE_INFINITY));
      return { today, partitions: await readPartitions(session, schema) };
    });
  }

  async function defer(session: DatabaseSession, error: unknown, { what, oid, lockKey, tables }: Step): Promise<void> {
    const code = sqlStateOf(error) ?? '';
    // Another process dropped it.
    if (code === '42P01') return;
    if (code === '55P03' || code.startsWith('40')) {
      cooldowns.locked(lockKey);
      const holder = await lockHolder(session, tables);
      if (holder === undefined) return;
      const sentence = `cannot delete ${what} of schema ${schema}: ${holder}. Loghive keeps trying.`;
      warnings.report(`retention lock ${lockKey}`, sentence);
      return;
    }
    cooldowns.failed(oid);
    warnings.once(`cannot delete ${what} of schema ${schema}. ${reasonFor(error, session.place)}`, `retention ${code}`);
  }

  /** Defers a failed step, unless storing would fail too. */
  async function attempt(pass: Pass, step: Step, work: () => Promise<void>): Promise<boolean> {
    const from = performance.now();
    const error = await attemptDdl(() => withPhase('ddl', work()), from + pass.lockBudgetMs);
    if (error !== undefined) {
      pass.removed.isBehind = true;
      pass.lockBudgetMs -= performance.now() - from;
      await defer(pass.session, error, step);
    } else if (cooldowns.succeeded(step.lockKey)) warnings.report(`retention lock ${step.lockKey}`, undefined);
    return error === undefined;
  }

  function rowsOf({ oid, name, table }: Partition): Step {
    return { what: `expired records of partition ${name}`, oid, lockKey: oid, tables: [table] };
  }

  /** @returns whether this call dropped it. */
  function drop(pass: Pass, partition: Partition): Promise<boolean> {
    const { session } = pass;
    const { oid, name, table } = partition;
    const step = { what: `expired partition ${name}`, oid, lockKey: DROPS, tables: [parent, table] };
    return attempt(pass, step, () =>
      transaction(session, DROP, async () => {
        await lock(session);
        await lockPartitions(session, schema);
        await session.query(`lock table only ${parent} in access exclusive mode`);
        // Its bounds may have changed.
        const same = (await readPartitions(session, schema))?.find((each) => each.oid === oid);
        if (same?.to === partition.to) await session.query(`drop table ${same.table}`);
      }),
    );
  }

  /** Deletes rows of the default partition before a day, using the primary key index. */
  async function deleteFromDefault(pass: Pass, fallback: Partition, day: number): Promise<number> {
    const { session, signal } = pass;
    const { from: end } = boundsOf(day);
    let begin = '-infinity';
    let deleted = 0;
    for (let more = true; more && !signal.aborted; ) {
      const from = performance.now();
      const done = await attempt(pass, rowsOf(fallback), () =>
        transaction(session, SETTINGS, async () => {
          await lock(session);
          const { rows } = await session.query<{ n: number; last: string | null }>(
            `with old as (
               select ctid as place from ${fallback.table} where ts >= $1::timestamptz and ts < ${end}
               order by ts limit ${ROWS_PER_STEP} for update skip locked
             ), gone as (delete from ${fallback.table} using old where ctid = place returning ts)
             select count(*)::int as n, max(ts)::text as last from gone`,
            [begin],
          );
          const { n, last } = rows[0]!;
          deleted += n;
          more = n === ROWS_PER_STEP;
          begin = last ?? begin;
        }),
      );
      more &&= done;
      if (more) await throttle(from, signal);
    }
    return deleted;
  }

  /** Deletes levels with a shorter retention: scans a partition once, from its first block to its last. */
  async function deleteLevels(pass: Pass, partition: Partition, days: FirstDays): Promise<number> {
    const { session, signal } = pass;
    const condition = conditionFor(partition, days);
    if (condition === undefined || finished.get(partition.oid) === condition) return 0;
    let blocks = 0;
    let deleted = 0;
    let succeeded = await attempt(pass, rowsOf(partition), () =>
      transaction(session, SETTINGS, async () => {
        await lock(session);
        const { rows } = await session.query<{ blocks: number }>(
          `select case when exists (select from ${partition.table} where ts < ${boundsOf(Math.max(...days.values())).from})
             then ceil(pg_relation_size($1::int8::oid) / current_setting('block_size')::float8) else 0 end::int as blocks`,
          [partition.oid],
        );
        blocks = rows[0]?.blocks ?? 0;
      }),
    );
    for (let block = 0; succeeded && block < blocks && !signal.aborted; block += BLOCKS_PER_STEP) {
      const from = performance.now();
      succeeded = await attempt(pass, rowsOf(partition), () =>
        transaction(session, SETTINGS, async () => {
          await lock(session);
          const { rowCount } = await session.query(`delete from ${partition.table}
            where ctid >= '(${block},0)' and ctid < '(${block + BLOCKS_PER_STEP},0)' and (${condition})`);
          deleted += rowCount ?? 0;
        }),
      );
      await throttle(from, signal);
    }
    if (succeeded && !signal.aborted) finished.set(partition.oid, condition);
    return deleted;
  }

  async function removeOld(pass: Pass): Promise<void> {
    const { signal, removed } = pass;
    const { today, partitions } = await readState(pass.session);
    if (partitions === undefined) {
      warnings.once(
        `${schema}.records does not use declarative partitioning: nothing is deleted from it. Delete old records with the tool that manages its partitions (docs/retention.md), and remove RETENTION_DAYS.`,
        'retention without partitions',
      );
      return;
    }
    const known = new Set([DROPS, ...partitions.map(({ oid }) => oid)]);
    for (const oid of finished.keys()) if (!known.has(oid)) finished.delete(oid);
    cooldowns.prune(known);
    const { days } = retention;
    const firstSecond = days === undefined ? Number.NEGATIVE_INFINITY : (today - days) * DAY_S;
    for (const partition of partitions.filter(({ to, isDefault }) => !isDefault && to <= firstSecond)) {
      if (signal.aborted) return;
      if (cooldowns.has(DROPS) || cooldowns.has(partition.oid)) {
        removed.isBehind = true;
        // All drops need the same lock.
        if (cooldowns.has(DROPS)) break;
      } else if (!partition.isTable) {
        removed.isBehind = true;
        warnings.once(
          `cannot delete expired partition ${partition.name} of schema ${schema}: it is not an ordinary table. Detach or drop it manually.`,
          `retention ${partition.name}`,
        );
      } else if (await drop(pass, partition)) removed.partitions.push(partition.name);
    }
    const fallback = partitions.find(({ isDefault }) => isDefault);
    if (days !== undefined && pass.lockBudgetMs > 0 && fallback?.isHeap) {
      if (cooldowns.has(fallback.oid)) removed.isBehind = true;
      else removed.records += await deleteFromDefault(pass, fallback, today - days);
    }
    const first = firstDays(retention, today);
    const earlier = new Map([...first].filter(([level]) => retention.levels[level] !== undefined));
    for (const partition of partitions.filter(({ to, isHeap }) => isHeap && to > firstSecond)) {
      if (signal.aborted || pass.lockBudgetMs <= 0) return;
      if (cooldowns.has(partition.oid)) removed.isBehind = true;
      else removed.records += await deleteLevels(pass, partition, earlier);
    }
  }

  return {
    async run(session, signal) {
      const removed: Removing = { partitions: [], records: 0, isBehind: false };
      try {
        await removeOld({ session, signal, removed, lockBudgetMs: LOCK_BUDGET_MS });
      } catch (error) {
        if (!(error instanceof LockNotAcquired)) throw error;
      }
      return removed;
    },
  };
}

/** Sleeps as long as the step took, so that the server has half of its time for incoming records. */
async function throttle(fromMs: number, signal: AbortSignal): Promise<void> {
  await sleep(performance.now() - fromMs, signal);
}

/** SQL condition for the expired rows of a partition, or undefined if it contains none. */
function conditionFor({ from, to }: Partition, days: FirstDays): string | undefined {
  const conditions = [...days].flatMap(([level, day]) => {
    if (from >= day * DAY_S) return [];
    return to <= day * DAY_S ? `level = '${level}'` : `(level = '${level}' and ts < ${boundsOf(day).from})`;
  });
  return conditions.length === 0 ? undefined : conditions.join(' or ');
}
