/**
 * Makes the indexes that a user asked for on a table that is being written to, and drops the one that he does without. What
 * nobody asked for or against stays as it is, so that consumers with other settings do not undo each other's work.
 *
 *   index on the parent alone ──▶ for each partition: built concurrently ──▶ attached
 *
 * With the parent's index new partitions have theirs from the beginning; it counts as valid when the last one is attached.
 * Should the process die on the way, the next pass goes on: what was built halfway is dropped and built again. What a build
 * that fails leaves behind takes room and helps nobody, so it is dropped at once.
 */
import pg from 'pg';
import { StatusLog } from '../../src/status-log.js';
import type { DatabaseSession } from './connect.js';
import { attemptDdl, LOCK_TIMEOUT_MS, PATIENCE_MS } from './ddl-attempt.js';
import {
  type FieldPath,
  fieldExpression,
  fieldIndexDefinition,
  fieldIndexName,
  partOfIndexName,
} from './field-index.js';
import { recordsOf } from './partition-catalog.js';
import { LIST_LIMIT_KIB } from './pending-lists.js';
import { reasonFor, sqlStateOf } from './storage-fault.js';
import { transaction } from './transaction.js';
import { verdict } from './verdict.js';

export interface IndexSettings {
  /** Whether there is an index on all of `information`; undefined: as it is. */
  readonly information: boolean | undefined;
  /** Fields with an index of their own. */
  readonly fields: readonly FieldPath[];
}

export interface Indexes {
  /**
   * Does what is still to be done.
   *
   * @throws the server's error when it lacks something that every index needs, such as room: all of them are left for later
   *   then. The socket's error.
   */
  ensure(session: DatabaseSession, signal: AbortSignal): Promise<void>;
  /** Whether there is something to do now. */
  isDue(): boolean;
}

/** One index that is built concurrently. */
export interface Build {
  /** Of which it is, or becomes, a part. */
  readonly index: string;
  readonly statement: string;
  /** While it waits no partition can be made or dropped: it locks the default one, which changes with each of them. */
  readonly isInTheWay: boolean;
}

export interface IndexesOptions {
  readonly schema: string;
  readonly settings: IndexSettings;
  readonly notice: (text: string, level: 'info' | 'warning') => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Carries a build out, and sees to it that it does not wait unnoticed. */
  readonly watched: <T>(build: Build, work: () => Promise<T>) => Promise<T>;
}

interface Wanted {
  readonly name: string;
  /** What follows the table in `create index`. */
  readonly definition: string;
  /** What a person should know when it is there. */
  readonly use: string;
}

/** Of the table of records; all of it, where it has no parts. */
interface Part {
  /** Schema and name, quoted. */
  readonly table: string;
  readonly name: string;
  readonly isDefault: boolean;
}

const INFORMATION = 'records_information';
const LOOK = { statementTimeoutMs: 10_000, lockTimeoutMs: LOCK_TIMEOUT_MS };
/** As for a partition that is dropped: readers and writers wait for as long. */
const CHANGE = { statementTimeoutMs: 2000, lockTimeoutMs: LOCK_TIMEOUT_MS };
/** A large table takes hours, and how long is the role's business (`statement_timeout`). */
const FOR_EVER = 0;
/** What failed for another reason than a lock. */
const POSTPONE_MS = 600_000;
/** All indexes, where the server has no room, no memory or the like, the more often in a row the longer: each attempt takes some. */
const HOLDS_MS = [600_000, 1_800_000, 3_600_000] as const;

export function createIndexes({ schema, settings, notice, now, watched }: IndexesOptions): Indexes {
  const parent = recordsOf(schema);
  const inSchema = (name: string) => `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`;
  const wanted = wantedBy(settings);
  const isUnwanted = settings.information === false;
  const finished = new Set<string>();
  /** Until when an index is left alone, epoch milliseconds. */
  const postponed = new Map<string, number>();
  /** Until when all of them are, and how often in a row that was so. */
  let heldUntil = 0;
  let holds = 0;
  const warnings = new StatusLog((sentence) => notice(sentence, 'warning'));

  /**
   * @param name of the index that it is about.
   * @param patienceMs for locks that others hold.
   * @param undo what to do at once where it fails.
   * @returns whether it is done; else it is tried again later.
   */
  async function attempt(
    session: DatabaseSession,
    name: string,
    step: () => Promise<unknown>,
    { patienceMs = PATIENCE_MS, undo }: { patienceMs?: number; undo?: () => Promise<unknown> } = {},
  ): Promise<boolean> {
    const error = await failureOf(step, patienceMs);
    if (error === undefined) return true;
    await undo?.();
    if (isOfServer(error)) hold();
    else if (!isOfOthers(error)) postponed.set(name, now() + POSTPONE_MS);
    else return false;
    const sentence = `index ${name} of schema ${schema} cannot be made or dropped now. ${reasonFor(error, session.place)}`;
    warnings.once(`${sentence}${adviceFor(error)}`, `${name} ${sqlStateOf(error)}`);
    if (isOfServer(error)) throw error;
    return false;
  }

  function hold(): void {
    heldUntil = now() + HOLDS_MS[Math.min(holds, HOLDS_MS.length - 1)]!;
    holds++;
  }

  const inTransaction = (session: DatabaseSession, statement: string) =>
    transaction(session, CHANGE, () => session.query(statement));

  async function rowsOf<Row extends pg.QueryResultRow>(
    session: DatabaseSession,
    text: string,
    values: unknown[],
  ): Promise<Row[]> {
    return (await transaction(session, LOOK, () => session.query<Row>(text, values))).rows;
  }

  async function drop(session: DatabaseSession): Promise<boolean> {
    const state = await stateOf(session, INFORMATION);
    if (state === undefined) return true;
    const done = await attempt(session, INFORMATION, () =>
      inTransaction(session, `drop index if exists ${inSchema(INFORMATION)}`),
    );
    if (done) notice('the index on information is dropped (INDEX_INFORMATION=off).', 'info');
    return done;
  }

  async function stateOf(session: DatabaseSession, name: string): Promise<State> {
    return stateIn(await rowsOf(session, STATE, [inSchema(name)]));
  }

  /** @param name of the index of this part. */
  async function build(
    session: DatabaseSession,
    name: string,
    part: Omit<Part, 'name'>,
    index: Wanted,
  ): Promise<boolean> {
    const { table, isDefault } = part;
    let state: State;
    const clear = async () => {
      // Whoever builds it at this moment holds the same lock: then it is not what was left halfway.
      await session.query(`lock table ${table} in share update exclusive mode`);
      const { rows } = await session.query<{ valid: boolean }>(STATE, [inSchema(name)]);
      state = stateIn(rows);
      if (state === 'invalid') await session.query(`drop index ${inSchema(name)}`);
    };
    if (!(await attempt(session, index.name, () => transaction(session, CHANGE, clear)))) return false;
    if (state === 'valid') return true;
    const statement = `create index concurrently ${pg.escapeIdentifier(name)} on ${table} ${index.definition}`;
    // Once: where it fails, a part of it stays. Should that be locked, it is dropped before the next attempt.
    const work = () => session.query(statement, undefined, FOR_EVER);
    return attempt(session, index.name, () => watched({ index: index.name, statement, isInTheWay: isDefault }, work), {
      patienceMs: 0,
      undo: () => failureOf(() => transaction(session, CHANGE, clear), PATIENCE_MS),
    });
  }

  async function make(session: DatabaseSession, index: Wanted, signal: AbortSignal): Promise<boolean> {
    const { name, definition } = index;
    const [table] = await rowsOf<{ partitioned: boolean }>(session, TABLE, [parent]);
    if (!table) return false;
    if (!table.partitioned) return build(session, name, { table: parent, isDefault: false }, index);
    if ((await stateOf(session, name)) === undefined) {
      const statement = `create index if not exists ${pg.escapeIdentifier(name)} on only ${parent} ${definition}`;
      if (!(await attempt(session, name, () => inTransaction(session, statement)))) return false;
    }
    let isDone = true;
    for (const part of await rowsOf<Part>(session, PARTS_WITHOUT, [parent, inSchema(name)])) {
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
    return !finished.has(name) && Math.max(heldUntil, postponed.get(name) ?? 0) <= now();
  }

  async function step(name: string, work: () => Promise<boolean>): Promise<void> {
    if (!isToDo(name)) return;
    if (!(await work())) return;
    finished.add(name);
    holds = 0;
  }

  return {
    async ensure(session, signal) {
      if (isUnwanted) await step(INFORMATION, () => drop(session));
      for (const index of wanted) {
        if (signal.aborted) return;
        await step(index.name, async () => {
          const wasThere = (await stateOf(session, index.name)) === 'valid';
          const isThere = wasThere || (await make(session, index, signal));
          if (isThere && !wasThere) notice(`index ${index.name} of schema ${schema} is there. ${index.use}`, 'info');
          return isThere;
        });
      }
    },
    isDue: () => [...(isUnwanted ? [INFORMATION] : []), ...wanted.map(({ name }) => name)].some(isToDo),
  };
}

/**
 * @returns what keeps the step from being done for now; undefined: it is done.
 * @throws the error of a connection that is lost.
 */
async function failureOf(step: () => Promise<unknown>, patienceMs: number): Promise<unknown> {
  try {
    return await attemptDdl(step, performance.now() + patienceMs);
  } catch (error) {
    if (!isOfServer(error)) throw error;
    return error;
  }
}

/** The server answered, and would answer the same for every other index. */
function isOfServer(error: unknown): boolean {
  const code = sqlStateOf(error);
  return code !== undefined && verdict({ code, phase: 'ddl' }) === 'pause';
}

function adviceFor(error: unknown): string {
  if (sqlStateOf(error) !== '53100') return '';
  return ' What was built of it is dropped, and it is tried again, at first in 10 minutes and at last once an hour. It needs room for all of the index: see INDEX_INFORMATION and INDEX_FIELDS.';
}

/**
 * Another process is at it, or was faster: it holds a lock, each of the two waits for the other's transaction, or the index is
 * there, or gone, by now.
 */
function isOfOthers(error: unknown): boolean {
  const code = sqlStateOf(error) ?? '';
  return code.startsWith('40') || ['55P03', '23505', '42P07', '42704', '42P01'].includes(code);
}

function wantedBy({ information, fields }: IndexSettings): Wanted[] {
  const ofFields = fields.map((path) => ({
    name: fieldIndexName(path),
    definition: fieldIndexDefinition(path),
    use: `It finds ${fieldExpression(path)} = '…'.`,
  }));
  if (information !== true) return ofFields;
  const definition = `using gin (information jsonb_path_ops) with (gin_pending_list_limit = ${LIST_LIMIT_KIB})`;
  return [{ name: INFORMATION, definition, use: "It finds information @> '…'." }, ...ofFields];
}

/** Undefined: there is none. */
type State = 'valid' | 'invalid' | undefined;

function stateIn([row]: readonly { valid: boolean }[]): State {
  return row && (row.valid ? 'valid' : 'invalid');
}

const STATE = 'select indisvalid as valid from pg_index where indexrelid = to_regclass($1)';
const TABLE = `select relkind = 'p' as partitioned from pg_class where oid = to_regclass($1)`;

/** Ordinary tables whose indexes none belongs to that of the parent. */
const PARTS_WITHOUT = `
  select quote_ident(nspname) || '.' || quote_ident(part.relname) as "table", part.relname as name,
    pg_get_expr(part.relpartbound, part.oid) = 'DEFAULT' as "isDefault"
  from pg_inherits
  join pg_class part on part.oid = inhrelid and part.relkind = 'r'
  join pg_namespace on pg_namespace.oid = part.relnamespace
  where inhparent = $1::regclass and not exists (
    select from pg_index join pg_inherits attached on attached.inhrelid = indexrelid
    where indrelid = part.oid and attached.inhparent = to_regclass($2))
  order by part.relname desc`;
