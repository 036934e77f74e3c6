/**
 * The database URL, as libpq reads it: `postgres://user:password@one:5432,two:5433/logs?sslmode=verify-full`.
 * `pg` itself refuses host lists and reads `sslmode=require` as verify-full, so the URL is read here. Pure.
 * Source: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
 */
import { LoghiveError } from '../../src/errors.js';
import { counted } from '../../src/sentence.js';
import { maskUrl, mayHoldPassword } from '../../src/settings/mask-url.js';

const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
export type SslMode = (typeof SSL_MODES)[number];

/** Which server of a list will do. Records must be written, so libpq's modes for standby servers are refused. */
const SESSION_ATTRS = ['any', 'read-write', 'primary'] as const;

export interface DatabaseHost {
  /** A name, an address, or the folder of a Unix socket (begins with `/`). */
  readonly host: string;
  readonly port: number;
}

/** A database URL taken apart. What it does not say is undefined. */
export interface DatabaseTarget {
  readonly hosts: readonly DatabaseHost[];
  readonly user?: string;
  readonly password?: string;
  /** Path of a file that holds the password, where the URL does not. */
  readonly passFile?: string;
  readonly database?: string;
  readonly sslMode: SslMode;
  /** Path of the authority's certificate, or `system`. */
  readonly sslRootCert?: string;
  readonly sslCert?: string;
  readonly sslKey?: string;
  readonly sslPassword?: string;
  readonly directTls: boolean;
  readonly requireChannelBinding: boolean;
  readonly connectTimeoutMs?: number;
  readonly applicationName?: string;
  readonly options?: string;
  readonly sessionAttrs: (typeof SESSION_ATTRS)[number];
}

type Mutable<T> = { -readonly [K in keyof T]?: T[K] };
type Draft = Mutable<DatabaseTarget> & { hostList?: string; portList?: string };

/** Completes "database URL …: ". It quotes no value: that stands in the URL, unless it may be part of a password. */
class Wrong extends Error {}

const SHAPE = 'expected postgres://user:password@host:5432/database (special characters percent-encoded)';

/**
 * @throws LoghiveError LOGHIVE_INVALID_OPTION, its text with the password masked.
 */
export function parseDatabaseUrl(text: string): DatabaseTarget {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    throw new LoghiveError('LOGHIVE_INVALID_OPTION', `database URL ${JSON.stringify(maskUrl(text))}: ${error.message}`);
  }
}

function parse(text: string): DatabaseTarget {
  const match = /^postgres(?:ql)?:\/\/(?<authority>[^/?]*)(?:\/(?<path>[^?]*))?(?:\?(?<query>.*))?$/is.exec(
    text.trim(),
  );
  if (!match?.groups) throw new Wrong(`${SHAPE}.`);
  const { authority = '', path = '', query = '' } = match.groups;
  const at = authority.lastIndexOf('@');
  const login = at < 0 ? '' : authority.slice(0, at);
  const colon = login.indexOf(':');
  const draft: Draft = {};
  put(draft, 'user', decoded(colon < 0 ? login : login.slice(0, colon)));
  put(draft, 'password', colon < 0 ? '' : decoded(login.slice(colon + 1)));
  if (/[/@]/.test(path)) {
    throw new Wrong("a '/' or '@' in a password or in the database's name must be percent-encoded (%2F, %40).");
  }
  put(draft, 'database', decoded(path));
  const mayHoldSecret = mayHoldPassword(query);
  for (const pair of query.split('&')) if (pair !== '') parameter(draft, pair, mayHoldSecret);
  const hosts = hostsOf(authority.slice(at + 1), draft);
  return Object.freeze({ ...finished(draft), hosts });
}

function put<K extends 'user' | 'password' | 'database'>(draft: Draft, key: K, value: string): void {
  if (value !== '') draft[key] = value;
}

function decoded(text: string): string {
  let value: string;
  try {
    value = decodeURIComponent(text);
  } catch {
    throw new Wrong("a '%' is not the start of a code such as %40; write it as %25.");
  }
  if (value.includes('\0')) throw new Wrong('%00 cannot stand in it.');
  return value;
}

function oneOf<T extends string>(name: string, allowed: readonly T[], value: string): T {
  if (allowed.includes(value as T)) return value as T;
  throw new Wrong(`${name} has no value that is known, expected one of ${allowed.join(', ')}.`);
}

function whole(name: string, value: string): number {
  if (/^-?\d{1,9}$/.test(value.trim())) return Number(value);
  throw new Wrong(`${name} has no value that is known, expected an integer.`);
}

/** libpq's parameters that mean something here. Those whose only effect is libpq's own are checked and passed over. */
const PARAMETERS: Readonly<Record<string, (value: string) => Draft>> = {
  user: (user) => ({ user }),
  password: (password) => ({ password }),
  passfile: (passFile) => ({ passFile }),
  dbname: (database) => ({ database }),
  host: (hostList) => ({ hostList }),
  port: (portList) => ({ portList }),
  sslmode: (value) => ({ sslMode: oneOf('sslmode', SSL_MODES, value) }),
  // libpq reads JDBC's ssl=true as sslmode=require.
  ssl: (value) => (oneOf('ssl', ['true'], value) ? { sslMode: 'require' } : {}),
  sslrootcert: (sslRootCert) => ({ sslRootCert }),
  sslcert: (sslCert) => ({ sslCert }),
  sslkey: (sslKey) => ({ sslKey }),
  sslpassword: (sslPassword) => ({ sslPassword }),
  sslnegotiation: (value) => ({ directTls: oneOf('sslnegotiation', ['postgres', 'direct'], value) === 'direct' }),
  channel_binding: (value) => ({
    requireChannelBinding: oneOf('channel_binding', ['disable', 'prefer', 'require'], value) === 'require',
  }),
  connect_timeout: (value) => {
    const seconds = whole('connect_timeout', value);
    return seconds > 0 ? { connectTimeoutMs: seconds * 1000 } : {};
  },
  application_name: (applicationName) => ({ applicationName }),
  options: (options) => ({ options }),
  target_session_attrs: (value) => {
    if (['read-only', 'standby', 'prefer-standby'].includes(value)) {
      throw new Wrong(`target_session_attrs is "${value}", but records must be written: use read-write.`);
    }
    return { sessionAttrs: oneOf('target_session_attrs', SESSION_ATTRS, value) };
  },
  client_encoding: (value) => noEffect(oneOf('client_encoding', ['auto', 'utf8', 'utf-8'], value.toLowerCase())),
  gssencmode: (value) => noEffect(oneOf('gssencmode', ['disable', 'prefer'], value)),
  fallback_application_name: (value) => noEffect(value),
  keepalives: (value) => noEffect(whole('keepalives', value)),
  keepalives_idle: (value) => noEffect(whole('keepalives_idle', value)),
  keepalives_interval: (value) => noEffect(whole('keepalives_interval', value)),
  keepalives_count: (value) => noEffect(whole('keepalives_count', value)),
};

function noEffect(_checked: unknown): Draft {
  return {};
}

function parameter(draft: Draft, pair: string, mayHoldSecret: boolean): void {
  const equals = pair.indexOf('=');
  const name = decoded(equals < 0 ? pair : pair.slice(0, equals));
  const read = Object.hasOwn(PARAMETERS, name) ? PARAMETERS[name] : undefined;
  // Passing over a misspelt sslmode would open an unprotected connection, so nothing unknown is passed over.
  if (!read && (mayHoldSecret || equals < 0)) {
    throw new Wrong(
      `behind the '?' stands an unknown parameter; remove it, and write a '?' or '&' in a password as %3F or %26. Known: ${Object.keys(PARAMETERS).join(', ')}.`,
    );
  }
  if (!read) {
    throw new Wrong(`unknown parameter "${name}"; remove it. Known: ${Object.keys(PARAMETERS).join(', ')}.`);
  }
  const value = equals < 0 ? '' : decoded(pair.slice(equals + 1));
  if (value === '') throw new Wrong(`parameter "${name}" has no value.`);
  Object.assign(draft, read(value));
}

function hostsOf(authorityHosts: string, draft: Draft): readonly DatabaseHost[] {
  if (draft.hostList !== undefined) {
    return paired(draft.hostList.split(','), draft.portList?.split(',') ?? portsOf(authorityHosts));
  }
  const entries = authorityHosts.split(',').map(splitHost);
  return paired(
    entries.map((entry) => entry.host),
    draft.portList?.split(',') ?? entries.map((entry) => entry.port),
  );
}

const portsOf = (authorityHosts: string) => authorityHosts.split(',').map((entry) => splitHost(entry).port);

function splitHost(entry: string): { host: string; port: string } {
  const match = /^(?:\[(?<v6>[^\]]*)\]|(?<name>[^:[\]]*))(?::(?<port>[^:]*))?$/.exec(entry.trim());
  if (!match?.groups) {
    // It is not shown: it may be part of a password that is not encoded.
    throw new Wrong(
      "what stands for a host is none; an IPv6 address stands in brackets, and ':', '/', '@' in a password are percent-encoded.",
    );
  }
  return { host: decoded(match.groups.v6 ?? match.groups.name ?? ''), port: match.groups.port ?? '' };
}

function paired(hosts: string[], ports: string[]): readonly DatabaseHost[] {
  if (ports.length !== 1 && ports.length !== hosts.length) {
    throw new Wrong(
      `${counted(hosts.length, 'host')} and ${counted(ports.length, 'port')}; expected one port, or one for each host.`,
    );
  }
  return Object.freeze(
    hosts.map((host, index) => {
      const port = (ports.length === 1 ? ports[0] : ports[index]) || '5432';
      const number = /^\d+$/.test(port) ? Number(port) : Number.NaN;
      if (!(number >= 1 && number <= 65535)) {
        // What stands behind a ':' may be half of a password with an unencoded '/': it is not shown.
        throw new Wrong(`the port of a host is not an integer from 1 to 65535; ${SHAPE}.`);
      }
      return Object.freeze({ host: host.trim() || 'localhost', port: number });
    }),
  );
}

/** Defaults, and what libpq refuses in combination. */
function finished(draft: Draft): Omit<DatabaseTarget, 'hosts'> {
  const { hostList: _hosts, portList: _ports, hosts: _, ...rest } = draft;
  const sslMode = draft.sslMode ?? (draft.sslRootCert === 'system' ? 'verify-full' : 'prefer');
  if (draft.sslRootCert === 'system' && sslMode !== 'verify-full') {
    throw new Wrong(
      `sslrootcert=system needs sslmode=verify-full; with "${sslMode}" anybody could pass as the server.`,
    );
  }
  if ((draft.sslCert === undefined) !== (draft.sslKey === undefined)) {
    throw new Wrong('sslcert and sslkey belong together; one of them is missing.');
  }
  const weak = sslMode === 'disable' || sslMode === 'allow' || sslMode === 'prefer';
  if (draft.directTls && weak) throw new Wrong('sslnegotiation=direct needs sslmode=require or stronger.');
  return {
    ...rest,
    sslMode,
    directTls: draft.directTls ?? false,
    requireChannelBinding: draft.requireChannelBinding ?? false,
    sessionAttrs: draft.sessionAttrs ?? 'read-write',
  };
}
