/**
 * Settings that producers and the consumer share, and where settings come from: arguments, then the environment, then
 * `config.env` in the working directory, then defaults. The only file that reads `process.env`.
 */
import fs from 'node:fs';
import path from 'node:path';
import dotenv from 'dotenv';
import { LoghiveError, reasonOf } from './errors.js';
import { internalLogger } from './internal-logger.js';
import { isLevelName, LEVELS } from './level.js';
import { type BrokerAddress, brokerAddress, type UnusableAddress } from './settings/broker-address.js';
import type { BrokerParameters } from './settings/broker-parameters.js';
import { type BrokerHost, shownUrl } from './settings/broker-url.js';
import { quoteHashes } from './settings/config-file.js';
import {
  type Check,
  type Environment,
  Expected,
  integer,
  kindOf,
  numberText,
  oneOf,
  type Setting,
  shown,
  type Values,
} from './settings/option.js';
import { unknownVariable } from './settings/own-variables.js';
import { type TlsOptions, tlsOptions } from './settings/tls-options.js';
import { portOf, urlPart, withPort } from './settings/url-parts.js';
import { StatusLog } from './status-log.js';
import { type QueueSettings, type QueueType, SERVICE_NAME } from './wire.js';

export type { TlsOptions } from './settings/tls-options.js';

export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;

export const serviceName: Check<string> = (value) => {
  if (typeof value === 'string' && SERVICE_NAME.test(value)) return value;
  throw new Expected(
    'a service name of 1 to 200 letters, digits, dots, hyphens and underscores that begins with a letter or digit (it becomes part of queue names)',
  );
};

/** Options of a connection to RabbitMQ, the same for producers and the consumer. */
export interface BrokerConnectionOptions {
  /**
   * AMQP heartbeat, in milliseconds, rounded up to whole seconds; 0 turns heartbeats off. The server may lower it.
   * Default: 600000.
   */
  heartbeatMs?: number | undefined;
  /**
   * How long the broker may keep the connection blocked before Loghive reconnects, in milliseconds. Default: 300000.
   */
  blockedTimeoutMs?: number | undefined;
  /** How long Loghive waits for an answer that the broker owes, in milliseconds. Default: 10000. */
  socketTimeoutMs?: number | undefined;
}

/** Their checks, and those of the broker's address. */
export const brokerOptions = {
  url: {
    check: brokerAddress,
    fallback: undefined as BrokerAddress | UnusableAddress | undefined,
    env: ['LOGHIVE_URL', 'AMQP_URL'],
    show: shownUrl,
    unusable: (fault: string) => ({ fault }),
  },
  heartbeatMs: {
    check: integer(0, 3_600_000, 'milliseconds, 0 turns heartbeats off') as Check<number | undefined>,
    fallback: undefined,
  },
  blockedTimeoutMs: { check: integer(1000, 86_400_000, 'milliseconds'), fallback: 300_000 },
  socketTimeoutMs: {
    check: integer(100, 600_000, 'milliseconds') as Check<number | undefined>,
    fallback: undefined,
  },
  tls: { check: tlsOptions, fallback: undefined as Readonly<TlsOptions> | undefined, show: kindOf },
} as const;

/** Type and limits of the queues that are declared, the same for producers and the consumer. */
export interface QueueOptions {
  /**
   * Type of the queues that Loghive declares: 'quorum', 'classic', or 'python' if Python consumers read them too.
   * Environment: `QUEUE_TYPE`. Default: 'quorum'.
   */
  queueType?: QueueType | undefined;
  /**
   * `x-max-length` of the queues that Loghive declares, in messages. Environment: `QUEUE_MAX_SIZE`. Default: 1000000.
   */
  queueMaxSize?: number | undefined;
  /**
   * `x-max-length-bytes` of the queues that Loghive declares, in bytes. Environment: `QUEUE_MAX_BYTES`. Default: 1 GiB.
   */
  queueMaxBytes?: number | undefined;
  /**
   * `x-message-ttl` of the queues that Loghive declares, in milliseconds. Environment: `QUEUE_MESSAGE_TTL_MS`. Default:
   * 604800000 (7 days).
   */
  queueMessageTtlMs?: number | undefined;
}

/** Their checks. */
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

export interface BrokerConfig {
  /** Empty if there is a fault. */
  readonly hosts: readonly BrokerHost[];
  /** Why the configured address cannot be used. Loghive then connects to nothing. */
  readonly fault?: string;
  /** In seconds, as AMQP has it; 0 for none. */
  readonly heartbeatS: number;
  readonly blockedTimeoutMs: number;
  readonly socketTimeoutMs: number;
  readonly tls: Readonly<TlsOptions> | undefined;
}

export function brokerConfig(values: Values<typeof brokerOptions>, environment: Environment): BrokerConfig {
  const address = values.url ?? addressFromParts(environment);
  const isUsable = 'hosts' in address;
  const parameters: Partial<BrokerParameters> = isUsable ? address.parameters : {};
  for (const what of parameters.ignored ?? []) warnOnce(`the broker URL has ${what}; it is ignored. Remove it.`);
  return Object.freeze({
    ...(isUsable
      ? { hosts: address.hosts.map((host) => (values.tls ? withTls(host) : host)) }
      : { hosts: [], ...address }),
    heartbeatS:
      values.heartbeatMs === undefined ? (parameters.heartbeatS ?? 600) : Math.ceil(values.heartbeatMs / 1000),
    blockedTimeoutMs: values.blockedTimeoutMs,
    socketTimeoutMs: values.socketTimeoutMs ?? parameters.socketTimeoutMs ?? 10_000,
    tls: values.tls ?? (isUsable ? address.tls : undefined),
  });
}

/**
 * For programs that cannot work without a broker.
 *
 * @throws LoghiveError LOGHIVE_INVALID_OPTION if the address cannot be used.
 */
export function usable(broker: BrokerConfig): BrokerConfig {
  if (broker.fault !== undefined) throw new LoghiveError('LOGHIVE_INVALID_OPTION', broker.fault);
  return broker;
}

export function queueSettings(values: Values<typeof queueOptions>): QueueSettings {
  return Object.freeze({
    type: values.queueType,
    maxLength: values.queueMaxSize,
    maxBytes: values.queueMaxBytes,
    messageTtlMs: values.queueMessageTtlMs,
  });
}

/** The option `tls` turns an amqp:// URL, or the address in `QUEUE_HOST`, into an amqps:// one. */
function withTls(host: BrokerHost): BrokerHost {
  if (host.protocol === 'amqps') return host;
  return Object.freeze({ ...host, protocol: 'amqps', port: host.port === 5672 ? 5671 : host.port });
}

/** The Python package's variables: one for each part of the URL. */
function addressFromParts(environment: Environment): BrokerAddress | UnusableAddress {
  const part = (name: string, fallback: string) => urlPart(environment, name) ?? fallback;
  const hosts = environment('QUEUE_HOST')?.text || 'localhost';
  const port = portOf(environment, 'QUEUE_PORT', '5672', warnOnce);
  const login = `${part('QUEUE_USER', 'guest')}:${part('QUEUE_PASSWORD', 'guest')}`;
  try {
    return brokerAddress(`amqp://${login}@${withPort(hosts, port)}/${part('QUEUE_VHOST', '%2F')}`) as BrokerAddress;
  } catch (error) {
    if (!(error instanceof Expected)) throw error;
    const expected = /^an? (?:host name|IPv6|port)/.test(error.message)
      ? error.message
      : 'a host name and a port from 1 to 65535';
    return {
      fault: `QUEUE_HOST ${shownUrl(hosts)} and QUEUE_PORT ${shown(port)} are not a valid broker address, expected ${expected}. Correct them or set LOGHIVE_URL.`,
    };
  }
}

/** The file of the command's option `--config`. */
let configFile: string | undefined;

/**
 * Reads this file instead of `config.env`. The environment still takes precedence.
 *
 * @throws LoghiveError LOGHIVE_INVALID_OPTION if it cannot be read.
 */
export function useConfigFile(file: string): void {
  try {
    fs.accessSync(file, fs.constants.R_OK);
  } catch (error) {
    throw new LoghiveError(
      'LOGHIVE_INVALID_OPTION',
      `option --config is ${shown(file)}, which cannot be read: ${reasonOf(error)}. Pass a file with lines such as LOGHIVE_URL=amqp://localhost.`,
    );
  }
  configFile = path.resolve(file);
}

let acceptsLogLevel = false;

/** For the command: `LOG_LEVEL` sets the level of the internal logger, as `LOGHIVE_LOG_LEVEL` does. */
export function acceptLogLevel(): void {
  acceptsLogLevel = true;
}

/**
 * Looks up settings in the environment of the process, then in `config.env` of the working directory, which is never
 * exported into the environment. Also sets the level of the internal logger, and warns about unknown variables.
 */
export function openEnvironment(): Environment {
  const file = configFile ?? path.resolve('config.env');
  const settings = readConfigFile(file);
  const fromFile = (name: string) => settings[name] ?? settings[name.toLowerCase()];
  const lookup = (name: string): Setting | undefined => {
    const own = process.env[name];
    const filed = fromFile(name);
    if (own || (own !== undefined && !filed)) return { text: own, where: `environment variable ${name}` };
    return filed === undefined ? undefined : { text: filed, where: `${name} in ${file}` };
  };
  setLogLevel(logLevel(lookup, fromFile('LOG_LEVEL'), file));
  for (const name of Object.keys(process.env)) warnIfUnknown(name, `environment variable ${name}`);
  for (const name of Object.keys(settings)) warnIfUnknown(name.toUpperCase(), `${name} in ${file}`);
  return lookup;
}

/** A variable of the process alone, for what `config.env` must not decide, such as which program to run. */
export function processVariable(name: string): string | undefined {
  return process.env[name];
}

/** The environment variable `LOG_LEVEL` is usually the application's own, so only the command reads it. */
function logLevel(lookup: Environment, filed: string | undefined, file: string): Setting | undefined {
  const own = lookup('LOGHIVE_LOG_LEVEL');
  if (own?.text) return own;
  if (acceptsLogLevel) return lookup('LOG_LEVEL');
  return filed === undefined ? undefined : { text: filed, where: `LOG_LEVEL in ${file}` };
}

/** The environment for Loghive's own threads: without NODE_OPTIONS, which would preload the application's modules. */
export function threadEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...environment } = process.env;
  return environment;
}

function warnIfUnknown(name: string, where: string): void {
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

/** A process may create many loggers. A wrong environment is reported once. */
const warnings = new StatusLog((sentence, level) => internalLogger[level](sentence));

export function warnOnce(sentence: string): void {
  warnings.once(sentence);
}
