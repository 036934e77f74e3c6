/**
 * Deletes what is older than it is to be kept: days as whole partitions, what is in the default partition in small steps,
 * and levels that go earlier row by row.
 *
 * Every step is a transaction of its own, and one of several processes does it: who does not get the advisory lock leaves
 * the work to the one that has it. Should the process die, or a step fail, the next pass goes on where this one ended.
 *
 * Whoever reads a table may hold its lock for hours, and everybody else waits behind us while we wait for it. So all steps
 * of a pass together wait for two seconds, and what was not to be had is left alone, ever longer.
 */
import type { StatusLog } from '../../src/status-log.js';
import { sleep } from '../../src/time/time-limit.js';
import type { DatabaseSession } from './connect.js';
import { attemptDdl, LOCK_TIMEOUT_MS, PATIENCE_MS } from './ddl-attempt.js';
import { type FirstDays, firstDays, type Retention } from './expiry.js';
import { lockHolder } from './lock-holder.js';
import { type Partition, readPartitions, recordsOf } from './partition-catalog.js';
import { boundsOf, dayOf } from './partition-days.js';
import { lockPartitions } from './partitions.js';
import { Postponed } from './postponed.js';
import { reasonFor, sqlStateOf } from './storage-fault.js';
import { transaction } from './transaction.js';
import { during } from './verdict.js';

/** What one pass has deleted. */
export interface Removed {
  /** Names of partitions, the oldest first. */
  readonly partitions: readonly string[];
  /** Records one by one. */
  readonly records: number;
  /** Something that is old enough was left for later: it is locked, or may not be deleted. */
  readonly isBehind: boolean;
}

type Removing = { -readonly [K in keyof Removed]: Removed[K] } & { partitions: string[] };

interface Pass {
  readonly session: DatabaseSession;
  readonly signal: AbortSignal;
  readonly removed: Removing;
  /** How long it may still wait for locks. */
  patienceMs: number;
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
   * @param signal ends it after the step under way.
   * @throws the server's or the socket's error when nothing may move until the server is well.
   */
  run(session: DatabaseSession, signal: AbortSignal): Promise<Removed>;
}

/** One transaction. */
interface Step {
  /** In words. */
  readonly what: string;
  readonly oid: number;
  /** What stands for its lock: the oid, or `DROPS`. */
  readonly lockKey: number;
  /** What it locks. */
  readonly tables: readonly string[];
}

const SETTINGS = { statementTimeoutMs: 10_000, lockTimeoutMs: LOCK_TIMEOUT_MS };
/** As for a partition that is made: readers and writers wait for as long. */
const DROP = { statementTimeoutMs: 2000, lockTimeoutMs: LOCK_TIMEOUT_MS };
const ROWS_A_STEP = 2000;
/** Of 8 KiB: 4 MiB are looked through in one step. */
const BLOCKS_A_STEP = 512;
/** Whoever drops a partition, whichever it is, needs a lock on the table of records. No oid. */
const DROPS = 0;
const DAY_S = 86_400;

/** Another process is at it. */
class Taken extends Error {}

export function createRetention({ schema, retention, now, warnings }: RetentionOptions): RetentionPass {
  const parent = recordsOf(schema);
  /** By oid or lock key. */
  const postponed = new Postponed(now);
  /** What was deleted from a partition already, by its oid: it is not looked through again. */
  const finished = new Map<number, string>();

  /** @throws Taken */
  async function lock(session: DatabaseSession): Promise<void> {
    const { rows } = await session.query<{ mine: boolean }>(
      'select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as mine',
      [`loghive:retention:${parent}`],
    );
    if (!rows[0]?.mine) throw new Taken();
  }

  /** The clock of this machine may be wrong: only what is old by the server's clock as well is deleted. */
  async function look(
    session: DatabaseSession,
  ): Promise<{ today: number; partitions: readonly Partition[] | undefined }> {
    return transaction(session, SETTINGS, async () => {
      const { rows } = await session.query<{ ms: number }>('select extract(epoch from now())::float8 * 1000 as ms');
      const today = dayOf(Math.min(now(), rows[0]?.ms ?? Number.NEGATIVE_INFINITY));
      return { today, partitions: await readPartitions(session, schema) };
    });
  }

  async function leave(session: DatabaseSession, error: unknown, { what, oid, lockKey, tables }: Step): Promise<void> {
    const code = sqlStateOf(error) ?? '';
    // Somebody else was faster.
    if (code === '42P01') return;
    if (code === '55P03' || code.startsWith('40')) {
      postponed.locked(lockKey);
      const holder = await lockHolder(session, tables);
      if (holder === undefined) return;
      const sentence = `${what} of schema ${schema} is kept beyond its time: ${holder}. Loghive goes on trying.`;
      warnings.report(`retention lock ${lockKey}`, sentence);
      return;
    }
    postponed.failed(oid);
    warnings.once(
      `${what} of schema ${schema} is kept beyond its time. ${reasonFor(error, session.place)}`,
      `retention ${code}`,
    );
  }

  /** What a step fails with is left for later, unless nothing can be stored either. */
  async function attempt(pass: Pass, step: Step, work: () => Promise<void>): Promise<boolean> {
    const from = performance.now();
    const error = await attemptDdl(() => during('ddl', work()), from + pass.patienceMs);
    if (error !== undefined) {
      pass.removed.isBehind = true;
      pass.patienceMs -= performance.now() - from;
      await leave(pass.session, error, step);
    } else if (postponed.done(step.lockKey)) warnings.report(`retention lock ${step.lockKey}`, undefined);
    return error === undefined;
  }

  function rowsOf({ oid, name, table }: Partition): Step {
    return { what: `what is old in partition ${name}`, oid, lockKey: oid, tables: [table] };
  }

  /** @returns whether it is gone by our doing. */
  function drop(pass: Pass, partition: Partition): Promise<boolean> {
    const { session } = pass;
    const { oid, name, table } = partition;
    const step = { what: `partition ${name}`, oid, lockKey: DROPS, tables: [parent, table] };
    return attempt(pass, step, () =>
      transaction(session, DROP, async () => {
        await lock(session);
        await lockPartitions(session, schema);
        await session.query(`lock table only ${parent} in access exclusive mode`);
        // Its bounds may be others by now.
        const same = (await readPartitions(session, schema))?.find((each) => each.oid === oid);
        if (same?.to === partition.to) await session.query(`drop table ${same.table}`);
      }),
    );
  }

  /** Rows of the default partition before a day, by the index of the key. */
  async function clear(pass: Pass, fallback: Partition, day: number): Promise<number> {
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
               order by ts limit ${ROWS_A_STEP} for update skip locked
             ), gone as (delete from ${fallback.table} using old where ctid = place returning ts)
             select count(*)::int as n, max(ts)::text as last from gone`,
            [begin],
          );
          const { n, last } = rows[0]!;
          deleted += n;
          more = n === ROWS_A_STEP;
          begin = last ?? begin;
        }),
      );
      more &&= done;
      if (more) await rest(from, signal);
    }
    return deleted;
  }

  /** Levels that are kept for less than all: a partition is looked through from its first block to its last, once. */
  async function thin(pass: Pass, partition: Partition, days: FirstDays): Promise<number> {
    const { session, signal } = pass;
    const condition = conditionFor(partition, days);
    if (condition === undefined || finished.get(partition.oid) === condition) return 0;
    let blocks = 0;
    let deleted = 0;
    let goesOn = await attempt(pass, rowsOf(partition), () =>
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
    for (let block = 0; goesOn && block < blocks && !signal.aborted; block += BLOCKS_A_STEP) {
      const from = performance.now();
      goesOn = await attempt(pass, rowsOf(partition), () =>
        transaction(session, SETTINGS, async () => {
          await lock(session);
          const { rowCount } = await session.query(`delete from ${partition.table}
            where ctid >= '(${block},0)' and ctid < '(${block + BLOCKS_A_STEP},0)' and (${condition})`);
          deleted += rowCount ?? 0;
        }),
      );
      await rest(from, signal);
    }
    if (goesOn && !signal.aborted) finished.set(partition.oid, condition);
    return deleted;
  }

  async function removeOld(pass: Pass): Promise<void> {
    const { signal, removed } = pass;
    const { today, partitions } = await look(pass.session);
    if (partitions === undefined) {
      warnings.once(
        `${schema}.records is not partitioned by PostgreSQL: nothing is deleted from it. Let what sees to its parts delete them (docs/retention.md), and remove RETENTION_DAYS.`,
        'retention without partitions',
      );
      return;
    }
    const known = new Set([DROPS, ...partitions.map(({ oid }) => oid)]);
    for (const oid of finished.keys()) if (!known.has(oid)) finished.delete(oid);
    postponed.prune(known);
    const { days } = retention;
    const firstSecond = days === undefined ? Number.NEGATIVE_INFINITY : (today - days) * DAY_S;
    for (const partition of partitions.filter(({ to, isDefault }) => !isDefault && to <= firstSecond)) {
      if (signal.aborted) return;
      if (postponed.has(DROPS) || postponed.has(partition.oid)) {
        removed.isBehind = true;
        // Where one could not be had, no other can.
        if (postponed.has(DROPS)) break;
      } else if (!partition.isTable) {
        removed.isBehind = true;
        warnings.once(
          `partition ${partition.name} of schema ${schema} is kept beyond its time: it is no ordinary table. Detach or drop it by hand.`,
          `retention ${partition.name}`,
        );
      } else if (await drop(pass, partition)) removed.partitions.push(partition.name);
    }
    const fallback = partitions.find(({ isDefault }) => isDefault);
    if (days !== undefined && pass.patienceMs > 0 && fallback?.isHeap) {
      if (postponed.has(fallback.oid)) removed.isBehind = true;
      else removed.records += await clear(pass, fallback, today - days);
    }
    const first = firstDays(retention, today);
    const earlier = new Map([...first].filter(([level]) => retention.levels[level] !== undefined));
    for (const partition of partitions.filter(({ to, isHeap }) => isHeap && to > firstSecond)) {
      if (signal.aborted || pass.patienceMs <= 0) return;
      if (postponed.has(partition.oid)) removed.isBehind = true;
      else removed.records += await thin(pass, partition, earlier);
    }
  }

  return {
    async run(session, signal) {
      const removed: Removing = { partitions: [], records: 0, isBehind: false };
      try {
        await removeOld({ session, signal, removed, patienceMs: PATIENCE_MS });
      } catch (error) {
        if (!(error instanceof Taken)) throw error;
      }
      return removed;
    },
  };
}

/** Half of the time the server has for the records that come in. */
async function rest(fromMs: number, signal: AbortSignal): Promise<void> {
  await sleep(performance.now() - fromMs, signal);
}

/** Which rows of a partition are older than their level is kept; undefined: it holds none. */
function conditionFor({ from, to }: Partition, days: FirstDays): string | undefined {
  const conditions = [...days].flatMap(([level, day]) => {
    if (from >= day * DAY_S) return [];
    return to <= day * DAY_S ? `level = '${level}'` : `(level = '${level}' and ts < ${boundsOf(day).from})`;
  });
  return conditions.length === 0 ? undefined : conditions.join(' or ');
}
