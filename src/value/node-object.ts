/**
 * Node's streams, sockets, requests, responses and agents, and what else is a part of the machine rather than of what
 * somebody has logged: a request holds its socket, that its server, and that the whole application. Written as a person
 * would. What they stream is never read.
 *
 * Known by what they have, since importing Node's modules for them would make every application load those.
 *
 * @module
 */
import type { Shape } from './builtin-value.js';
import { className, readSafely } from './foreign-object.js';

type Fields = Record<string, unknown>;

/** What an EventEmitter, and an EventTarget, keeps for itself; symbols by their descriptions. */
const EMITTER_PARTS: ReadonlySet<unknown> = new Set([
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
  if (!isMachinery(value)) return undefined;
  const mark = `[${className(value)}]`;
  const content = isSocket(value) ? socketFields(value) : readSafely(value, 'path');
  const says =
    typeof content === 'string' || (typeof content === 'object' && content !== null && Object.keys(content).length > 0);
  return says ? { kind: 'marked', mark, content } : { kind: 'text', text: mark };
}

/** The keys without those of an EventEmitter, which say nothing. */
export function withoutEmitterParts(value: object, keys: readonly PropertyKey[]): readonly PropertyKey[] {
  if (!(Object.hasOwn(value, '_events') || value instanceof EventTarget)) return keys;
  return keys.filter((key) => !EMITTER_PARTS.has(typeof key === 'symbol' ? key.description : key));
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
  // Routers shorten the url.
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
  // HTTP/2 has no message for it, and warns whoever asks.
  const status = Object.hasOwn(value, '_header') ? ['statusCode', 'statusMessage'] : ['statusCode'];
  return withoutEmpty({ ...pick(value, status), headers });
}

function isMachinery(value: object): boolean {
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
