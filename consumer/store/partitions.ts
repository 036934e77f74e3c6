/**
 * Sees to it that the days of a batch, and the next week, have a partition. What cannot be had soon is left for later:
 * the default partition takes the rows meanwhile, and they are moved when the day gets its own.
 */
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { StatusLog } from '../../src/status-log.js';
import type { Session } from './connect.js';
import { boundsOf, dayOf, daysAhead, daysInWindow, isCovered, partitionName, type Range } from './partition-days.js';
import { reasonFor, sqlStateOf } from './storage-fault.js';
import { transaction } from './transaction.js';
import { verdict } from './verdict.js';

/** A reader's open transaction can hold the lock for long; everything that comes after us in its queue waits as well. */
const LOCK_TIMEOUT_MS = 200;
const PATIENCE_MS = 2000;
/** Moving rows holds the default partition's lock for as long as it takes. */
const SETTINGS = { statementTimeoutMs: 10_000, lockTimeoutMs: LOCK_TIMEOUT_MS };
const POSTPONE_MS = 60_000;
const POSTPONE_LONG_MS = 600_000;
/** Partitions are also made and dropped by others. */
const CACHE_MS = 3_600_000;

export interface Partitions {
  /**
   * @param dates as `datesOf` gives them.
   * @throws the server's error where DDL failed for a reason that storing would fail for as well.
   */
  ensure(session: Session, dates: ReadonlySet<string>): Promise<void>;
  /** Storing works all the same: what `ensure` threw is told, and the days are left for later. */
  leave(session: Session, error: unknown): void;
  /** The cache was wrong: look again before the next batch. */
  forget(): void;
}

export interface PartitionOptions {
  readonly schema: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly warnings: StatusLog;
}

export function createPartitions({ schema, now, warnings }: PartitionOptions): Partitions {
  const parent = `${pg.escapeIdentifier(schema)}.records`;
  let known: { readonly ranges: readonly Range[]; readonly at: number } | undefined;
  /** Until when a day is left alone, epoch milliseconds. */
  const postponed = new Map<number, number>();
  /** Of the last call of `ensure`. */
  let wanted: readonly number[] = [];

  /** Within the transaction under way. */
  async function ranges(session: Session): Promise<readonly Range[]> {
    const { rows } = await session.query<{ from: string | null; to: string | null }>(RANGES, [parent]);
    return rows.map(({ from, to }) => ({
      from: from === null ? Number.NEGATIVE_INFINITY : Number(from),
      to: to === null ? Number.POSITIVE_INFINITY : Number(to),
    }));
  }

  async function look(session: Session): Promise<void> {
    known = { ranges: await transaction(session, SETTINGS, () => ranges(session)), at: now() };
  }

  function missing(days: readonly number[]): number[] {
    const at = now();
    return days.filter((day) => !isCovered(day, known?.ranges ?? []) && !((postponed.get(day) ?? 0) > at));
  }

  function postpone(days: readonly number[], forMs: number): void {
    for (const day of days) postponed.set(day, now() + forMs);
  }

  /** @returns the error that says why the day is left for later. */
  async function make(session: Session, day: number, deadline: number): Promise<unknown> {
    for (;;) {
      try {
        await transaction(session, SETTINGS, async () => {
          await session.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`loghive:${parent}`]);
          // Another consumer may have been faster.
          if (!isCovered(day, await ranges(session))) await createPartition(session, schema, day);
        });
        return undefined;
      } catch (error) {
        const code = (error as { code?: string }).code;
        const next = verdict({ code, phase: 'ddl' });
        if (next !== 'later' && next !== 'repeat') throw error;
        const again = next === 'repeat' || code === '55P03';
        if (!again || performance.now() > deadline) return error;
        await delay(20 + Math.random() * 80);
      }
    }
  }

  function leave(session: Session, day: number, rest: readonly number[], error: unknown): void {
    const code = sqlStateOf(error) ?? '';
    const ofLock = code === '55P03' || code.startsWith('40');
    // Every partition needs the same lock, so the others would wait as long in vain.
    postpone(ofLock ? rest : [day], ofLock ? POSTPONE_MS : POSTPONE_LONG_MS);
    if (!ofLock) tell(session, day, error);
  }

  function tell(session: Session, day: number, error: unknown): void {
    const sentence = `partition ${partitionName(day)} of schema ${schema} cannot be made; the default partition takes its records. ${reasonFor(error, session.place)}`;
    warnings.once(sentence, `partition ${sqlStateOf(error) ?? ''}`);
  }

  return {
    async ensure(session, dates) {
      const today = dayOf(now());
      const days = [...new Set([...daysInWindow(dates, today), ...daysAhead(today)])];
      if (missing(days).length === 0 && known && now() - known.at < CACHE_MS) return;
      await look(session);
      wanted = missing(days);
      if (wanted.length === 0) return;
      const deadline = performance.now() + PATIENCE_MS;
      for (const [index, day] of wanted.entries()) {
        if ((postponed.get(day) ?? 0) > now()) continue;
        const error = await make(session, day, deadline);
        if (error === undefined) postponed.delete(day);
        else leave(session, day, wanted.slice(index), error);
      }
      await look(session);
    },
    leave(session, error) {
      const left = missing(wanted);
      if (left[0] === undefined) return;
      postpone(left, POSTPONE_LONG_MS);
      tell(session, left[0], error);
    },
    forget() {
      known = undefined;
    },
  };
}

/**
 * Bounds come as an expression's text. They are cast back by the transaction that printed them, so that its time zone
 * does not matter. MINVALUE and MAXVALUE stand without quotes and become null.
 */
const RANGES = `
  select extract(epoch from (regexp_match(bound, 'FROM \\(''([^'']+)''\\)'))[1]::timestamptz)::text as "from",
         extract(epoch from (regexp_match(bound, 'TO \\(''([^'']+)''\\)'))[1]::timestamptz)::text as "to"
  from (
    select pg_get_expr(child.relpartbound, child.oid) as bound
    from pg_inherits join pg_class child on child.oid = inhrelid
    where inhparent = $1::regclass and not inhdetachpending
  ) as partitions
  where bound <> 'DEFAULT'`;

/**
 * A table beside the parent is attached: `create table … partition of` would lock the parent against everybody.
 * The default partition must hold none of the day's rows by then, and must not get any meanwhile.
 */
async function createPartition(session: Session, schema: string, day: number): Promise<void> {
  const parent = `${pg.escapeIdentifier(schema)}.records`;
  const table = `${pg.escapeIdentifier(schema)}.${partitionName(day)}`;
  const { from, to } = boundsOf(day);
  await session.query(`create table ${table} (like ${parent} including all excluding identity)`);
  const { rows } = await session.query<{ table: string; columns: string }>(DEFAULT_PARTITION, [parent]);
  const fallback = rows[0];
  if (fallback) {
    await session.query(`lock table ${fallback.table} in access exclusive mode`);
    await session.query(`
      with moved as (delete from ${fallback.table} where ts >= ${from} and ts < ${to} returning ${fallback.columns})
      insert into ${table} (${fallback.columns}) select ${fallback.columns} from moved`);
  }
  await session.query(`alter table ${parent} attach partition ${table} for values from (${from}) to (${to})`);
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
