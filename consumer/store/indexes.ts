/**
 * Creates the indexes that the user configured, on a table in use, and drops the one that is turned off. Indexes
 * without a setting are left alone, so that consumers with different settings do not undo each other's work.
 *
 *   index on the parent only ──▶ for each partition: built concurrently ──▶ attached
 *
 * Once the parent has the index, new partitions are created with theirs; it becomes valid when the last one is
 * attached. If the process dies, the next pass continues: a half-built index is dropped and built again. A failed build
 * leaves an invalid index that only takes up space, so it is dropped immediately.
 */
import pg from 'pg';
import { StatusLog } from '../../src/status-log.js';
import type { DatabaseSession } from './connect.js';
import { attemptDdl, LOCK_BUDGET_MS, LOCK_TIMEOUT_MS } from './ddl.js';
import { errorAction } from './error-action.js';
import {
  INFORMATION_INDEX,
  type IndexDefinition,
  type IndexSettings,
  indexDefinitions,
  partOfIndexName,
} from './index-definitions.js';
import { recordsOf } from './partition-catalog.js';
import { reasonFor, sqlStateOf } from './storage-fault.js';
import { transaction } from './transaction.js';

export interface Indexes {
  /**
   * Creates and drops the pending indexes.
   *
   * @throws the server error if it would affect every index, such as a full disk; all of them are deferred then. The
   *   socket error.
   */
  ensure(session: DatabaseSession, signal: AbortSignal): Promise<void>;
  /** Whether anything is pending now. */
  isDue(): boolean;
}

/** One concurrent build. */
export interface Build {
  /** The index that it is, or will be, a part of. */
  readonly index: string;
  readonly statement: string;
  /** While it waits, no partition can be created or dropped: it locks the default partition, which both need. */
  readonly blocksPartitions: boolean;
}

export interface IndexesOptions {
  readonly schema: string;
  readonly settings: IndexSettings;
  readonly notice: (text: string, level: 'info' | 'warning') => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Runs a build and monitors what blocks it. */
  readonly watched: <T>(build: Build, work: () => Promise<T>) => Promise<T>;
}

/** A partition of the records table, or the whole table if it is not partitioned. */
interface Part {
  /** Qualified and quoted. */
  readonly table: string;
  readonly name: string;
  readonly isDefault: boolean;
}

const READ = { statementTimeoutMs: 10_000, lockTimeoutMs: LOCK_TIMEOUT_MS };
/** Like dropping a partition: readers and writers are blocked for this long. */
const CHANGE = { statementTimeoutMs: 2000, lockTimeoutMs: LOCK_TIMEOUT_MS };
/** Builds of a large table take hours; any limit is up to the role (`statement_timeout`). */
const NO_TIMEOUT = 0;
/** After a failure other than a lock, in milliseconds. */
const RETRY_AFTER_MS = 600_000;
/** For all indexes, after consecutive shortages of disk space or memory, in milliseconds: each attempt uses some. */
const PAUSES_MS = [600_000, 1_800_000, 3_600_000] as const;

export function createIndexes({ schema, settings, notice, now, watched }: IndexesOptions): Indexes {
  const parent = recordsOf(schema);
  const inSchema = (name: string) => `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`;
  const definitions = indexDefinitions(settings);
  const isTurnedOff = settings.information === false;
  const finished = new Set<string>();
  /** Per index: skipped until this time, epoch milliseconds. */
  const postponed = new Map<string, number>();
  /** All indexes are skipped until this time; number of consecutive pauses. */
  let pausedUntil = 0;
  let pauses = 0;
  const warnings = new StatusLog((sentence) => notice(sentence, 'warning'));

  /**
   * @param name of the index.
   * @param lockBudgetMs how long to retry for locks, in milliseconds.
   * @param undo cleanup after a failure.
   * @returns whether it is done; otherwise it is retried later.
   */
  async function attempt(
    session: DatabaseSession,
    name: string,
    step: () => Promise<unknown>,
    { lockBudgetMs = LOCK_BUDGET_MS, undo }: { lockBudgetMs?: number; undo?: () => Promise<unknown> } = {},
  ): Promise<boolean> {
    const error = await failureOf(step, lockBudgetMs);
    if (error === undefined) return true;
    await undo?.();
    if (isServerError(error)) pause();
    else if (!isConcurrencyError(error)) postponed.set(name, now() + RETRY_AFTER_MS);
    else return false;
    const sentence = `index ${name} of schema ${schema} cannot be created or dropped now. ${reasonFor(error, session.place)}`;
    warnings.once(`${sentence}${adviceFor(error)}`, `${name} ${sqlStateOf(error)}`);
    if (isServerError(error)) throw error;
    return false;
  }

  function pause(): void {
    pausedUntil = now() + PAUSES_MS[Math.min(pauses, PAUSES_MS.length - 1)]!;
    pauses++;
  }

  const inTransaction = (session: DatabaseSession, statement: string) =>
    transaction(session, CHANGE, () => session.query(statement));

  async function rowsOf<Row extends pg.QueryResultRow>(
    session: DatabaseSession,
    text: string,
    values: unknown[],
  ): Promise<Row[]> {
    return (await transaction(session, READ, () => session.query<Row>(text, values))).rows;
  }

  async function drop(session: DatabaseSession): Promise<boolean> {
    const state = await stateOf(session, INFORMATION_INDEX);
    if (state === undefined) return true;
    const done = await attempt(session, INFORMATION_INDEX, () =>
      inTransaction(session, `drop index if exists ${inSchema(INFORMATION_INDEX)}`),
    );
    if (done) notice('dropped the index on information (INDEX_INFORMATION=off).', 'info');
    return done;
  }

  async function stateOf(session: DatabaseSession, name: string): Promise<State> {
    return stateIn(await rowsOf(session, STATE, [inSchema(name)]));
  }

  /** @param name of the index of this partition. */
  async function build(
    session: DatabaseSession,
    name: string,
    part: Omit<Part, 'name'>,
    index: IndexDefinition,
  ): Promise<boolean> {
    const { table, isDefault } = part;
    let state: State;
    const clear = async () => {
      // A process that is building it has this lock. Once we have it, an invalid index is a leftover.
      await session.query(`lock table ${table} in share update exclusive mode`);
      const { rows } = await session.query<{ valid: boolean }>(STATE, [inSchema(name)]);
      state = stateIn(rows);
      if (state === 'invalid') await session.query(`drop index ${inSchema(name)}`);
    };
    if (!(await attempt(session, index.name, () => transaction(session, CHANGE, clear)))) return false;
    if (state === 'valid') return true;
    const statement = `create index concurrently ${pg.escapeIdentifier(name)} on ${table} ${index.definition}`;
    // No retries: a failed build leaves an invalid index. If that is locked, it is dropped before the next attempt.
    const work = () => session.query(statement, undefined, NO_TIMEOUT);
    return attempt(
      session,
      index.name,
      () => watched({ index: index.name, statement, blocksPartitions: isDefault }, work),
      {
        lockBudgetMs: 0,
        undo: () => failureOf(() => transaction(session, CHANGE, clear), LOCK_BUDGET_MS),
      },
    );
  }

  async function make(session: DatabaseSession, index: IndexDefinition, signal: AbortSignal): Promise<boolean> {
    const { name, definition } = index;
    const [table] = await rowsOf<{ partitioned: boolean }>(session, TABLE, [parent]);
    if (!table) return false;
    if (!table.partitioned) return build(session, name, { table: parent, isDefault: false }, index);
    if ((await stateOf(session, name)) === undefined) {
      const statement = `create index if not exists ${pg.escapeIdentifier(name)} on only ${parent} ${definition}`;
      if (!(await attempt(session, name, () => inTransaction(session, statement)))) return false;
    }
    let isDone = true;
    for (const part of await rowsOf<Part>(session, PARTITIONS_WITHOUT_INDEX, [parent, inSchema(name)])) {
      if (signal.aborted) return false;
      const own = partOfIndexName(name, part.name);
      const attach = `alter index ${inSchema(name)} attach partition ${inSchema(own)}`;
      isDone =
        (await build(session, own, part, index)) &&
        (await attempt(session, name, () => inTransaction(session, attach))) &&
        isDone;
    }
    return isDone;
  }

  function isToDo(name: string): boolean {
    return !finished.has(name) && Math.max(pausedUntil, postponed.get(name) ?? 0) <= now();
  }

  async function step(name: string, work: () => Promise<boolean>): Promise<void> {
    if (!isToDo(name)) return;
    if (!(await work())) return;
    finished.add(name);
    pauses = 0;
  }

  return {
    async ensure(session, signal) {
      if (isTurnedOff) await step(INFORMATION_INDEX, () => drop(session));
      for (const index of definitions) {
        if (signal.aborted) return;
        await step(index.name, async () => {
          const wasThere = (await stateOf(session, index.name)) === 'valid';
          const isThere = wasThere || (await make(session, index, signal));
          if (isThere && !wasThere) notice(`index ${index.name} of schema ${schema} is ready. ${index.use}`, 'info');
          return isThere;
        });
      }
    },
    isDue: () => [...(isTurnedOff ? [INFORMATION_INDEX] : []), ...definitions.map(({ name }) => name)].some(isToDo),
  };
}

/**
 * @returns the error that defers the step; undefined on success.
 * @throws the error of a lost connection.
 */
async function failureOf(step: () => Promise<unknown>, lockBudgetMs: number): Promise<unknown> {
  try {
    return await attemptDdl(step, performance.now() + lockBudgetMs);
  } catch (error) {
    if (!isServerError(error)) throw error;
    return error;
  }
}

/** An error of the server that would affect every other index too. */
function isServerError(error: unknown): boolean {
  const code = sqlStateOf(error);
  return code !== undefined && errorAction({ code, phase: 'ddl' }) === 'pause';
}

function adviceFor(error: unknown): string {
  if (sqlStateOf(error) !== '53100') return '';
  return ' The partial index is dropped. The build is retried after 10 minutes, later once an hour. It needs disk space for the whole index: see INDEX_INFORMATION and INDEX_FIELDS.';
}

/**
 * Another process is doing the same work or already did: it has a lock, both deadlocked, or the index was created or
 * dropped.
 */
function isConcurrencyError(error: unknown): boolean {
  const code = sqlStateOf(error) ?? '';
  return code.startsWith('40') || ['55P03', '23505', '42P07', '42704', '42P01'].includes(code);
}

/** Undefined if the index does not exist. */
type State = 'valid' | 'invalid' | undefined;

function stateIn([row]: readonly { valid: boolean }[]): State {
  return row && (row.valid ? 'valid' : 'invalid');
}

const STATE = 'select indisvalid as valid from pg_index where indexrelid = to_regclass($1)';
const TABLE = `select relkind = 'p' as partitioned from pg_class where oid = to_regclass($1)`;

/** Ordinary partitions without an index attached to that of the parent. */
const PARTITIONS_WITHOUT_INDEX = `
  select quote_ident(nspname) || '.' || quote_ident(part.relname) as "table", part.relname as name,
    pg_get_expr(part.relpartbound, part.oid) = 'DEFAULT' as "isDefault"
  from pg_inherits
  join pg_class part on part.oid = inhrelid and part.relkind = 'r'
  join pg_namespace on pg_namespace.oid = part.relnamespace
  where inhparent = $1::regclass and not exists (
    select from pg_index join pg_inherits attached on attached.inhrelid = indexrelid
    where indrelid = part.oid and attached.inhparent = to_regclass($2))
  order by part.relname desc`;
