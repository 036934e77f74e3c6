/**
 * The broker URL: `amqp://user:password@host:5672/vhost`, `amqps://…`, several hosts in one URL
 * (`amqp://user:password@one:5672,two:5673/vhost`) or several whole URLs separated by commas. Pure.
 */
import net from 'node:net';
import { maskUrl } from './mask-url.js';
import { Expected, kindOf, shown } from './option.js';

/** A host to connect to. */
export interface BrokerHost {
  readonly protocol: 'amqp' | 'amqps';
  readonly hostname: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly vhost: string;
}

const SHAPE = "a URL such as 'amqp://user:password@host:5672/vhost' (special characters percent-encoded)";

/** @throws Expected if the text is not a broker URL. The message never contains the password. */
export function parseBrokerUrl(text: unknown): readonly BrokerHost[] {
  if (typeof text !== 'string' || text === '') throw new Expected(SHAPE);
  return Object.freeze(wholeUrls(text).map(parseOne));
}

/** Splits both forms of a list into whole URLs. */
function wholeUrls(text: string): string[] {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.length === 1 || parts.every((part) => /^amqps?:\/\//i.test(part))) return parts;
  // As in a single URL, the login ends at the last '@' before the path.
  const match = /^(?<scheme>amqps?:\/\/)(?<login>[^/?#]*@)?(?<hosts>[^/?#]*)(?<rest>.*)$/is.exec(text.trim());
  if (!match?.groups) throw new Expected(SHAPE);
  const { scheme, login = '', hosts = '', rest = '' } = match.groups;
  if (/@.*,.*@/s.test(login)) {
    throw new Expected(
      `${SHAPE}; a list of hosts has one login, before the first host, and an '@' in a password is written %40`,
    );
  }
  return hosts.split(',').map((host) => `${scheme}${login}${host.trim()}${rest}`);
}

function parseOne(text: string): BrokerHost {
  checkHost(text);
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new Expected(SHAPE);
  }
  if (url.protocol !== 'amqp:' && url.protocol !== 'amqps:')
    throw new Expected("a URL that begins with 'amqp://' or 'amqps://'");
  if (url.hostname === '') throw new Expected(`${SHAPE}; the host is missing`);
  // It may be the rest of a password.
  if (url.hash !== '' || url.search.includes('@')) {
    throw new Expected(`${SHAPE}; a '?' or '#' in a password is written %3F or %23`);
  }
  const path = url.pathname.replace(/^\//, '');
  // Otherwise the rest of a password with an unencoded '/' and '@' would be taken for the vhost, and be shown.
  if (path.includes('@')) throw new Expected(`${SHAPE}; an '@' in a password or vhost is written %40, a '/' %2F`);
  if (path === '/')
    throw new Expected(`a URL whose vhost is one path segment: the vhost "/" is written '/' or '/%2F', not '//'`);
  if (path.includes('/')) throw new Expected("a URL whose vhost is one path segment; write a '/' in its name as %2F");
  if (url.port === '0') throw new Expected('a URL with a port from 1 to 65535');
  const vhost = path === '' ? '/' : decoded(path);
  if (Buffer.byteLength(vhost) > 255) throw new Expected('a URL with a vhost of at most 255 bytes');
  const noLogin = url.username === '' && url.password === '';
  return Object.freeze({
    protocol: url.protocol === 'amqps:' ? 'amqps' : 'amqp',
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (url.protocol === 'amqps:' ? 5671 : 5672) : Number(url.port),
    username: noLogin ? 'guest' : decoded(url.username),
    password: noLogin ? 'guest' : decoded(url.password),
    vhost,
  });
}

/** Hosts for which `new URL` reports nothing, or something misleading. */
function checkHost(text: string): void {
  const [, host = '', rest = ''] = /^\s*[a-z]+:\/\/(?:[^/?#]*@)?([^/?#]*)(.*)$/is.exec(text) ?? [];
  if (/^%2f/i.test(host) || (/^(?::\d+)?$/.test(host) && /^\/[^/]+\/./.test(rest) && !rest.includes('@'))) {
    throw new Expected('a host name or address: RabbitMQ does not accept connections over Unix sockets');
  }
  const zone = /^\[?([\da-f:.]+)%[\w.-]+\]?(?::\d+)?$/i.exec(host)?.[1];
  if (zone !== undefined && net.isIPv6(zone)) {
    throw new Expected("an IPv6 address without a zone, in brackets: 'amqp://[::1]:5672/vhost'");
  }
  if (net.isIPv6(host) || net.isIPv6(host.replace(/:\d+$/, ''))) {
    throw new Expected("an IPv6 address in brackets: 'amqp://[::1]:5672/vhost'");
  }
}

/** The part after the '?' of a parsed URL; for a list of URLs, of all of them. */
export function queryOf(text: string): string {
  return [...text.matchAll(/\?([^,#]*)/g)].map(([, query]) => query!.trim()).join('&');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Expected(`${SHAPE}; a '%' that does not start a percent code is written %25`);
  }
}

/** A host as it is shown to people: with user and vhost, without the password. */
export function maskedBroker(host: BrokerHost): string {
  const vhost = host.vhost === '/' ? '/' : `/${encodeURIComponent(host.vhost)}`;
  // If the ':' of the login was encoded as well, the user name contains the password.
  return maskUrl(`${host.protocol}://${encodeURIComponent(host.username)}:***@${hostAndPort(host)}${vhost}`);
}

export function hostAndPort({ hostname, port }: BrokerHost): string {
  return `${hostname.includes(':') ? `[${hostname}]` : hostname}:${port}`;
}

/** A URL, possibly invalid, for a message. Anything but text is shown by its kind only. */
export function shownUrl(value: unknown): string {
  return typeof value === 'string' ? shown(maskUrl(value)) : kindOf(value);
}
