/**
 * Brings the schema up to date: the numbered files of `migrations/`, each applied once, each in a transaction of its
 * own, all of them under one advisory lock, so that ten consumers may start together.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { LoghiveError } from '../../src/errors.js';
import type { DatabaseSession } from './connect.js';
import { asFault, reasonFor, sqlStateOf } from './storage-fault.js';
import { transaction } from './transaction.js';
import { verdictOf } from './verdict.js';

const FOLDER = path.join(import.meta.dirname, 'migrations');

/** How long another one's migration is waited for. */
const LOCK_TIMEOUT_MS = 5 * 60_000;
/** A server that is late with its refusal has the time of a slow answer on top. */
const LOCK_ANSWER_MS = LOCK_TIMEOUT_MS + 60_000;
/** The server cancels no migration, however long it takes. */
const SETTINGS = { statementTimeoutMs: 0, lockTimeoutMs: LOCK_TIMEOUT_MS };
/** A migration takes as long as it takes. That the server has vanished meanwhile is noticed by TCP's keep-alive. */
const FOR_EVER = 0;

export interface Migration {
  readonly name: string;
  readonly sql: string;
  /** SHA-256, in hex. */
  readonly checksum: string;
}

/** The migrations of this version, in their order. */
export async function readMigrations(folder: string = FOLDER): Promise<readonly Migration[]> {
  const names = (await fs.readdir(folder)).filter((name) => /^\d{4}_\w+\.sql$/.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      // A checkout with other line ends is the same migration.
      const sql = (await fs.readFile(path.join(folder, name), 'utf8')).replaceAll('\r\n', '\n');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

export interface MigrateOptions {
  readonly schema: string;
  /** The target as it may be shown: password masked. */
  readonly shownUrl: string;
  readonly notice: (text: string) => void;
  readonly migrations: readonly Migration[];
}

/**
 * @returns the names of those that were applied now.
 * @throws LoghiveError LOGHIVE_MIGRATION_FAILED; LOGHIVE_STORAGE_UNAVAILABLE when the connection broke.
 */
export async function migrate(session: DatabaseSession, options: MigrateOptions): Promise<string[]> {
  const applied: string[] = [];
  for (;;) {
    const name = await applyNext(session, options, applied.length === 0);
    if (name === undefined) return applied;
    applied.push(name);
  }
}

/** Looks and applies in the same transaction, so that no other consumer comes between. */
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
      const next = nextOf(options, await appliedOnes(session, schema));
      if (next === undefined) return undefined;
      current = next.name;
      if (first) notice(`migrating schema ${schema} of ${options.shownUrl}.`);
      await prepareSchema(session, schema);
      await session.query(`set local search_path to ${pg.escapeIdentifier(schema)}`);
      await session.query(next.sql, undefined, FOR_EVER);
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

/** Asked before anything is created: a role without the right to create may run a consumer on a finished schema. */
async function appliedOnes(session: DatabaseSession, schema: string): Promise<ReadonlyMap<string, string>> {
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
        `migration ${name} of schema ${schema} was applied with another text than this version of Loghive carries. Install the version that applied it, or restore the file.`,
      );
    }
  }
  return migrations.find(({ name }) => !applied.has(name));
}

/** `create … if not exists` asks for the right to create even where there is nothing to do, so it is looked first. */
async function prepareSchema(session: DatabaseSession, schema: string): Promise<void> {
  const { rows } = await session.query<{ there: boolean }>(
    'select exists (select from pg_namespace where nspname = $1) as there',
    [schema],
  );
  if (!rows[0]?.there) await session.query(`create schema ${pg.escapeIdentifier(schema)}`);
  await session.query(
    `create table if not exists ${tableOf(schema)} (
      name text primary key, checksum text not null, applied_at timestamptz not null default now())`,
  );
}

function wrapped(error: unknown, { place }: DatabaseSession, schema: string, current: string | undefined): unknown {
  if (error instanceof LoghiveError) return error;
  if (isPassing(error)) return asFault(error, place);
  const reason = reasonFor(error, place);
  const what =
    current === undefined ? `schema ${schema} cannot be migrated` : `migration ${current} of schema ${schema}`;
  const words =
    sqlStateOf(error) === '55P03'
      ? `another process has been migrating for longer than ${LOCK_TIMEOUT_MS / 60_000} min: ${reason}`
      : reason;
  return new LoghiveError('LOGHIVE_MIGRATION_FAILED', `${what}: ${words}`, { cause: error });
}

/** Whether waiting may be all that it takes: the connection, a shortage, a server that starts or stops, a deadlock. */
function isPassing(error: unknown): boolean {
  const state = sqlStateOf(error);
  if (state === undefined || ['reconnect', 'repeat'].includes(verdictOf(error))) return true;
  return ['25', '53', '57', '58'].includes(state.slice(0, 2));
}
