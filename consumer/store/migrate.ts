/**
 * Applies the numbered files of `migrations/`, each once and in its own transaction. All of them take one advisory
 * lock, so that ten consumers may start at the same time.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { LoghiveError, reasonOf } from '../../src/errors.js';
import type { DatabaseSession } from './connect.js';
import { actionFor } from './error-action.js';
import { asFault, reasonFor, sqlStateOf } from './storage-fault.js';
import { transaction } from './transaction.js';

const FOLDER = path.join(import.meta.dirname, 'migrations');

/** Time to wait for the migration of another process. */
const LOCK_TIMEOUT_MS = 5 * 60_000;
/** Leaves time for a slow server to report the lock timeout. */
const LOCK_ANSWER_MS = LOCK_TIMEOUT_MS + 60_000;
/** Migrations have no statement timeout. */
const SETTINGS = { statementTimeoutMs: 0, lockTimeoutMs: LOCK_TIMEOUT_MS };
/** Migrations may take any time. TCP keep-alive detects a lost server. */
const NO_TIMEOUT = 0;

export interface Migration {
  readonly name: string;
  readonly sql: string;
  /** SHA-256, in hex. */
  readonly checksum: string;
}

/** The migrations of this version, in order. */
export async function readMigrations(folder: string = FOLDER): Promise<readonly Migration[]> {
  const names = (await fs.readdir(folder)).filter((name) => /^\d{4}_\w+\.sql$/.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      // A checkout with CRLF line endings has the same checksum.
      const sql = (await fs.readFile(path.join(folder, name), 'utf8')).replaceAll('\r\n', '\n');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

export interface MigrateOptions {
  readonly schema: string;
  /** The database URL with the password masked. */
  readonly shownUrl: string;
  readonly notice: (text: string) => void;
  readonly migrations: readonly Migration[];
}

/**
 * @returns the names of newly applied migrations.
 * @throws LoghiveError LOGHIVE_MIGRATION_FAILED; LOGHIVE_STORAGE_UNAVAILABLE if the connection broke.
 */
export async function migrate(session: DatabaseSession, options: MigrateOptions): Promise<string[]> {
  const applied: string[] = [];
  for (;;) {
    const name = await applyNext(session, options, applied.length === 0);
    if (name === undefined) return applied;
    applied.push(name);
  }
}

/** Checks and applies in one transaction, so that no other consumer interferes. */
async function applyNext(
  session: DatabaseSession,
  options: MigrateOptions,
  first: boolean,
): Promise<string | undefined> {
  const { schema, notice } = options;
  let current: string | undefined;
  try {
    const applied = await transaction(session, SETTINGS, async () => {
      await session.query(
        'select pg_advisory_xact_lock(hashtextextended($1, 0))',
        [`loghive:migrations:${schema}`],
        LOCK_ANSWER_MS,
      );
      const next = nextOf(options, await readApplied(session, schema));
      if (next === undefined) return undefined;
      current = next.name;
      if (first) notice(`migrating schema ${schema} of ${options.shownUrl}.`);
      await prepareSchema(session, schema);
      await session.query(`set local search_path to ${pg.escapeIdentifier(schema)}`);
      await session.query(next.sql, undefined, NO_TIMEOUT);
      await session.query(`insert into ${tableOf(schema)} (name, checksum) values ($1, $2)`, [
        next.name,
        next.checksum,
      ]);
      return next.name;
    });
    if (applied !== undefined) notice(`applied migration ${applied}.`);
    return applied;
  } catch (error) {
    throw wrapped(error, session, schema, current);
  }
}

const tableOf = (schema: string) => `${pg.escapeIdentifier(schema)}.migrations`;

/** Read before anything is created: a role without CREATE may run a consumer on a migrated schema. */
/** Name and checksum of each applied migration. */
export async function readApplied(session: DatabaseSession, schema: string): Promise<ReadonlyMap<string, string>> {
  const { rows: found } = await session.query<{ there: boolean }>('select to_regclass($1) is not null as there', [
    tableOf(schema),
  ]);
  if (!found[0]?.there) return new Map();
  const { rows } = await session.query<{ name: string; checksum: string }>(
    `select name, checksum from ${tableOf(schema)}`,
  );
  return new Map(rows.map(({ name, checksum }) => [name, checksum]));
}

function nextOf({ migrations, schema }: MigrateOptions, applied: ReadonlyMap<string, string>): Migration | undefined {
  for (const { name, checksum } of migrations) {
    if (applied.has(name) && applied.get(name) !== checksum) {
      throw new LoghiveError(
        'LOGHIVE_MIGRATION_FAILED',
        `migration ${name} of schema ${schema} was applied with other content than this version of Loghive contains. Install the version that applied it, or restore the file.`,
      );
    }
  }
  return migrations.find(({ name }) => !applied.has(name));
}

/** `create … if not exists` requires the privilege even if the object exists, so check first. */
async function prepareSchema(session: DatabaseSession, schema: string): Promise<void> {
  const { rows } = await session.query<{ there: boolean }>(
    'select exists (select from pg_namespace where nspname = $1) as there',
    [schema],
  );
  if (!rows[0]?.there) await createSchema(session, schema);
  await session.query(
    `create table if not exists ${tableOf(schema)} (
      name text primary key, checksum text not null, applied_at timestamptz not null default now())`,
  );
}

async function createSchema(session: DatabaseSession, schema: string): Promise<void> {
  try {
    await session.query(`create schema ${pg.escapeIdentifier(schema)}`);
  } catch (error) {
    if (sqlStateOf(error) !== '42501') throw error;
    const { user, database } = session.place;
    const grant = `GRANT CREATE ON DATABASE ${pg.escapeIdentifier(database)} TO ${pg.escapeIdentifier(user)}`;
    throw new LoghiveError(
      'LOGHIVE_MIGRATION_FAILED',
      `schema ${schema} cannot be created: user ${user} lacks the CREATE privilege on database ${database}: ${reasonOf(error)} (SQLSTATE 42501). Run ${grant} as the owner of the database, or "loghive migrate" as a user with that privilege.`,
      { cause: error },
    );
  }
}

function wrapped(error: unknown, { place }: DatabaseSession, schema: string, current: string | undefined): unknown {
  if (error instanceof LoghiveError) return error;
  if (isTransient(error)) return asFault(error, place);
  const reason = reasonFor(error, place);
  const what =
    current === undefined ? `schema ${schema} cannot be migrated` : `migration ${current} of schema ${schema}`;
  const details =
    sqlStateOf(error) === '55P03'
      ? `another process has been migrating for longer than ${LOCK_TIMEOUT_MS / 60_000} min: ${reason}`
      : reason;
  return new LoghiveError('LOGHIVE_MIGRATION_FAILED', `${what}: ${details}`, { cause: error });
}

/** Whether waiting may help: connection errors, shortages, a server that starts or stops, a deadlock. */
function isTransient(error: unknown): boolean {
  const state = sqlStateOf(error);
  if (state === undefined || ['reconnect', 'retry-transaction'].includes(actionFor(error))) return true;
  return ['25', '53', '57', '58'].includes(state.slice(0, 2));
}
