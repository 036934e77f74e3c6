/** Configuration of the consumer: arguments, then the environment and `config.env`, then defaults. */
import os from 'node:os';
import {
  type BrokerConfig,
  type BrokerConnectionOptions,
  brokerConfig,
  brokerOptions,
  openEnvironment,
  type QueueOptions,
  queueOptions,
  queueSettings,
  serviceName,
  type TlsOptions,
  usable,
  warnOnce,
} from '../src/config.js';
import { internalLogger } from '../src/internal-logger.js';
import { maskedBroker } from '../src/settings/broker-url.js';
import { type Check, Expected, integer, isOptions, numberText, resolveOptions } from '../src/settings/option.js';
import type { QueueSettings } from '../src/wire.js';
import { type AlertOptions, type AlertSettings, alertOptions, alertSettings } from './alerts/settings.js';
import { type HttpConfig, httpConfig, httpOptions } from './http/settings.js';
import {
  indexOptions,
  indexSettings,
  type RetentionSettings,
  retentionOptions,
  retentionSettings,
  type StoreSettings,
  storeOptions,
  storeSettings,
} from './store-settings.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const HOUR_MS = 3_600_000;
/** Default limit on the number of workers. */
const MAX_WORKERS = 4;

/** Options of the consumer. Only the database has no default. */
export interface ConsumerOptions extends AlertOptions, BrokerConnectionOptions, QueueOptions {
  /**
   * URL of the broker, as for producers. Environment: `LOGHIVE_URL`, `AMQP_URL`, `QUEUE_HOST|USER|PASSWORD|PORT|VHOST`.
   */
  url?: string | undefined;
  /**
   * URL of the database: `postgres://user:password@host:5432/database`. It may have several hosts and libpq parameters
   * such as `sslmode`. Environment: `LOGHIVE_DATABASE_URL`, `POSTGRES_DB_HOST|USER|NAME|PASSWORD|PORT`, `DATABASE_URL`.
   */
  databaseUrl?: string | undefined;
  /** PostgreSQL schema that holds the tables. Default 'logs'. */
  schema?: string | undefined;
  /** Maximum number of records in a batch. Environment: `CONSUMER_BATCH_SIZE`. Default 5000. */
  batchSize?: number | undefined;
  /** Maximum size of the messages in a batch, in bytes. Default 8 MiB. */
  batchBytes?: number | undefined;
  /** How long a batch waits for more records, in milliseconds. Default 50. */
  batchLingerMs?: number | undefined;
  /**
   * Number of worker threads. Each runs the whole pipeline on its own connections; 0 runs it in the main thread.
   * Environment: `CONSUMER_WORKERS`. Default: the number of cores, at most 4.
   */
  workers?: number | undefined;
  /** Maximum size of unacknowledged messages in memory, in bytes, for all queues together. Default 64 MiB. */
  prefetchBytes?: number | undefined;
  /**
   * Delay before each retry of a record that PostgreSQL refused temporarily, in milliseconds; `[]` turns retries off.
   * Environment: `RETRY_DELAYS_MS`, comma-separated. Default 1 s, 10 s, 1 min, 10 min, 1 h.
   */
  retryDelaysMs?: readonly number[] | undefined;
  /** Time limit for writing one batch, in milliseconds. Default 60000. */
  writeTimeoutMs?: number | undefined;
  /** How many days records are kept, in addition to today (UTC). Environment: `RETENTION_DAYS`. Default: forever. */
  retentionDays?: number | undefined;
  /**
   * Retention of one level, in days, if shorter. Environment: `RETENTION_DAYS_DEBUG` … `RETENTION_DAYS_CRITICAL`.
   * Default: `retentionDays`.
   */
  retentionDaysDebug?: number | undefined;
  retentionDaysInfo?: number | undefined;
  retentionDaysWarning?: number | undefined;
  retentionDaysError?: number | undefined;
  retentionDaysCritical?: number | undefined;
  /**
   * `true` creates the index on `information` that serves `information @> …`, `false` drops it. Environment:
   * `INDEX_INFORMATION`, `on` or `off`. Default: unchanged; a new table has it.
   */
  indexInformation?: boolean | undefined;
  /**
   * Fields of `information` to index, such as `['requestId', 'order.id']`. Environment: `INDEX_FIELDS`,
   * comma-separated. Default: no additional ones.
   */
  indexFields?: readonly string[] | undefined;
  /**
   * IANA time zone of times without a UTC offset, as Python clients publish them. If it is not set, the offset is
   * inferred. Environment: `PYTHON_TIMEZONE`.
   */
  pythonTimezone?: string | undefined;
  /**
   * Maximum number of services that the consumer discovers through their announcements. Environment: `MAX_SERVICES`.
   * Default 1000.
   */
  maxServices?: number | undefined;
  /**
   * Port of the HTTP server for health, status and metrics: `/livez`, `/readyz`, `/startupz`, `/status`, `/metrics`. 0:
   * any free port; false: no server. Environment: `CONSUMER_HTTP_PORT`. Default: no server for `createConsumer` and
   * `startConsumer`; 7464 for `loghive consume`.
   */
  httpPort?: number | false | undefined;
  /** Address that the HTTP server listens on. Environment: `CONSUMER_HTTP_HOST`. Default '127.0.0.1'. */
  httpHost?: string | undefined;
  /** TLS options for the broker. TLS options for PostgreSQL are part of the database URL. */
  tls?: TlsOptions | undefined;
}

export interface ConsumerConfig {
  /** 'every': all services that announce themselves, if none are named. */
  readonly services: readonly string[] | 'every';
  readonly broker: BrokerConfig;
  readonly queues: QueueSettings;
  readonly store: StoreSettings;
  readonly batchSize: number;
  readonly batchBytes: number;
  readonly batchLingerMs: number;
  readonly prefetchBytes: number;
  /** 0: the main thread. */
  readonly workers: number;
  readonly retryDelaysMs: readonly number[];
  readonly retention: RetentionSettings;
  readonly pythonTimezone: string | undefined;
  /** Maximum number of services discovered by their announcements. */
  readonly maxServices: number;
  /** Undefined: no alerts. */
  readonly alerts: AlertSettings | undefined;
  /** Undefined: no HTTP server. */
  readonly http: HttpConfig | undefined;
}

const serviceList: Check<readonly string[] | undefined> = (value) => {
  if (!Array.isArray(value)) throw new Expected("a list of service names such as ['shop']");
  if (value.some((name) => typeof name === 'string' && name.includes(','))) {
    throw new Expected(
      "one name per element, such as ['shop', 'other'] (on the command line: loghive consume shop other)",
    );
  }
  return Object.freeze([...new Set(value.map(serviceName))]);
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

const commaSeparated = (text: string) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

export const consumerOptions = {
  services: {
    check: serviceList,
    fallback: undefined,
    env: ['SERVICE_NAMES'],
    parse: commaSeparated,
    required: true,
  },
  ...storeOptions,
  ...retentionOptions,
  ...indexOptions,
  batchSize: { check: integer(1, 100_000, 'records'), fallback: 5000, env: ['CONSUMER_BATCH_SIZE'], parse: numberText },
  batchBytes: { check: integer(64 * KIB, 1024 * MIB, 'bytes'), fallback: 8 * MIB },
  batchLingerMs: { check: integer(0, 60_000, 'milliseconds'), fallback: 50 },
  workers: {
    check: integer(0, 64, 'worker threads'),
    fallback: Math.min(MAX_WORKERS, os.availableParallelism()),
    env: ['CONSUMER_WORKERS'],
    parse: numberText,
  },
  prefetchBytes: { check: integer(MIB, 16 * 1024 * MIB, 'bytes'), fallback: 64 * MIB },
  retryDelaysMs: {
    check: retryDelays,
    fallback: Object.freeze([1000, 10_000, 60_000, 10 * 60_000, HOUR_MS]) as readonly number[],
    env: ['RETRY_DELAYS_MS'],
    parse: (text: string) => commaSeparated(text).map(numberText),
    takesEmpty: true,
  },
  pythonTimezone: { check: timeZone, fallback: undefined, env: ['PYTHON_TIMEZONE'] },
  maxServices: { check: integer(1, 100_000, 'services'), fallback: 1000, env: ['MAX_SERVICES'], parse: numberText },
  ...alertOptions,
  ...httpOptions,
  ...brokerOptions,
  ...queueOptions,
} as const;

/**
 * @param owner the caller's name, for error messages.
 * @param services an empty list counts as none: SERVICE_NAMES applies, and without it every service.
 * @param isHttpDefault whether the HTTP server starts if no option sets a port.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION for an invalid option, or if no database is configured.
 */
export function consumerConfig(
  owner: string,
  services: readonly string[] | undefined,
  options: ConsumerOptions | undefined,
  isHttpDefault = false,
): ConsumerConfig {
  const environment = openEnvironment();
  const values = resolveOptions(owner, consumerOptions, argumentsIn(options, services), environment, warnOnce);
  const broker = usable(brokerConfig(values, environment));
  const retention = retentionSettings(values);
  const store = Object.freeze({
    ...storeSettings(values, environment),
    retentionDays: retention.days,
    indexes: indexSettings(values),
  });
  if (values.url === undefined && !environment('QUEUE_HOST')?.text) {
    internalLogger.info(
      `neither the option "url" nor LOGHIVE_URL, AMQP_URL or QUEUE_HOST names a broker; using ${broker.hosts.map(maskedBroker).join()}.`,
    );
  }
  return Object.freeze({
    services: values.services?.length ? values.services : 'every',
    broker,
    queues: queueSettings(values),
    store,
    batchSize: values.batchSize,
    batchBytes: values.batchBytes,
    batchLingerMs: values.batchLingerMs,
    prefetchBytes: values.prefetchBytes,
    workers: values.workers,
    retryDelaysMs: values.retryDelaysMs,
    retention,
    pythonTimezone: values.pythonTimezone,
    maxServices: values.maxServices,
    alerts: alertSettings(values, environment, options),
    http: httpConfig(values, isHttpDefault),
  });
}

function argumentsIn(options: ConsumerOptions | undefined, services: readonly string[] | undefined): unknown {
  if (options !== undefined && !isOptions(options)) return options;
  return { ...options, services: services?.length === 0 ? undefined : services };
}

/** Options of a consumer's `start()`. */
export interface StartOptions {
  /** Stops the consumer. If it is still starting, `start()` rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** Checked by its members: a signal of another realm, such as Jest's, is not an instance of this realm's class. */
const abortSignal: Check<AbortSignal | undefined> = (value) => {
  const signal = value as Partial<AbortSignal> | null;
  if (typeof signal?.aborted === 'boolean' && typeof signal.addEventListener === 'function')
    return value as AbortSignal;
  throw new Expected('an AbortSignal, such as that of an AbortController');
};

const startTable = { signal: { check: abortSignal, fallback: undefined } } as const;

/**
 * @param owner the caller's name, for error messages.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION naming the option, its value and what was expected.
 */
export function startOptions(owner: string, options: StartOptions | undefined): StartOptions {
  return resolveOptions(
    owner,
    startTable,
    options,
    () => undefined,
    () => {},
  );
}
