/** What the consumer is set up with: arguments, then the environment and `config.env`, then defaults. */
import {
  type BrokerConfig,
  brokerConfig,
  brokerOptions,
  openEnvironment,
  queueOptions,
  queueSettings,
  serviceName,
  type TlsOptions,
  warnOnce,
} from '../src/config.js';
import { LoghiveError } from '../src/errors.js';
import { type Check, type Environment, Expected, integer, numberText, resolveOptions, shown } from '../src/option.js';
import type { QueueSettings, QueueType } from '../src/wire.js';
import { maskUrl, parseDatabaseUrl } from './store/database-url.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const HOUR_MS = 3_600_000;

/** Options of the consumer. All of it has defaults but the services, which are an argument of their own. */
export interface ConsumerOptions {
  /** The broker, as for producers. Environment: `LOGHIVE_URL`, `AMQP_URL`, `QUEUE_HOST|USER|PASSWORD|PORT|VHOST`. */
  url?: string;
  /** `postgres://user:password@host:5432/database`, host lists and libpq's `sslmode`. Environment: `LOGHIVE_DATABASE_URL`, `POSTGRES_DB_HOST|USER|NAME|PASSWORD|PORT`, `DATABASE_URL`. */
  databaseUrl?: string;
  /** Schema of the tables. Default 'logs'. */
  schema?: string;
  /** Records a batch. Environment: `CONSUMER_BATCH_SIZE`. Default 5000. */
  batchSize?: number;
  /** Bytes of messages a batch. Default 8 MiB. */
  batchBytes?: number;
  /** How long a batch may wait for more records, in milliseconds. Default 50. */
  batchLingerMs?: number;
  /** Bytes of messages that are held in memory, all queues together. Default 64 MiB. */
  prefetchBytes?: number;
  /** Delays before a record that PostgreSQL refused for now is tried again, in milliseconds; none: []. Environment: `RETRY_DELAYS_MS`, comma-separated. Default 1 s, 10 s, 1 min, 10 min, 1 h. */
  retryDelaysMs?: readonly number[];
  /** How long PostgreSQL may take for one batch, in milliseconds. Default 60000. */
  writeTimeoutMs?: number;
  /** IANA time zone of Python clients whose messages carry no AMQP timestamp. Environment: `PYTHON_TIMEZONE`. */
  pythonTimezone?: string;
  heartbeatS?: number;
  blockedTimeoutMs?: number;
  socketTimeoutMs?: number;
  /** TLS to the broker. PostgreSQL's is in its URL. */
  tls?: TlsOptions;
  queueType?: QueueType;
  queueMaxSize?: number;
  queueMaxBytes?: number;
  queueMessageTtlMs?: number;
}

export interface StoreSettings {
  readonly databaseUrl: string;
  readonly schema: string;
  readonly statementTimeoutMs: number;
  readonly writeTimeoutMs: number;
  readonly connectTimeoutMs: number;
}

export interface ConsumerConfig {
  readonly services: readonly string[];
  readonly broker: BrokerConfig;
  readonly queues: QueueSettings;
  readonly store: StoreSettings;
  readonly batchSize: number;
  readonly batchBytes: number;
  readonly batchLingerMs: number;
  readonly prefetchBytes: number;
  readonly retryDelaysMs: readonly number[];
  readonly pythonTimezone: string | undefined;
}

/** What is wrong with a database URL is said by its parser, and there is no default to fall back to: it throws. */
const databaseUrl: Check<string | undefined> = (value) => {
  if (typeof value !== 'string') throw new Expected("a URL such as 'postgres://user:password@host:5432/database'");
  parseDatabaseUrl(value);
  return value;
};

const schema: Check<string> = (value) => {
  if (typeof value === 'string' && /^[a-z_][a-z0-9_]{0,62}$/.test(value)) return value;
  throw new Expected('a schema name of 1 to 63 small letters, digits and underscores');
};

const retryDelays: Check<readonly number[]> = (value) => {
  const delay = integer(100, 24 * HOUR_MS, 'milliseconds');
  if (!Array.isArray(value) || value.length > 20)
    throw new Expected('a list of at most 20 delays in milliseconds, such as 1000,10000');
  return Object.freeze(value.map(delay));
};

const timeZone: Check<string | undefined> = (value) => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: String(value) }).resolvedOptions().timeZone && String(value);
  } catch {
    throw new Expected("an IANA time zone such as 'Europe/Berlin'");
  }
};

const shownDatabaseUrl = (value: unknown) => (typeof value === 'string' ? shown(maskUrl(value)) : shown(value));

export const storeOptions = {
  databaseUrl: { check: databaseUrl, fallback: undefined, env: ['LOGHIVE_DATABASE_URL'], show: shownDatabaseUrl },
  schema: { check: schema, fallback: 'logs' },
  writeTimeoutMs: { check: integer(1000, 20 * 60_000, 'milliseconds'), fallback: 60_000 },
} as const;

const consumerOptions = {
  ...storeOptions,
  batchSize: { check: integer(1, 100_000, 'records'), fallback: 5000, env: ['CONSUMER_BATCH_SIZE'], parse: numberText },
  batchBytes: { check: integer(64 * KIB, 1024 * MIB, 'bytes'), fallback: 8 * MIB },
  batchLingerMs: { check: integer(0, 60_000, 'milliseconds'), fallback: 50 },
  prefetchBytes: { check: integer(MIB, 16 * 1024 * MIB, 'bytes'), fallback: 64 * MIB },
  retryDelaysMs: {
    check: retryDelays,
    fallback: Object.freeze([1000, 10_000, 60_000, 10 * 60_000, HOUR_MS]) as readonly number[],
    env: ['RETRY_DELAYS_MS'],
    parse: (text: string) =>
      text
        .split(',')
        .filter((part) => part.trim() !== '')
        .map(numberText),
  },
  pythonTimezone: { check: timeZone, fallback: undefined, env: ['PYTHON_TIMEZONE'] },
  ...brokerOptions,
  ...queueOptions,
} as const;

/**
 * @throws LoghiveError LOGHIVE_INVALID_OPTION for a wrong option, service name, or when there is no service at all.
 */
export function consumerConfig(
  owner: string,
  services: readonly string[] | undefined,
  options: ConsumerOptions | undefined,
): ConsumerConfig {
  const environment = openEnvironment();
  const values = resolveOptions(owner, consumerOptions, options, environment, warnOnce);
  if (/^(true|1|yes|on)$/i.test(environment('ENABLE_EMAIL_MONITORING') ?? '')) {
    warnOnce('ENABLE_EMAIL_MONITORING is set, but this version of Loghive sends no e-mail.');
  }
  return Object.freeze({
    services: Object.freeze(checkServices(owner, services, environment)),
    broker: brokerConfig(values, environment),
    queues: queueSettings(values),
    store: storeSettings(values, environment),
    batchSize: values.batchSize,
    batchBytes: values.batchBytes,
    batchLingerMs: values.batchLingerMs,
    prefetchBytes: values.prefetchBytes,
    retryDelaysMs: values.retryDelaysMs,
    pythonTimezone: values.pythonTimezone,
  });
}

/** What `loghive migrate` needs: the database only. */
export function migrationConfig(
  owner: string,
  options: Pick<ConsumerOptions, 'databaseUrl' | 'schema'>,
): StoreSettings {
  const environment = openEnvironment();
  return storeSettings(resolveOptions(owner, storeOptions, options, environment, warnOnce), environment);
}

function storeSettings(
  values: { databaseUrl: string | undefined; schema: string; writeTimeoutMs: number },
  environment: Environment,
): StoreSettings {
  return Object.freeze({
    databaseUrl: values.databaseUrl ?? databaseUrlFromParts(environment) ?? databaseUrlFallback(environment),
    schema: values.schema,
    // The server gives up first, so that it says what was slow instead of us hanging up.
    statementTimeoutMs: Math.floor(values.writeTimeoutMs / 2),
    writeTimeoutMs: values.writeTimeoutMs,
    connectTimeoutMs: 10_000,
  });
}

/** The Python package's way: the parts of the URL, each in a variable of its own. */
function databaseUrlFromParts(environment: Environment): string | undefined {
  const host = environment('POSTGRES_DB_HOST');
  if (host === undefined) return undefined;
  const part = (name: string, fallback: string) => encodeURIComponent(environment(name) ?? fallback);
  const login = `${part('POSTGRES_DB_USER', 'postgres')}:${part('POSTGRES_DB_PASSWORD', '')}`;
  const port = environment('POSTGRES_DB_PORT') ?? '5432';
  const url = `postgres://${login}@${host}:${port}/${part('POSTGRES_DB_NAME', 'postgres')}`;
  parseDatabaseUrl(url);
  return url;
}

function databaseUrlFallback(environment: Environment): string {
  const url = environment('DATABASE_URL');
  if (url === undefined) {
    throw new LoghiveError(
      'LOGHIVE_INVALID_OPTION',
      'no database: pass the option "databaseUrl" (postgres://user:password@host:5432/database), or set LOGHIVE_DATABASE_URL or POSTGRES_DB_HOST|USER|NAME|PASSWORD|PORT.',
    );
  }
  parseDatabaseUrl(url);
  return url;
}

function checkServices(owner: string, services: readonly string[] | undefined, environment: Environment): string[] {
  const names = services?.length
    ? services
    : (environment('SERVICE_NAMES') ?? '')
        .split(',')
        .map((name) => name.trim())
        .filter(Boolean);
  if (names.length === 0) {
    throw new LoghiveError(
      'LOGHIVE_INVALID_OPTION',
      `${owner}: no service to consume. Name at least one (loghive consume shop), or set SERVICE_NAMES=shop,other.`,
    );
  }
  for (const name of names) {
    try {
      serviceName(name);
    } catch (error) {
      if (!(error instanceof Expected)) throw error;
      throw new LoghiveError(
        'LOGHIVE_INVALID_OPTION',
        `${owner}: service ${JSON.stringify(name)} is not valid, expected ${error.message}.`,
      );
    }
  }
  return [...new Set(names)];
}
