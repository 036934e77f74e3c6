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
import { internalLogger } from '../src/internal-logger.js';
import { LEVELS } from '../src/level.js';
import { maskedBroker, shownUrl } from '../src/settings/broker-url.js';
import {
  booleanText,
  type Check,
  type Environment,
  Expected,
  integer,
  isOptions,
  numberText,
  resolveOptions,
  shown,
} from '../src/settings/option.js';
import { urlPart, withPort } from '../src/settings/url-parts.js';
import type { QueueSettings, QueueType } from '../src/wire.js';
import { parseDatabaseUrl } from './store/database-url.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const HOUR_MS = 3_600_000;

/** Options of the consumer. All of it has defaults but the database. */
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
  /** How many services are taken that announce themselves. Environment: `MAX_SERVICES`. Default 1000. */
  maxServices?: number;
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
  /** 'every' one that announces itself, where none is named. */
  readonly services: readonly string[] | 'every';
  readonly broker: BrokerConfig;
  readonly queues: QueueSettings;
  readonly store: StoreSettings;
  readonly batchSize: number;
  readonly batchBytes: number;
  readonly batchLingerMs: number;
  readonly prefetchBytes: number;
  readonly retryDelaysMs: readonly number[];
  readonly pythonTimezone: string | undefined;
  /** Of those that announce themselves. */
  readonly maxServices: number;
}

/** What is wrong with a database URL is said by its parser. */
const databaseUrl: Check<string | undefined> = (value) => {
  if (typeof value !== 'string') throw new Expected("a URL such as 'postgres://user:password@host:5432/database'");
  parseDatabaseUrl(value);
  return value;
};

const serviceList: Check<readonly string[] | undefined> = (value) => {
  if (!Array.isArray(value)) throw new Expected("a list of service names such as ['shop']");
  if (value.some((name) => typeof name === 'string' && name.includes(','))) {
    throw new Expected(
      "names of their own, such as ['shop', 'other'] (on the command line: loghive consume shop other)",
    );
  }
  return Object.freeze([...new Set(value.map(serviceName))]);
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

const commaSeparated = (text: string) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

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

const consumerOptions = {
  services: {
    check: serviceList,
    fallback: undefined,
    env: ['SERVICE_NAMES'],
    parse: commaSeparated,
    required: true,
  },
  ...storeOptions,
  batchSize: { check: integer(1, 100_000, 'records'), fallback: 5000, env: ['CONSUMER_BATCH_SIZE'], parse: numberText },
  batchBytes: { check: integer(64 * KIB, 1024 * MIB, 'bytes'), fallback: 8 * MIB },
  batchLingerMs: { check: integer(0, 60_000, 'milliseconds'), fallback: 50 },
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
  ...brokerOptions,
  ...queueOptions,
} as const;

/**
 * @param owner who is being set up, for messages.
 * @param services an empty list counts as none, so that SERVICE_NAMES is asked; without that, every service is meant.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION for a wrong option, or when there is no database at all.
 */
export function consumerConfig(
  owner: string,
  services: readonly string[] | undefined,
  options: ConsumerOptions | undefined,
): ConsumerConfig {
  const environment = openEnvironment();
  const values = resolveOptions(owner, consumerOptions, argumentsIn(options, services), environment, warnOnce);
  warnOfWhatIsToCome(environment);
  const broker = brokerConfig(values, environment);
  const store = storeSettings(values, environment);
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
    retryDelaysMs: values.retryDelaysMs,
    pythonTimezone: values.pythonTimezone,
    maxServices: values.maxServices,
  });
}

function argumentsIn(options: ConsumerOptions | undefined, services: readonly string[] | undefined): unknown {
  if (options !== undefined && !isOptions(options)) return options;
  return { ...options, services: services?.length === 0 ? undefined : services };
}

/** Settings of the contract that this version does not have yet: who sets them relies on them. */
const TO_COME = [
  'CONSUMER_WORKERS',
  'CONSUMER_HTTP_PORT',
  'RETENTION_DAYS',
  ...LEVELS.map((level) => `RETENTION_DAYS_${level}`),
];

function warnOfWhatIsToCome(environment: Environment): void {
  for (const name of TO_COME) {
    const setting = environment(name);
    if (setting?.text) warnOnce(`${setting.where} has no effect in this version of Loghive. Remove it.`);
  }
  const email = environment('ENABLE_EMAIL_MONITORING');
  if (email?.text && booleanText(email.text) !== false) {
    warnOnce(
      `${email.where} is ${shown(email.text)}, but this version of Loghive sends no e-mail. Set it to False or remove it.`,
    );
  }
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
  if (!host?.text) return undefined;
  const part = (name: string, fallback: string) => urlPart(environment, name) ?? fallback;
  const login = `${part('POSTGRES_DB_USER', 'postgres')}:${part('POSTGRES_DB_PASSWORD', '')}`;
  const port = environment('POSTGRES_DB_PORT')?.text || '5432';
  const url = `postgres://${login}@${withPort(host.text, port)}/${part('POSTGRES_DB_NAME', 'postgres')}`;
  const places = `POSTGRES_DB_HOST ${shownUrl(host.text)} and POSTGRES_DB_PORT ${shown(port)} (${host.where})`;
  return checkedUrl(url, `${places} make no database address`);
}

function databaseUrlFallback(environment: Environment): string {
  const setting = environment('DATABASE_URL');
  if (!setting?.text) {
    throw new LoghiveError(
      'LOGHIVE_INVALID_OPTION',
      'no database: pass the option "databaseUrl" (--database-url postgres://user:password@host:5432/database), or set LOGHIVE_DATABASE_URL or POSTGRES_DB_HOST|USER|NAME|PASSWORD|PORT.',
    );
  }
  return checkedUrl(setting.text, setting.where);
}

/** There is no default to fall back to, so a wrong URL of the environment throws as well. */
function checkedUrl(url: string, where: string): string {
  try {
    parseDatabaseUrl(url);
    return url;
  } catch (error) {
    if (!(error instanceof LoghiveError)) throw error;
    throw new LoghiveError('LOGHIVE_INVALID_OPTION', `${where}: ${error.message}`);
  }
}
