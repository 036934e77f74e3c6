/**
 * What producers and the consumer are set up with alike; and where it comes from: arguments, then the environment, then
 * `config.env` of the working directory, then defaults. The only reader of `process.env`.
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
export const brokerOptions = {
  url: {
    check: brokerAddress,
    fallback: undefined as BrokerAddress | UnusableAddress | undefined,
    env: ['LOGHIVE_URL', 'AMQP_URL'],
    show: shownUrl,
    unusable: (fault: string) => ({ fault }),
  },
  heartbeatS: {
    check: integer(0, 3600, 'seconds, 0 turns heartbeats off') as Check<number | undefined>,
    fallback: undefined,
  },
  blockedTimeoutMs: { check: integer(1000, 86_400_000, 'milliseconds'), fallback: 300_000 },
  socketTimeoutMs: {
    check: integer(100, 600_000, 'milliseconds') as Check<number | undefined>,
    fallback: undefined,
  },
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

export interface BrokerConfig {
  /** None where there is a fault. */
  readonly hosts: readonly BrokerHost[];
  /** Why the address that was set cannot be used: nothing is connected to then. */
  readonly fault?: string;
  readonly heartbeatS: number;
  readonly blockedTimeoutMs: number;
  readonly socketTimeoutMs: number;
  readonly tls: Readonly<TlsOptions> | undefined;
}

export function brokerConfig(values: Values<typeof brokerOptions>, environment: Environment): BrokerConfig {
  const address = values.url ?? addressFromParts(environment);
  const isUsable = 'hosts' in address;
  const parameters: Partial<BrokerParameters> = isUsable ? address.parameters : {};
  for (const what of parameters.passedOver ?? [])
    warnOnce(`the broker's URL has ${what}; it is passed over. Remove it.`);
  return Object.freeze({
    ...(isUsable
      ? { hosts: address.hosts.map((host) => (values.tls ? withTls(host) : host)) }
      : { hosts: [], ...address }),
    heartbeatS: values.heartbeatS ?? parameters.heartbeatS ?? 600,
    blockedTimeoutMs: values.blockedTimeoutMs,
    socketTimeoutMs: values.socketTimeoutMs ?? parameters.socketTimeoutMs ?? 10_000,
    tls: values.tls ?? (isUsable ? address.tls : undefined),
  });
}

/**
 * The same, for a program that has nothing else to do: it does not begin without a broker.
 *
 * @throws LoghiveError LOGHIVE_INVALID_OPTION where the address cannot be used.
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

/** The option `tls` on a URL that does not say amqps://, or on `QUEUE_HOST` and its like, which cannot say it. */
function withTls(host: BrokerHost): BrokerHost {
  if (host.protocol === 'amqps') return host;
  return Object.freeze({ ...host, protocol: 'amqps', port: host.port === 5672 ? 5671 : host.port });
}

/** The Python package's way: the parts of the URL, each in a variable of its own. */
function addressFromParts(environment: Environment): BrokerAddress | UnusableAddress {
  const part = (name: string, fallback: string) => urlPart(environment, name) ?? fallback;
  const hosts = environment('QUEUE_HOST')?.text || 'localhost';
  const port = portOf(environment, 'QUEUE_PORT', '5672', warnOnce);
  const login = `${part('QUEUE_USER', 'guest')}:${part('QUEUE_PASSWORD', 'guest')}`;
  try {
    return brokerAddress(`amqp://${login}@${withPort(hosts, port)}/${part('QUEUE_VHOST', '%2F')}`) as BrokerAddress;
  } catch (error) {
    if (!(error instanceof Expected)) throw error;
    const why = /^an? (?:host name|IPv6|port)/.test(error.message)
      ? error.message
      : 'a host name and a port from 1 to 65535';
    return {
      fault: `QUEUE_HOST ${shownUrl(hosts)} and QUEUE_PORT ${shown(port)} make no broker address, expected ${why}. Correct them or set LOGHIVE_URL.`,
    };
  }
}

/** Where the command was given another file than `config.env` of the working directory. */
let configFile: string | undefined;

/**
 * Settings come from this file from now on, behind the environment, instead of from `config.env`.
 *
 * @throws LoghiveError LOGHIVE_INVALID_OPTION where it cannot be read: somebody means it.
 */
export function useConfigFile(file: string): void {
  try {
    fs.accessSync(file, fs.constants.R_OK);
  } catch (error) {
    throw new LoghiveError(
      'LOGHIVE_INVALID_OPTION',
      `option --config is ${shown(file)}, which cannot be read: ${reasonOf(error)}. Name a file with lines such as LOGHIVE_URL=amqp://localhost.`,
    );
  }
  configFile = path.resolve(file);
}

/** The process's environment with `config.env` of the working directory behind it; that file is read, never exported. */
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
  setLogLevel(lookup('LOG_LEVEL'));
  for (const name of Object.keys(process.env)) tellUnknown(name, `environment variable ${name}`);
  for (const name of Object.keys(settings)) tellUnknown(name.toUpperCase(), `${name} in ${file}`);
  return lookup;
}

/** What a thread of ours gets: not the options that this process was started with, which would preload things in it. */
export function threadEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...environment } = process.env;
  return environment;
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

/** Many loggers are made in one process; a wrong environment is said once. */
const warnings = new StatusLog((sentence, level) => internalLogger[level](sentence));

export function warnOnce(sentence: string): void {
  warnings.once(sentence);
}
