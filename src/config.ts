/**
 * What a producer is set up with: arguments, then the environment, then `config.env` of the working directory, then
 * defaults. The only reader of `process.env`.
 */
import fs from 'node:fs';
import path from 'node:path';
import dotenv from 'dotenv';
import { LoghiveError, reasonOf } from './errors.js';
import { internalLogger } from './internal-logger.js';
import { isLevelName, LEVELS } from './level.js';
import { type BrokerHost, maskedBroker, parseBrokerUrl, shownUrl } from './settings/broker-url.js';
import { quoteHashes } from './settings/config-file.js';
import {
  boolean,
  booleanText,
  type Check,
  type Environment,
  Expected,
  integer,
  kindOf,
  numberText,
  oneOf,
  resolveOptions,
  type Setting,
  shown,
  type Values,
} from './settings/option.js';
import { unknownVariable } from './settings/own-variables.js';
import { type TlsOptions, tlsOptions } from './settings/tls-options.js';
import { urlPart, withPort } from './settings/url-parts.js';
import { type QueueSettings, type QueueType, SERVICE_NAME } from './wire.js';

export type { TlsOptions } from './settings/tls-options.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

export const serviceName: Check<string> = (value) => {
  if (typeof value === 'string' && SERVICE_NAME.test(value)) return value;
  throw new Expected(
    'a service name of 1 to 200 letters, digits, dots, hyphens and underscores that begins with a letter or digit (it becomes part of queue names)',
  );
};

/** Options of a connection to RabbitMQ, the same for producers and the consumer. */
export const brokerOptions = {
  url: {
    check: parseBrokerUrl,
    fallback: undefined as readonly BrokerHost[] | undefined,
    env: ['LOGHIVE_URL', 'AMQP_URL'],
    show: shownUrl,
    otherwise: (environment: Environment) => hostsFromParts(environment).map(maskedBroker).join(),
  },
  heartbeatS: { check: integer(0, 3600, 'seconds, 0 turns heartbeats off'), fallback: 600 },
  blockedTimeoutMs: { check: integer(1000, 86_400_000, 'milliseconds'), fallback: 300_000 },
  socketTimeoutMs: { check: integer(100, 600_000, 'milliseconds'), fallback: 10_000 },
  tls: { check: tlsOptions, fallback: undefined as Readonly<TlsOptions> | undefined, show: kindOf },
} as const;

/** Limits of the queues that are declared, the same for producers and the consumer. */
export const queueOptions = {
  queueType: {
    check: oneOf('quorum', 'classic', 'python'),
    fallback: 'quorum' as QueueType,
    env: ['QUEUE_TYPE'],
    parse: (text: string) => text.trim().toLowerCase(),
  },
  queueMaxSize: {
    check: integer(1, 2 ** 31 - 1, 'messages'),
    fallback: 1_000_000,
    env: ['QUEUE_MAX_SIZE'],
    parse: numberText,
  },
  queueMaxBytes: {
    check: integer(MIB, 1024 * GIB, 'bytes'),
    fallback: GIB,
    env: ['QUEUE_MAX_BYTES'],
    parse: numberText,
  },
  queueMessageTtlMs: {
    check: integer(1000, 2 ** 32 - 1, 'milliseconds'),
    fallback: 604_800_000,
    env: ['QUEUE_MESSAGE_TTL_MS'],
    parse: numberText,
  },
} as const;

const producerOptions = {
  service: {
    check: serviceName as Check<string | undefined>,
    fallback: undefined,
    env: ['LOGHIVE_SERVICE'],
    required: true,
  },
  enabled: { check: boolean, fallback: true, env: ['LOGHIVE_ENABLED'], parse: booleanText },
  lingerMs: { check: integer(0, 10_000, 'milliseconds'), fallback: 5 },
  bufferBytes: { check: integer(256 * KIB, 64 * GIB, 'bytes'), fallback: 8 * MIB },
  maxRecordBytes: { check: integer(KIB, 64 * MIB, 'bytes') as Check<number | undefined>, fallback: undefined },
  exitTimeoutMs: { check: integer(0, 8000, 'milliseconds'), fallback: 5000 },
  handleSignals: { check: boolean, fallback: true },
  ...brokerOptions,
  ...queueOptions,
} as const;

/** What every door of Loghive takes. All of it has defaults but `service`. */
export interface ProducerOptions {
  /** Who logs: part of queue names and routing keys. Environment: `LOGHIVE_SERVICE`. */
  service?: string;
  /** `amqp://user:password@host:5672/vhost`, `amqps://…`, several hosts separated by commas. Environment: `LOGHIVE_URL`, then `AMQP_URL`, then `QUEUE_HOST|USER|PASSWORD|PORT|VHOST`. Default: `amqp://guest:guest@localhost:5672/`. */
  url?: string;
  /** `false`: nothing is started and every record is passed over. Environment: `LOGHIVE_ENABLED`. Default true. */
  enabled?: boolean;
  /** How long a record may wait for company before it is sent, in milliseconds. Default 5. */
  lingerMs?: number;
  /** How many bytes of unconfirmed records are kept in memory. Default 8 MiB. */
  bufferBytes?: number;
  /** A larger record has its longest strings cut and marked. Bytes, less than `bufferBytes`. Default 1 MiB, at most half of `bufferBytes`. */
  maxRecordBytes?: number;
  /** How long the end of the process may wait for confirms, in milliseconds, 0 to 8000. Default 5000. */
  exitTimeoutMs?: number;
  /** `false` leaves SIGTERM and SIGINT to the application. Default true. */
  handleSignals?: boolean;
  /** AMQP heartbeat in seconds, negotiated down by the server. Default 600. */
  heartbeatS?: number;
  /** A connection that the broker keeps blocked for longer is opened anew. Milliseconds, default 300000. */
  blockedTimeoutMs?: number;
  /** How long the broker may be silent where an answer is due. Milliseconds, default 10000. */
  socketTimeoutMs?: number;
  /** TLS to the broker, as `amqps://` in the URL. Where the URL says `amqp://`, port 5672 becomes 5671. */
  tls?: TlsOptions;
  /** Kind of the queues that are declared. Environment: `QUEUE_TYPE`. Default 'quorum'; 'python' for a fleet with Python consumers. */
  queueType?: QueueType;
  /** `x-max-length` of the queues that are declared. Environment: `QUEUE_MAX_SIZE`. Default 1000000 messages. */
  queueMaxSize?: number;
  /** `x-max-length-bytes`. Environment: `QUEUE_MAX_BYTES`. Default 1 GiB. */
  queueMaxBytes?: number;
  /** `x-message-ttl`. Environment: `QUEUE_MESSAGE_TTL_MS`. Default 7 days. */
  queueMessageTtlMs?: number;
}

export interface BrokerConfig {
  readonly hosts: readonly BrokerHost[];
  readonly heartbeatS: number;
  readonly blockedTimeoutMs: number;
  readonly socketTimeoutMs: number;
  readonly tls: Readonly<TlsOptions> | undefined;
}

/** Everything that a publisher needs; doors whose `PublisherConfig` is equal share one publisher. */
export interface PublisherConfig {
  readonly broker: BrokerConfig;
  readonly queues: QueueSettings;
  readonly lingerMs: number;
  readonly bufferBytes: number;
  /** 1 where Python consumers read as well. */
  readonly recordsPerMessage: number;
  readonly exitTimeoutMs: number;
  readonly handleSignals: boolean;
}

export interface ProducerConfig extends PublisherConfig {
  readonly service: string;
  readonly enabled: boolean;
  readonly maxRecordBytes: number;
}

/**
 * @param owner the door that is being opened, for messages.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION naming the option, its value and what was expected.
 */
export function producerConfig(owner: string, options: ProducerOptions | undefined): ProducerConfig {
  const environment = openEnvironment();
  const values = resolveOptions(owner, producerOptions, options, environment, warnOnce);
  if (values.service === undefined && values.enabled) {
    throw new LoghiveError(
      'LOGHIVE_INVALID_OPTION',
      `${owner}: option "service" is missing. Pass { service: 'shop' } or set LOGHIVE_SERVICE.`,
    );
  }
  return Object.freeze({
    service: values.service ?? '',
    enabled: values.enabled,
    maxRecordBytes: recordLimit(owner, values),
    lingerMs: values.lingerMs,
    bufferBytes: values.bufferBytes,
    recordsPerMessage: values.queueType === 'python' ? 1 : Number.POSITIVE_INFINITY,
    exitTimeoutMs: values.exitTimeoutMs,
    handleSignals: values.handleSignals,
    broker: brokerConfig(values, environment),
    queues: queueSettings(values),
  });
}

/** A record that no buffer can hold could only be given up; one that fills it pushes out all others. */
function recordLimit(owner: string, { maxRecordBytes, bufferBytes }: Values<typeof producerOptions>): number {
  if (maxRecordBytes === undefined) return Math.min(MIB, Math.floor(bufferBytes / 2));
  if (maxRecordBytes < bufferBytes) return maxRecordBytes;
  throw new LoghiveError(
    'LOGHIVE_INVALID_OPTION',
    `${owner}: option "maxRecordBytes" is ${maxRecordBytes}, expected less than "bufferBytes", which is ${bufferBytes}: a record that no buffer can hold is lost. Lower the one or raise the other.`,
  );
}

export function brokerConfig(values: Values<typeof brokerOptions>, environment: Environment): BrokerConfig {
  return Object.freeze({
    hosts: (values.url ?? hostsFromParts(environment)).map((host) => (values.tls ? withTls(host) : host)),
    heartbeatS: values.heartbeatS,
    blockedTimeoutMs: values.blockedTimeoutMs,
    socketTimeoutMs: values.socketTimeoutMs,
    tls: values.tls,
  });
}

export function queueSettings(values: Values<typeof queueOptions>): QueueSettings {
  return Object.freeze({
    type: values.queueType,
    maxLength: values.queueMaxSize,
    maxBytes: values.queueMaxBytes,
    messageTtlMs: values.queueMessageTtlMs,
  });
}

/** The option `tls` on a URL that does not say amqps://, or on `QUEUE_HOST` and its like, which cannot say it. */
function withTls(host: BrokerHost): BrokerHost {
  if (host.protocol === 'amqps') return host;
  return Object.freeze({ ...host, protocol: 'amqps', port: host.port === 5672 ? 5671 : host.port });
}

/** The Python package's way: the parts of the URL, each in a variable of its own. */
function hostsFromParts(environment: Environment): readonly BrokerHost[] {
  const part = (name: string, fallback: string) => urlPart(environment, name) ?? fallback;
  const hosts = environment('QUEUE_HOST')?.text || 'localhost';
  const port = environment('QUEUE_PORT')?.text || '5672';
  const build = (host: string, number: string) =>
    `amqp://${part('QUEUE_USER', 'guest')}:${part('QUEUE_PASSWORD', 'guest')}@${withPort(host, number)}/${part('QUEUE_VHOST', '%2F')}`;
  try {
    return parseBrokerUrl(build(hosts, port));
  } catch (error) {
    if (!(error instanceof Expected)) throw error;
    warnOnce(
      `QUEUE_HOST ${shownUrl(hosts)} and QUEUE_PORT ${shown(port)} make no broker address, expected a host name and a port from 1 to 65535; localhost:5672 is used instead. Correct them or set LOGHIVE_URL.`,
    );
    return parseBrokerUrl(build('localhost', '5672'));
  }
}

/** The process's environment with `config.env` of the working directory behind it; that file is read, never exported. */
export function openEnvironment(): Environment {
  const file = path.resolve('config.env');
  const settings = readConfigFile(file);
  const fromFile = (name: string) => settings[name] ?? settings[name.toLowerCase()];
  const lookup = (name: string): Setting | undefined => {
    const own = process.env[name];
    const filed = fromFile(name);
    if (own || (own !== undefined && !filed)) return { text: own, where: `environment variable ${name}` };
    return filed === undefined ? undefined : { text: filed, where: `${name} in ${file}` };
  };
  setLogLevel(lookup('LOG_LEVEL'));
  for (const name of Object.keys(process.env)) tellUnknown(name, `environment variable ${name}`);
  for (const name of Object.keys(settings)) tellUnknown(name.toUpperCase(), `${name} in ${file}`);
  return lookup;
}

function tellUnknown(name: string, where: string): void {
  const fault = unknownVariable(name);
  if (fault) warnOnce(`${where} ${fault}`);
}

function setLogLevel(setting: Setting | undefined): void {
  if (!setting?.text) return;
  internalLogger.setLevel(setting.text);
  if (isLevelName(setting.text)) return;
  warnOnce(
    `${setting.where} is ${shown(setting.text)}, expected one of ${LEVELS.join(', ')}; INFO is used instead. Correct it.`,
  );
}

function readConfigFile(file: string): Record<string, string> {
  try {
    return dotenv.parse(quoteHashes(fs.readFileSync(file, 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      warnOnce(`${file} cannot be read (${reasonOf(error)}); its settings are ignored. Make it readable or remove it.`);
    }
    return {};
  }
}

const warned = new Set<string>();

/** Many loggers are made in one process; a wrong environment is told once. */
export function warnOnce(sentence: string): void {
  if (warned.has(sentence)) return;
  warned.add(sentence);
  internalLogger.warning(sentence);
}
