/** The settings of a producer, the same for every integration. */
import {
  type BrokerConfig,
  type BrokerConnectionOptions,
  brokerConfig,
  brokerOptions,
  GIB,
  KIB,
  MIB,
  openEnvironment,
  type QueueOptions,
  queueOptions,
  queueSettings,
  serviceName,
  warnOnce,
} from './config.js';
import { LoghiveError } from './errors.js';
import { lastingMembers, type Member } from './fields/member.js';
import { processFields } from './fields/process-fields.js';
import { type Redact, type RedactOptions, redaction } from './fields/redact.js';
import { type OnDiagnostic, withDiagnosticsTo } from './internal-logger.js';
import { isLevelName, LEVEL_ALIASES, LEVELS, type Level, parseLevel } from './level.js';
import type { SpoolConfig } from './publisher/spool/spool.js';
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
import { type SpoolOptions, spoolConfig, spoolOptions } from './settings/spool-options.js';
import type { TlsOptions } from './settings/tls-options.js';
import type { QueueSettings } from './wire.js';

const baseFields: Check<object | null | undefined> = (value) => {
  if (value === null || isOptions(value)) return value;
  throw new Expected("an object of fields such as { region: 'eu' }, or null");
};

const diagnosticFunction: Check<OnDiagnostic | undefined> = (value) => {
  if (typeof value === 'function') return value as OnDiagnostic;
  throw new Expected('a function (line) => void');
};

const levelName: Check<Level> = (value) => {
  if (typeof value === 'string' && isLevelName(value)) return parseLevel(value).level;
  throw new Expected(
    `one of ${LEVELS.join(', ')}, or a name that stands for one of them (${LEVEL_ALIASES.join(', ')})`,
  );
};

/** The option `level` of the integrations without a logger that has levels: `LoggerClient` and the console. */
export const levelOption = { check: levelName, fallback: 'DEBUG' as Level } as const;

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
  spool: { check: spoolOptions, fallback: undefined, env: ['LOGHIVE_SPOOL'], parse: booleanText, show: kindOf },
  onDiagnostic: { check: diagnosticFunction, fallback: undefined, show: kindOf },
  ...brokerOptions,
  ...queueOptions,
} as const;

/** Options of every integration. All have defaults except `service`. */
export interface ProducerOptions extends BrokerConnectionOptions, QueueOptions {
  /**
   * Name of the service that logs. It becomes part of queue names and routing keys. Environment: `LOGHIVE_SERVICE`.
   * Required.
   */
  service?: string | undefined;
  /**
   * URL of the broker: `amqp://user:password@host:5672/vhost` or `amqps://…`. Separate several hosts with commas.
   * Environment: `LOGHIVE_URL`, then `AMQP_URL`, then `QUEUE_HOST|USER|PASSWORD|PORT|VHOST`. Default:
   * `amqp://guest:guest@localhost:5672/`.
   */
  url?: string | undefined;
  /** `false` starts nothing and discards every record. Environment: `LOGHIVE_ENABLED`. Default: true. */
  enabled?: boolean | undefined;
  /** How long a record may wait for later records to be sent in the same message, in milliseconds. Default: 5. */
  lingerMs?: number | undefined;
  /**
   * Memory for unconfirmed records, in bytes. When it is full, records are dropped, lowest level first. Default: 8 MiB.
   */
  bufferBytes?: number | undefined;
  /**
   * Maximum size of a record, in bytes. It must be less than `bufferBytes`. In a larger record, the longest strings are
   * cut and marked. Default: 1 MiB, at most half of `bufferBytes`.
   */
  maxRecordBytes?: number | undefined;
  /**
   * How long `close()` and the end of the process wait for publisher confirms, in milliseconds (0 to 8000). Default:
   * 5000.
   */
  exitTimeoutMs?: number | undefined;
  /** `false` leaves SIGTERM, SIGINT and SIGHUP to the application. Default: true. */
  handleSignals?: boolean | undefined;
  /**
   * Fields added to every record that does not have a field of the same name. Default: `{ hostname, pid }`; null for
   * none.
   */
  base?: object | null | undefined;
  /**
   * What to hide before a record leaves the process: `'http'` hides what HTTP clients and servers send (authorization,
   * cookies, tokens, passwords, at any depth); an array of paths in Pino's syntax hides these fields (`['password',
   * 'user.card', '*.token']`); `{ preset: 'http', paths, censor, remove }` combines both. Environment:
   * `LOGHIVE_REDACT=http`. Default: nothing is hidden.
   */
  redact?: RedactOptions | undefined;
  /**
   * Where records wait on disk if they do not fit into memory or cannot be sent before the process ends: `{ dir, maxBytes,
   * mode, fsync }`; `LOGHIVE_SPOOL_DIR` or systemd's `STATE_DIRECTORY` may name the folder. `false`: they are dropped.
   * Environment: `LOGHIVE_SPOOL=false`. Default: 256 MiB in the system's temporary folder.
   */
  spool?: SpoolOptions | boolean | undefined;
  /**
   * Receives the lines that Loghive would otherwise write to stderr about this producer, one per call, without the line
   * feed. If the function throws, the line goes to stderr. Integrations share a connection only if they pass the same
   * function object. It is not available for a Pino worker target, because the options of such a target cannot hold
   * functions. Default: stderr.
   */
  onDiagnostic?: ((line: string) => void) | undefined;
  /**
   * TLS options for the broker, which turn TLS on as `amqps://` in the URL does. If the URL says `amqp://`, port 5672
   * becomes 5671.
   */
  tls?: TlsOptions | undefined;
}

/** The settings of a publisher. Integrations whose `PublisherConfig` is equal share one publisher. */
export interface PublisherConfig {
  readonly broker: BrokerConfig;
  readonly queues: QueueSettings;
  readonly lingerMs: number;
  readonly bufferBytes: number;
  /** 1 if Python consumers read the queues. */
  readonly recordsPerMessage: number;
  readonly exitTimeoutMs: number;
  readonly handleSignals: boolean;
  /** Undefined: nothing is written to disk. */
  readonly spool?: SpoolConfig | undefined;
  readonly onDiagnostic?: OnDiagnostic | undefined;
}

export interface ProducerConfig extends PublisherConfig {
  readonly service: string;
  readonly enabled: boolean;
  readonly maxRecordBytes: number;
  /** Fields of every record. */
  readonly base: readonly Member[];
  readonly redact: Redact | undefined;
}

/**
 * @param owner the integration, for messages: `LoghiveTransport`.
 * @param usualBase the fields of every record if the option `base` is not set.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION with the option, its value and what was expected.
 */
export function producerConfig(
  owner: string,
  options: ProducerOptions | undefined,
  usualBase: object = processFields(),
): ProducerConfig {
  const onDiagnostic = isOptions(options) ? options.onDiagnostic : undefined;
  return withDiagnosticsTo(typeof onDiagnostic === 'function' ? onDiagnostic : undefined, () =>
    resolved(owner, options, usualBase),
  );
}

function resolved(owner: string, options: ProducerOptions | undefined, usualBase: object): ProducerConfig {
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
    spool: values.enabled ? spoolConfig(values.spool, environment) : undefined,
    onDiagnostic: values.onDiagnostic,
    broker: brokerConfig(values, environment),
    queues: queueSettings(values),
  });
}

/** A record that does not fit into the buffer would be dropped; for one that fills it, all others would be dropped. */
function recordLimit(owner: string, { maxRecordBytes, bufferBytes }: Values<typeof producerOptions>): number {
  if (maxRecordBytes === undefined) return Math.min(MIB, Math.floor(bufferBytes / 2));
  if (maxRecordBytes < bufferBytes) return maxRecordBytes;
  throw new LoghiveError(
    'LOGHIVE_INVALID_OPTION',
    `${owner}: option "maxRecordBytes" is ${maxRecordBytes}, expected less than "bufferBytes" (${bufferBytes}): a larger record would never fit into the buffer. Lower maxRecordBytes or raise bufferBytes.`,
  );
}
