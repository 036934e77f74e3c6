/** Settings of the consumer's HTTP server. Pure. */
import { type Check, Expected, integer, numberText } from '../../src/settings/option.js';

export const DEFAULT_HTTP_PORT = 7464;
const LOOPBACK = '127.0.0.1';

export interface HttpConfig {
  readonly host: string;
  readonly port: number;
  /** The port is the default. If it is in use, the consumer runs without the server. */
  readonly isDefaultPort: boolean;
}

const port: Check<number | false | undefined> = (value) => {
  if (value === false) return false;
  try {
    return integer(0, 65_535, '')(value);
  } catch {
    throw new Expected(
      'a port from 1 to 65535, 0 for any free port, or false (on the command line: off) for no server',
    );
  }
};

const host: Check<string | undefined> = (value) => {
  if (typeof value === 'string' && /^[\w.:%-]{1,255}$/.test(value)) return value;
  throw new Expected("an address of this machine such as '127.0.0.1', or '0.0.0.0' for all addresses");
};

/**
 * Parses a port from the command line or the environment. An invalid one is returned unchanged for the check to reject.
 */
export function httpPortOf(text: string): number | false {
  return (/^(?:off|false)$/i.test(text.trim()) ? false : numberText(text)) as number | false;
}

export const httpOptions = {
  httpPort: {
    check: port,
    fallback: undefined,
    env: ['CONSUMER_HTTP_PORT'],
    parse: httpPortOf,
  },
  httpHost: { check: host, fallback: undefined, env: ['CONSUMER_HTTP_HOST'] },
} as const;

/** @param isDefault whether the server starts if no option asks for it: for the command, never for a library call. */
export function httpConfig(
  values: { readonly httpPort: number | false | undefined; readonly httpHost: string | undefined },
  isDefault: boolean,
): HttpConfig | undefined {
  const { httpPort, httpHost } = values;
  if (httpPort === false) return undefined;
  if (httpPort === undefined && httpHost === undefined && !isDefault) return undefined;
  return Object.freeze({
    host: httpHost ?? LOOPBACK,
    port: httpPort ?? DEFAULT_HTTP_PORT,
    isDefaultPort: httpPort === undefined,
  });
}
