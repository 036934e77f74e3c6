/** The optional index on the trigrams of messages, for searches for words and regular expressions. */
import pg from 'pg';
import { LoghiveError } from '../../src/errors.js';
import { openSession } from './connect.js';
import { parseDatabaseUrl } from './database-url.js';
import { openIndexBuilds } from './index-builds.js';
import { TEXT_INDEX } from './index-definitions.js';
import { asFault, sqlStateOf } from './storage-fault.js';
import { type StoreConfig, sessionSettings } from './store-config.js';
import { transaction } from './transaction.js';

const SETTINGS = { statementTimeoutMs: 60_000, lockTimeoutMs: 10_000 };

/**
 * Builds it on each partition while records are stored. After an interruption, the next call continues. New partitions
 * have it from the beginning.
 *
 * @returns false if it existed already.
 * @throws LoghiveError LOGHIVE_MIGRATION_FAILED, LOGHIVE_STORAGE_UNAVAILABLE
 */
export async function buildTextIndex(config: StoreConfig): Promise<boolean> {
  if (await isBuilt(config)) return false;
  const trigrams = await extensionSchema(config);
  let obstacle = 'something else is changing the table';
  const builds = openIndexBuilds({
    ...config,
    indexes: { information: undefined, fields: [], trigrams },
    notice(sentence, level) {
      config.notice(sentence, level);
      if (level === 'warning') obstacle = sentence;
    },
  });
  try {
    await builds.ensure(new AbortController().signal);
  } finally {
    await builds.close();
  }
  if (await isBuilt(config)) return true;
  throw failed(`the index on the text of messages is not complete: ${obstacle} Run the command again; it continues`);
}

function isBuilt(config: StoreConfig): Promise<boolean> {
  const name = `${pg.escapeIdentifier(config.schema)}.${TEXT_INDEX}`;
  return inSession(config, async (query) => {
    const rows = await query('select indisvalid as valid from pg_index where indexrelid = to_regclass($1)', [name]);
    return rows[0]?.valid === true;
  });
}

/** Installs pg_trgm, which the owner of a database may do. @returns its quoted schema. */
function extensionSchema(config: StoreConfig): Promise<string> {
  return inSession(config, async (query) => {
    const find = () =>
      query(`select quote_ident(nspname) as schema from pg_extension
        join pg_namespace on pg_namespace.oid = extnamespace where extname = 'pg_trgm'`);
    const [installed] = await find();
    if (installed) return String(installed.schema);
    try {
      await query('create extension if not exists pg_trgm');
    } catch (error) {
      const reason: Record<string, string> = {
        '42501':
          'this user may not install the extension pg_trgm. Let the owner of the database run: create extension pg_trgm',
        '0A000': 'the server does not have the extension pg_trgm. Install its package postgresql-contrib',
        '58P01': 'the server does not have the extension pg_trgm. Install its package postgresql-contrib',
        '3F000':
          'there is no schema for the extension pg_trgm. Run as its owner: create extension pg_trgm schema public',
      };
      const known = reason[sqlStateOf(error) ?? ''];
      throw known === undefined ? error : failed(known, error);
    }
    return String((await find())[0]?.schema);
  });
}

type Query = (text: string, values?: unknown[]) => Promise<Record<string, unknown>[]>;

async function inSession<T>(config: StoreConfig, work: (query: Query) => Promise<T>): Promise<T> {
  const session = await openSession(parseDatabaseUrl(config.databaseUrl), sessionSettings(config));
  const query: Query = async (text, values) => (await session.query(text, values)).rows;
  try {
    return await transaction(session, SETTINGS, () => work(query));
  } catch (error) {
    throw asFault(error, session.place);
  } finally {
    await session.end();
  }
}

function failed(reason: string, cause?: unknown): LoghiveError {
  return new LoghiveError('LOGHIVE_MIGRATION_FAILED', reason, { cause });
}
