/** Options of the development broker, validated once. */
import { LoghiveError } from '../../../src/errors.js';
import { FRAME_MIN_BYTES } from './wire/frame-reader.js';

export interface BrokerOptions {
  /** Loopback addresses only. Default 127.0.0.1. */
  host?: '127.0.0.1' | '::1' | 'localhost';
  /** Default 0: any free port. */
  port?: number;
  /** Virtual hosts created at startup. Default ['/']. */
  vhosts?: string[];
  /** The only user. Default guest. */
  user?: string;
  password?: string;
  /**
   * Heartbeat interval offered to clients, in seconds; 0: no heartbeats unless the client asks for them. Default 60.
   */
  heartbeatS?: number;
  /** Memory limit above which publishing connections are blocked. Default 512 MiB. */
  memoryBytes?: number;
  /** Maximum frame size offered, in bytes. Default 131072. */
  frameMax?: number;
  /** Maximum channels per connection. Default 2047. */
  channelMax?: number;
  /** Maximum message size. Default 128 MiB. */
  maxMessageBytes?: number;
  /** Time limit from connecting to opening the virtual host. Default 10000. */
  handshakeMs?: number;
}

export interface BrokerSettings extends Readonly<Required<BrokerOptions>> {}

const MIB = 1024 * 1024;

const DEFAULTS: BrokerSettings = {
  host: '127.0.0.1',
  port: 0,
  vhosts: ['/'],
  user: 'guest',
  password: 'guest',
  heartbeatS: 60,
  memoryBytes: 512 * MIB,
  frameMax: 131_072,
  channelMax: 2047,
  maxMessageBytes: 128 * MIB,
  handshakeMs: 10_000,
};

const LOOPBACK = ['127.0.0.1', '::1', 'localhost'];

const RANGES = {
  port: [0, 65_535],
  heartbeatS: [0, 65_535],
  memoryBytes: [1, Number.MAX_SAFE_INTEGER],
  frameMax: [FRAME_MIN_BYTES, 16 * MIB],
  channelMax: [1, 65_535],
  maxMessageBytes: [1, 512 * MIB],
  handshakeMs: [1, 3_600_000],
} as const;

/** @throws LoghiveError LOGHIVE_INVALID_OPTION */
export function brokerSettings(options: BrokerOptions): BrokerSettings {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(DEFAULTS, name));
  if (unknown !== undefined) {
    throw invalid(
      `${unknown} is not an option of the development broker; valid options are ${Object.keys(DEFAULTS).join(', ')}`,
    );
  }
  const settings = { ...DEFAULTS, ...given };
  if (!LOOPBACK.includes(settings.host)) throw wrong('host', settings.host, `one of ${LOOPBACK.join(', ')}`);
  for (const [name, [min, max]] of Object.entries(RANGES)) {
    const value: unknown = settings[name as keyof typeof RANGES];
    if (!Number.isInteger(value) || (value as number) < min || (value as number) > max) {
      throw wrong(name, value, `an integer from ${min} to ${max}`);
    }
  }
  for (const name of ['user', 'password'] as const) {
    if (typeof settings[name] !== 'string' || settings[name] === '' || /\0/.test(settings[name])) {
      throw invalid(`option ${name} of the development broker must be a non-empty string without NUL`);
    }
  }
  const { vhosts } = settings;
  if (!Array.isArray(vhosts) || !vhosts.every((name) => typeof name === 'string' && name !== '')) {
    throw wrong('vhosts', vhosts, 'an array of non-empty names');
  }
  return Object.freeze({ ...settings, vhosts: [...vhosts] });
}

function wrong(name: string, value: unknown, expected: string): LoghiveError {
  return invalid(`option ${name} of the development broker is ${JSON.stringify(value)}, but must be ${expected}`);
}

function invalid(message: string): LoghiveError {
  return new LoghiveError('LOGHIVE_INVALID_OPTION', message);
}
