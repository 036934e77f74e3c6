/** What the consumer is set up with: arguments, then the environment and `config.env`, then defaults. */
import os from 'node:os';
import {
  type BrokerConfig,
  brokerConfig,
  brokerOptions,
  openEnvironment,
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
import type { QueueSettings, QueueType } from '../src/wire.js';
import { type AlertOptions, type AlertSettings, alertOptions, alertSettings } from './alerts/settings.js';
import { type HttpConfig, httpConfig, httpOptions } from './http/settings.js';
import { indexOptions, indexSettings } from './index-settings.js';
import { type RetentionSettings, retentionOptions, retentionSettings } from './retention-settings.js';
import { type StoreSettings, storeOptions, storeSettings } from './store-settings.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const HOUR_MS = 3_600_000;
/** Where nobody asks for more. */
const MOST_WORKERS = 4;

/** Options of the consumer. All of it has defaults but the database. */
export interface ConsumerOptions extends AlertOptions {
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
  /** Worker threads, each the whole pipeline with connections of its own; 0: works in the main thread. Environment: `CONSUMER_WORKERS`. Default: as many as there are cores, at most 4. */
  workers?: number;
  /** Bytes of messages that are held in memory, all queues together. Default 64 MiB. */
  prefetchBytes?: number;
  /** Delays before a record that PostgreSQL refused for now is tried again, in milliseconds; none: []. Environment: `RETRY_DELAYS_MS`, comma-separated. Default 1 s, 10 s, 1 min, 10 min, 1 h. */
  retryDelaysMs?: readonly number[];
  /** How long PostgreSQL may take for one batch, in milliseconds. Default 60000. */
  writeTimeoutMs?: number;
  /** How many days records are kept, beside today's (UTC). Environment: `RETENTION_DAYS`. Default: for ever. */
  retentionDays?: number;
  /** The same for one level, where its records are to go earlier. Environment: `RETENTION_DAYS_DEBUG` … `RETENTION_DAYS_CRITICAL`. Default: `retentionDays`. */
  retentionDaysDebug?: number;
  retentionDaysInfo?: number;
  retentionDaysWarning?: number;
  retentionDaysError?: number;
  retentionDaysCritical?: number;
  /** Whether there is an index on all of `information`, for `information @> …`: false drops it, true makes it. Environment: `INDEX_INFORMATION`, `on` or `off`. Default: as the table has it, which is made with it. */
  indexInformation?: boolean;
  /** Fields of `information` that get an index of their own, such as `['requestId', 'order.id']`. Environment: `INDEX_FIELDS`, comma-separated. Default: none more. */
  indexFields?: readonly string[];
  /** IANA time zone of Python clients whose messages carry no AMQP timestamp. Environment: `PYTHON_TIMEZONE`. */
  pythonTimezone?: string;
  /** How many services are taken that announce themselves. Environment: `MAX_SERVICES`. Default 1000. */
  maxServices?: number;
  /** Where health, status and metrics are: `/livez`, `/readyz`, `/startupz`, `/status`, `/metrics`. 0: any port that is free; false: no server. Environment: `CONSUMER_HTTP_PORT`. Default: none for `createConsumer` and `startConsumer`, for a library opens no port unasked; 7464 for `loghive consume`. */
  httpPort?: number | false;
  /** The address that the HTTP server listens on. Environment: `CONSUMER_HTTP_HOST`. Default '127.0.0.1'. */
  httpHost?: string;
  /** AMQP heartbeat, in milliseconds, rounded up to whole seconds; 0 turns heartbeats off. Default: 600000. */
  heartbeatMs?: number;
  blockedTimeoutMs?: number;
  socketTimeoutMs?: number;
  /** TLS to the broker. PostgreSQL's is in its URL. */
  tls?: TlsOptions;
  queueType?: QueueType;
  queueMaxSize?: number;
  queueMaxBytes?: number;
  queueMessageTtlMs?: number;
}

export interface ConsumerConfig {
  /** 'every' one that announces itself, where none is named. */
  readonly services: readonly string[] | 'every';
  readonly broker: BrokerConfig;
  readonly queues: QueueSettings;
  readonly store: StoreSettings;
  readonly batchSize: number;
  readonly batchBytes: number;
  readonly batchLingerMs: number;
  readonly prefetchBytes: number;
  /** 0: in the main thread. */
  readonly workers: number;
  readonly retryDelaysMs: readonly number[];
  readonly retention: RetentionSettings;
  readonly pythonTimezone: string | undefined;
  /** Of those that announce themselves. */
  readonly maxServices: number;
  /** Undefined: nobody is to be told of errors. */
  readonly alerts: AlertSettings | undefined;
  /** Undefined: no HTTP server. */
  readonly http: HttpConfig | undefined;
}

const serviceList: Check<readonly string[] | undefined> = (value) => {
  if (!Array.isArray(value)) throw new Expected("a list of service names such as ['shop']");
  if (value.some((name) => typeof name === 'string' && name.includes(','))) {
    throw new Expected(
      "names of their own, such as ['shop', 'other'] (on the command line: loghive consume shop other)",
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

const consumerOptions = {
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
    fallback: Math.min(MOST_WORKERS, os.availableParallelism()),
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
 * @param owner who is being set up, for messages.
 * @param services an empty list counts as none, so that SERVICE_NAMES is asked; without that, every service is meant.
 * @param isHttpDefault whether there is an HTTP server where nothing says so.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION for a wrong option, or when there is no database at all.
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
      `neither the option "url" nor LOGHIVE_URL, AMQP_URL or QUEUE_HOST names a broker; ${broker.hosts.map(maskedBroker).join()} is used.`,
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
