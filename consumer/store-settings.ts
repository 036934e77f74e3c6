/**
 * Settings of the store, its indexes and retention, from arguments, the environment and `config.env`. The database has
 * no default.
 */
import { openEnvironment, warnOnce } from '../src/config.js';
import { LoghiveError } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import { LEVELS, type Level } from '../src/level.js';
import { shownUrl } from '../src/settings/broker-url.js';
import { fieldNames, fieldNamesText } from '../src/settings/field-names.js';
import {
  booleanText,
  type Check,
  type Environment,
  Expected,
  integer,
  numberText,
  resolveOptions,
  shown,
  type Values,
} from '../src/settings/option.js';
import { portOf, urlPart, withPort } from '../src/settings/url-parts.js';
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

/**
 * Indexes of the records table, in the form that the store expects. A separate type, because applications compile
 * against the option types, which must not depend on the store.
 */
export interface IndexSettings {
  /** Whether `information` as a whole is indexed; undefined: unchanged. */
  readonly information: boolean | undefined;
  /** Fields with their own index, each as the path of names that leads to it. */
  readonly fields: ReadonlyArray<readonly string[]>;
}

/** Each index makes every insert slower. */
const MAX_FIELDS = 10;

const onOrOff: Check<boolean | undefined> = (value) => {
  if (typeof value === 'boolean') return value;
  throw new Expected('true or false (in the environment: on or off)');
};

export const indexOptions = {
  indexInformation: { check: onOrOff, fallback: undefined, env: ['INDEX_INFORMATION'], parse: booleanText },
  indexFields: {
    check: fieldNames(MAX_FIELDS),
    fallback: Object.freeze([]) as readonly string[],
    env: ['INDEX_FIELDS'],
    parse: fieldNamesText,
  },
} as const;

export function indexSettings({ indexInformation, indexFields }: Values<typeof indexOptions>): IndexSettings {
  return Object.freeze({
    information: indexInformation,
    fields: Object.freeze(indexFields.map((field) => Object.freeze(field.split('.')))),
  });
}

/**
 * Retention of records, in the form that the store expects. A separate type, because applications compile against the
 * option types, which must not depend on the store.
 */
export interface RetentionSettings {
  /** How many days records are kept; undefined: forever. */
  readonly days: number | undefined;
  /** Levels with a shorter retention, in days. */
  readonly levels: Readonly<Partial<Record<Level, number>>>;
}

const days: Check<number | undefined> = integer(1, 36_500, 'days');

const option = (variable: string) => ({ check: days, fallback: undefined, env: [variable], parse: numberText });

export const retentionOptions = {
  retentionDays: option('RETENTION_DAYS'),
  retentionDaysDebug: option('RETENTION_DAYS_DEBUG'),
  retentionDaysInfo: option('RETENTION_DAYS_INFO'),
  retentionDaysWarning: option('RETENTION_DAYS_WARNING'),
  retentionDaysError: option('RETENTION_DAYS_ERROR'),
  retentionDaysCritical: option('RETENTION_DAYS_CRITICAL'),
} as const;

const OPTION_OF: Readonly<Record<Level, Exclude<keyof typeof retentionOptions, 'retentionDays'>>> = {
  DEBUG: 'retentionDaysDebug',
  INFO: 'retentionDaysInfo',
  WARNING: 'retentionDaysWarning',
  ERROR: 'retentionDaysError',
  CRITICAL: 'retentionDaysCritical',
};

/**
 * @throws LoghiveError LOGHIVE_INVALID_OPTION if a level's retention exceeds the general one: its records would
 *   silently be deleted early.
 */
export function retentionSettings(values: Values<typeof retentionOptions>): RetentionSettings {
  const { retentionDays } = values;
  const levels: Partial<Record<Level, number>> = {};
  for (const level of LEVELS) {
    const levelDays = values[OPTION_OF[level]];
    if (levelDays === undefined) continue;
    if (retentionDays !== undefined && levelDays > retentionDays) {
      throw new LoghiveError(
        'LOGHIVE_INVALID_OPTION',
        `option "${OPTION_OF[level]}" (RETENTION_DAYS_${level}) is ${levelDays}, but option "retentionDays" (RETENTION_DAYS) is ${retentionDays}: whole days are dropped after ${retentionDays} days, regardless of level. Set retentionDays to ${levelDays}, and a shorter retention for the other levels.`,
      );
    }
    levels[level] = levelDays;
  }
  return Object.freeze({ days: retentionDays, levels: Object.freeze(levels) });
}
