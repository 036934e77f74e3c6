/**
 * What stands behind the '?' of a broker URL, as RabbitMQ's own clients read it. Those that mean something here are used;
 * the others are named once and passed over: none of them says which broker is meant. Pure.
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
  /** What was passed over, and why: sentences without their values, which may be secret. */
  readonly passedOver: readonly string[];
}

type Found = Omit<BrokerParameters, 'passedOver'>;
/** Undefined: not a value that it may have. */
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

/** @param query what stands behind the '?'. @param isTls whether the URL says amqps. */
export function brokerParameters(query: string, isTls: boolean): BrokerParameters {
  const passedOver: string[] = [];
  let found: Found = {};
  for (const [name, value] of new URLSearchParams(query)) {
    const reader = Object.hasOwn(READERS, name) ? READERS[name] : undefined;
    const named = /^[a-z][\w.-]{0,40}$/i.test(name) ? `parameter "${name}"` : 'something that is no parameter';
    if (!reader) {
      passedOver.push(`${named}, which Loghive does not use (known: ${Object.keys(READERS).join(', ')})`);
      continue;
    }
    const read = reader.read(value);
    if (!read) passedOver.push(`${named}, whose value is not ${reader.expected}`);
    else if (TLS.includes(name) && !isTls) passedOver.push(`${named}, which needs amqps://`);
    else found = { ...found, ...read };
  }
  return Object.freeze({ ...found, passedOver: Object.freeze(passedOver) });
}
