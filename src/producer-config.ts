/** What a producer is set up with, whichever door it has. */
import {
  type BrokerConfig,
  brokerConfig,
  brokerOptions,
  GIB,
  KIB,
  MIB,
  openEnvironment,
  queueOptions,
  queueSettings,
  serviceName,
  warnOnce,
} from './config.js';
import { LoghiveError } from './errors.js';
import { lastingMembers, type Member } from './fields/member.js';
import { processFields } from './fields/process-fields.js';
import { type Redact, type RedactOptions, redaction } from './fields/redact.js';
import {
  boolean,
  booleanText,
  type Check,
  Expected,
  integer,
  isOptions,
  kindOf,
  resolveOptions,
  type Values,
} from './settings/option.js';
import type { TlsOptions } from './settings/tls-options.js';
import type { QueueSettings, QueueType } from './wire.js';

const baseFields: Check<object | null | undefined> = (value) => {
  if (value === null || isOptions(value)) return value;
  throw new Expected("an object of fields such as { region: 'eu' }, or null");
};

export const producerOptions = {
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
  base: { check: baseFields, fallback: undefined, show: kindOf },
  redact: { check: redaction, fallback: undefined, env: ['LOGHIVE_REDACT'] },
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
  /** Fields for every record, where it has none of that name. Default `{ hostname, pid }`; null for none. */
  base?: object | null;
  /** What must not leave the process: `'http'` for what HTTP clients and servers carry (authorization, cookies, tokens, passwords, at any depth), or paths in Pino's syntax, `['password', 'user.card', '*.token']`, or `{ preset: 'http', paths }`. Environment: `LOGHIVE_REDACT=http`. */
  redact?: RedactOptions;
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
  /** In every record. */
  readonly base: readonly Member[];
  readonly redact: Redact | undefined;
}

/**
 * @param owner the door that is being opened, for messages.
 * @param usualBase the fields of every record, where the option `base` does not say others.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION naming the option, its value and what was expected.
 */
export function producerConfig(
  owner: string,
  options: ProducerOptions | undefined,
  usualBase: object = processFields(),
): ProducerConfig {
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
    base: Object.freeze(lastingMembers(values.base === undefined ? usualBase : (values.base ?? {}))),
    redact: values.redact,
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
