/**
 * The query of a broker URL, with the parameters of RabbitMQ's own clients. Unknown and invalid parameters are
 * reported once and ignored, because none of them decides which broker is meant. Pure.
 * Source: https://www.rabbitmq.com/docs/uri-query-parameters
 */
export interface BrokerParameters {
  readonly heartbeatS?: number;
  readonly socketTimeoutMs?: number;
  /** Paths of PEM files. */
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly servername?: string;
  /** Ignored parameters, and why. Without their values, which may be secret. */
  readonly ignored: readonly string[];
}

type Found = Omit<BrokerParameters, 'ignored'>;
/** Returns undefined for an invalid value. */
type Reader = (value: string) => Found | undefined;

function whole(value: string, least: number, most: number): number | undefined {
  return /^\d{1,9}$/.test(value) && Number(value) >= least && Number(value) <= most ? Number(value) : undefined;
}

const path =
  (name: 'caFile' | 'certFile' | 'keyFile'): Reader =>
  (value) =>
    value === '' ? undefined : { [name]: value };

const READERS: Readonly<Record<string, { readonly expected: string; readonly read: Reader }>> = {
  heartbeat: {
    expected: 'an integer from 0 to 3600 (seconds)',
    read(value) {
      const heartbeatS = whole(value, 0, 3600);
      return heartbeatS === undefined ? undefined : { heartbeatS };
    },
  },
  connection_timeout: {
    expected: 'an integer from 100 to 600000 (milliseconds)',
    read(value) {
      const socketTimeoutMs = whole(value, 100, 600_000);
      return socketTimeoutMs === undefined ? undefined : { socketTimeoutMs };
    },
  },
  cacertfile: { expected: 'the path of a file', read: path('caFile') },
  certfile: { expected: 'the path of a file', read: path('certFile') },
  keyfile: { expected: 'the path of a file', read: path('keyFile') },
  server_name_indication: {
    expected: "the name in the broker's certificate",
    read: (servername) => (servername === '' || servername === 'disable' ? undefined : { servername }),
  },
  verify: {
    expected: "verify_peer: the broker's certificate is always verified",
    read: (value) => (value === 'verify_peer' ? {} : undefined),
  },
  auth_mechanism: {
    expected: 'plain, by user and password',
    read: (value) => (value.toLowerCase() === 'plain' ? {} : undefined),
  },
};
const TLS = ['cacertfile', 'certfile', 'keyfile', 'server_name_indication', 'verify'];

/**
 * @param query the part of the URL after the '?'.
 * @param isTls whether the URL says amqps.
 */
export function brokerParameters(query: string, isTls: boolean): BrokerParameters {
  const ignored: string[] = [];
  let found: Found = {};
  for (const [name, value] of new URLSearchParams(query)) {
    const reader = Object.hasOwn(READERS, name) ? READERS[name] : undefined;
    const named = /^[a-z][\w.-]{0,40}$/i.test(name) ? `parameter "${name}"` : 'something that is not a parameter';
    if (!reader) {
      ignored.push(`${named}, which Loghive does not use (known: ${Object.keys(READERS).join(', ')})`);
      continue;
    }
    const read = reader.read(value);
    if (!read) ignored.push(`${named}, whose value is not ${reader.expected}`);
    else if (TLS.includes(name) && !isTls) ignored.push(`${named}, which needs amqps://`);
    else found = { ...found, ...read };
  }
  return Object.freeze({ ...found, ignored: Object.freeze(ignored) });
}
