/**
 * Readable representations of Node's streams, sockets, requests, responses, agents and other internals. Without them, a
 * logged request would include its socket, the socket's server, and with that the whole application. Streams are never
 * read.
 *
 * Recognized by their properties, because importing the Node modules would load them in every application.
 *
 * @module
 */
import type { Shape } from './builtin-value.js';
import { className, readSafely } from './foreign-object.js';

type Fields = Record<string, unknown>;

/** Internal properties of EventEmitter and EventTarget; symbols by their descriptions. */
const EMITTER_KEYS: ReadonlySet<unknown> = new Set([
  '_events',
  '_eventsCount',
  '_maxListeners',
  'kCapture',
  'shapeMode',
  'kEvents',
  'kHandlers',
  'events.maxEventTargetListeners',
  'events.maxEventTargetListenersWarned',
]);

/** Undefined for anything else. May throw. */
export function nodeShape(value: object): Shape | undefined {
  if (isHttpIncoming(value)) return { kind: 'fields', fields: incomingFields(value) };
  if (isHttpOutgoing(value)) return { kind: 'fields', fields: outgoingFields(value) };
  if (!isNodeInternal(value)) return undefined;
  const mark = `[${className(value)}]`;
  const content = isSocket(value) ? socketFields(value) : readSafely(value, 'path');
  const hasContent =
    typeof content === 'string' || (typeof content === 'object' && content !== null && Object.keys(content).length > 0);
  return hasContent ? { kind: 'marked', mark, content } : { kind: 'text', text: mark };
}

/** The keys without the internal ones of an EventEmitter or EventTarget. */
export function withoutEmitterKeys(value: object, keys: readonly PropertyKey[]): readonly PropertyKey[] {
  if (!(Object.hasOwn(value, '_events') || value instanceof EventTarget)) return keys;
  return keys.filter((key) => !EMITTER_KEYS.has(typeof key === 'symbol' ? key.description : key));
}

function isHttpIncoming(value: object): boolean {
  return (
    typeof readSafely(value, 'httpVersion') === 'string' &&
    isObject(readSafely(value, 'headers')) &&
    (isStream(value) || typeof readSafely(value, 'pipe') === 'function')
  );
}

function incomingFields(value: object): Fields {
  const { statusCode, statusMessage, headers } = pick(value, ['statusCode', 'statusMessage', 'headers']);
  if (typeof statusCode === 'number') return withoutEmpty({ statusCode, statusMessage, headers });
  const { id, method, url, originalUrl } = pick(value, ['id', 'method', 'url', 'originalUrl']);
  const socket = readSafely(value, 'socket');
  const { remoteAddress, remotePort } = isObject(socket) ? pick(socket, ['remoteAddress', 'remotePort']) : {};
  // Routers shorten `url`.
  return withoutEmpty({ id, method, url: originalUrl ?? url, headers, remoteAddress, remotePort });
}

function isHttpOutgoing(value: object): boolean {
  const isOne = Object.hasOwn(value, '_header') || isObject(readSafely(value, 'stream'));
  return isOne && ['getHeaders', 'setHeader', 'end'].every((name) => typeof readSafely(value, name) === 'function');
}

function outgoingFields(value: object): Fields {
  const getHeaders = readSafely(value, 'getHeaders') as () => unknown;
  const headers = Reflect.apply(getHeaders, value, []);
  const { method, path, protocol, host } = pick(value, ['method', 'path', 'protocol', 'host']);
  if (typeof method === 'string' && typeof path === 'string') {
    return withoutEmpty({
      method,
      url: typeof host === 'string' ? `${protocol ?? 'http:'}//${host}${path}` : path,
      headers,
    });
  }
  // HTTP/2 has no status message, and reading it emits a warning.
  const status = Object.hasOwn(value, '_header') ? ['statusCode', 'statusMessage'] : ['statusCode'];
  return withoutEmpty({ ...pick(value, status), headers });
}

function isNodeInternal(value: object): boolean {
  const has = (...names: string[]) => names.every((name) => Object.hasOwn(value, name));
  return (
    isStream(value) ||
    has('sockets', 'freeSockets', 'requests') ||
    has('_connections', '_handle') ||
    has('_idleTimeout', '_onTimeout')
  );
}

function isStream(value: object): boolean {
  return isObject(readSafely(value, '_readableState')) || isObject(readSafely(value, '_writableState'));
}

function isSocket(value: object): boolean {
  return Object.hasOwn(value, 'connecting') && Object.hasOwn(value, 'allowHalfOpen');
}

function socketFields(value: object): Fields {
  return withoutEmpty(pick(value, ['remoteAddress', 'remotePort', 'localAddress', 'localPort']));
}

function pick(value: object, names: readonly string[]): Fields {
  return Object.fromEntries(names.map((name) => [name, readSafely(value, name)]));
}

function withoutEmpty(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== null && value !== ''),
  );
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
