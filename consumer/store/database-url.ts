/**
 * Parses the database URL like libpq: `postgres://user:password@one:5432,two:5433/logs?sslmode=verify-full`. `pg`
 * refuses host lists and reads `sslmode=require` as verify-full. Pure.
 * Source: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
 */
import { LoghiveError } from '../../src/errors.js';
import { counted } from '../../src/sentence.js';
import { maskUrl, mayHoldPassword } from '../../src/settings/mask-url.js';

const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
export type SslMode = (typeof SSL_MODES)[number];

/**
 * Accepted values of `target_session_attrs`. The modes for standby servers are refused, because records must be
 * written.
 */
const SESSION_ATTRS = ['any', 'read-write', 'primary'] as const;

export interface DatabaseHost {
  /** Host name, IP address, or directory of a Unix socket (starts with `/`). */
  readonly host: string;
  readonly port: number;
}

/** A parsed database URL. Absent parts are undefined. */
export interface DatabaseTarget {
  readonly hosts: readonly DatabaseHost[];
  readonly user?: string;
  readonly password?: string;
  /** Path of a password file, used if the URL has no password. */
  readonly passFile?: string;
  readonly database?: string;
  readonly sslMode: SslMode;
  /** Path of the CA certificate, or `system`. */
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

/** Message completes "database URL …: ". It never quotes a value that may be part of a password. */
class UrlError extends Error {}

const SHAPE = 'expected postgres://user:password@host:5432/database (special characters percent-encoded)';

/**
 * @param defaultAttrs the value of `target_session_attrs` if the URL has none.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION with the password masked.
 */
export function parseDatabaseUrl(
  text: string,
  defaultAttrs: DatabaseTarget['sessionAttrs'] = 'read-write',
): DatabaseTarget {
  try {
    return parse(text, defaultAttrs);
  } catch (error) {
    if (!(error instanceof UrlError)) throw error;
    throw new LoghiveError('LOGHIVE_INVALID_OPTION', `database URL ${JSON.stringify(maskUrl(text))}: ${error.message}`);
  }
}

function parse(text: string, defaultAttrs: DatabaseTarget['sessionAttrs']): DatabaseTarget {
  const match = /^postgres(?:ql)?:\/\/(?<authority>[^/?]*)(?:\/(?<path>[^?]*))?(?:\?(?<query>.*))?$/is.exec(
    text.trim(),
  );
  if (!match?.groups) throw new UrlError(`${SHAPE}.`);
  const { authority = '', path = '', query = '' } = match.groups;
  const at = authority.lastIndexOf('@');
  const login = at < 0 ? '' : authority.slice(0, at);
  const colon = login.indexOf(':');
  const draft: Draft = { sessionAttrs: defaultAttrs };
  put(draft, 'user', decoded(colon < 0 ? login : login.slice(0, colon)));
  put(draft, 'password', colon < 0 ? '' : decoded(login.slice(colon + 1)));
  if (/[/@]/.test(path)) {
    throw new UrlError("'/' and '@' in a password or database name must be percent-encoded (%2F, %40).");
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
    throw new UrlError("a '%' is not followed by two hexadecimal digits; write a literal '%' as %25.");
  }
  if (value.includes('\0')) throw new UrlError('%00 is not allowed.');
  return value;
}

function oneOf<T extends string>(name: string, allowed: readonly T[], value: string): T {
  if (allowed.includes(value as T)) return value as T;
  throw new UrlError(`${name} has an invalid value; expected one of ${allowed.join(', ')}.`);
}

function whole(name: string, value: string): number {
  if (/^-?\d{1,9}$/.test(value.trim())) return Number(value);
  throw new UrlError(`${name} has an invalid value; expected an integer.`);
}

/** Supported libpq parameters. Those that only affect libpq itself are validated and ignored. */
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
      throw new UrlError(`target_session_attrs is "${value}", but records must be written: use read-write.`);
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
  // Unknown parameters are errors: ignoring a misspelled sslmode would open an unencrypted connection.
  if (!read && (mayHoldSecret || equals < 0)) {
    throw new UrlError(
      `unknown parameter after '?'; remove it, or percent-encode '?' and '&' in a password as %3F and %26. Known: ${Object.keys(PARAMETERS).join(', ')}.`,
    );
  }
  if (!read) {
    throw new UrlError(`unknown parameter "${name}"; remove it. Known: ${Object.keys(PARAMETERS).join(', ')}.`);
  }
  const value = equals < 0 ? '' : decoded(pair.slice(equals + 1));
  if (value === '') throw new UrlError(`parameter "${name}" has no value.`);
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
    // Not quoted: it may be part of an unencoded password.
    throw new UrlError(
      "invalid host; put an IPv6 address in brackets, and percent-encode ':', '/' and '@' in a password.",
    );
  }
  return { host: decoded(match.groups.v6 ?? match.groups.name ?? ''), port: match.groups.port ?? '' };
}

function paired(hosts: string[], ports: string[]): readonly DatabaseHost[] {
  if (ports.length !== 1 && ports.length !== hosts.length) {
    throw new UrlError(
      `${counted(hosts.length, 'host')} and ${counted(ports.length, 'port')}; expected one port, or one for each host.`,
    );
  }
  return Object.freeze(
    hosts.map((host, index) => {
      const port = (ports.length === 1 ? ports[0] : ports[index]) || '5432';
      const number = /^\d+$/.test(port) ? Number(port) : Number.NaN;
      if (!(number >= 1 && number <= 65535)) {
        // Not quoted: the text after ':' may be part of a password with an unencoded '/'.
        throw new UrlError(`the port of a host is not an integer from 1 to 65535; ${SHAPE}.`);
      }
      return Object.freeze({ host: host.trim() || 'localhost', port: number });
    }),
  );
}

/** Applies defaults and refuses the same combinations as libpq. */
function finished(draft: Draft): Omit<DatabaseTarget, 'hosts'> {
  const { hostList: _hosts, portList: _ports, hosts: _, ...rest } = draft;
  const sslMode = draft.sslMode ?? (draft.sslRootCert === 'system' ? 'verify-full' : 'prefer');
  if (draft.sslRootCert === 'system' && sslMode !== 'verify-full') {
    throw new UrlError(
      `sslrootcert=system needs sslmode=verify-full; with "${sslMode}" any server with a publicly trusted certificate would be accepted.`,
    );
  }
  if ((draft.sslCert === undefined) !== (draft.sslKey === undefined)) {
    throw new UrlError('sslcert and sslkey must be set together; one of them is missing.');
  }
  const weak = sslMode === 'disable' || sslMode === 'allow' || sslMode === 'prefer';
  if (draft.directTls && weak) throw new UrlError('sslnegotiation=direct needs sslmode=require or stronger.');
  return {
    ...rest,
    sslMode,
    directTls: draft.directTls ?? false,
    requireChannelBinding: draft.requireChannelBinding ?? false,
    sessionAttrs: draft.sessionAttrs ?? 'read-write',
  };
}
