/** Settings of the store, from arguments, the environment and `config.env`. The database has no default. */
import { openEnvironment, warnOnce } from '../src/config.js';
import { LoghiveError } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import { shownUrl } from '../src/settings/broker-url.js';
import { type Check, type Environment, Expected, integer, resolveOptions, shown } from '../src/settings/option.js';
import { portOf, urlPart, withPort } from '../src/settings/url-parts.js';
import type { IndexSettings } from './index-settings.js';
import { parseDatabaseUrl } from './store/database-url.js';

export interface StoreSettings {
  readonly databaseUrl: string;
  readonly schema: string;
  readonly statementTimeoutMs: number;
  readonly writeTimeoutMs: number;
  readonly connectTimeoutMs: number;
  /** Retention in days: older days get no partition. */
  readonly retentionDays?: number | undefined;
  /** Undefined: the indexes stay unchanged. */
  readonly indexes?: IndexSettings | undefined;
}

/** The parser throws its own, more precise errors. */
const databaseUrl: Check<string | undefined> = (value) => {
  if (typeof value !== 'string') throw new Expected("a URL such as 'postgres://user:password@host:5432/database'");
  parseDatabaseUrl(value);
  return value;
};

const schema: Check<string> = (value) => {
  if (typeof value === 'string' && /^[a-z_][a-z0-9_]{0,62}$/.test(value)) return value;
  throw new Expected('a schema name of 1 to 63 lowercase letters, digits and underscores');
};

export const storeOptions = {
  databaseUrl: {
    check: databaseUrl,
    fallback: undefined,
    env: ['LOGHIVE_DATABASE_URL'],
    show: shownUrl,
    required: true,
  },
  schema: { check: schema, fallback: 'logs' },
  writeTimeoutMs: { check: integer(1000, 20 * 60_000, 'milliseconds'), fallback: 60_000 },
} as const;

/** The settings of `loghive migrate`: only the database. */
export function migrationConfig(
  owner: string,
  options: { databaseUrl?: string | undefined; schema?: string | undefined },
): StoreSettings {
  const environment = openEnvironment();
  return storeSettings(resolveOptions(owner, storeOptions, options, environment, warnOnce), environment);
}

export function storeSettings(
  values: { databaseUrl: string | undefined; schema: string; writeTimeoutMs: number },
  environment: Environment,
): StoreSettings {
  return Object.freeze({
    databaseUrl: values.databaseUrl ?? databaseUrlFromParts(environment) ?? databaseUrlFallback(environment),
    schema: values.schema,
    // The server times out first and reports what was slow, before the client disconnects.
    statementTimeoutMs: Math.floor(values.writeTimeoutMs / 2),
    writeTimeoutMs: values.writeTimeoutMs,
    connectTimeoutMs: 10_000,
  });
}

/** The Python package's settings: each part of the URL in its own variable. */
function databaseUrlFromParts(environment: Environment): string | undefined {
  const host = environment('POSTGRES_DB_HOST');
  if (!host?.text) return undefined;
  const part = (name: string, fallback: string) => urlPart(environment, name) ?? fallback;
  const login = `${part('POSTGRES_DB_USER', 'postgres')}:${part('POSTGRES_DB_PASSWORD', '')}`;
  const port = portOf(environment, 'POSTGRES_DB_PORT', '5432', warnOnce);
  const fault = `POSTGRES_DB_HOST ${shownUrl(host.text)} and POSTGRES_DB_PORT ${shown(port)} (${host.where}) do not form a valid database address`;
  let hosts: string;
  try {
    hosts = withPort(host.text, port);
  } catch (error) {
    if (!(error instanceof Expected)) throw error;
    throw new LoghiveError(
      'LOGHIVE_INVALID_OPTION',
      `${fault}, expected ${error.message}. Correct them or set LOGHIVE_DATABASE_URL.`,
    );
  }
  return checkedUrl(`postgres://${login}@${hosts}/${part('POSTGRES_DB_NAME', 'postgres')}`, fault);
}

function databaseUrlFallback(environment: Environment): string {
  const setting = environment('DATABASE_URL');
  if (!setting?.text) {
    throw new LoghiveError(
      'LOGHIVE_INVALID_OPTION',
      'no database is configured: pass the option "databaseUrl" (postgres://user:password@host:5432/database), or set LOGHIVE_DATABASE_URL, POSTGRES_DB_HOST|USER|NAME|PASSWORD|PORT or DATABASE_URL.',
    );
  }
  const url = checkedUrl(setting.text, setting.where);
  // DATABASE_URL usually belongs to the application. Its database now also stores the logs.
  internalLogger.info(`using the database of ${setting.where}: ${shownUrl(url)}`);
  return url;
}

/** There is no default, so an invalid URL from the environment throws as well. */
function checkedUrl(url: string, where: string): string {
  try {
    parseDatabaseUrl(url);
    return url;
  } catch (error) {
    if (!(error instanceof LoghiveError)) throw error;
    throw new LoghiveError('LOGHIVE_INVALID_OPTION', `${where}: ${error.message}`);
  }
}
