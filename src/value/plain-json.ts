/**
 * Serializes plain values: the result is exactly that of JSON.stringify, in one pass that also checks whether the value
 * is plain. Nearly everything that is logged is.
 *
 * @module
 */
import { types } from 'node:util';
import { THREE_DIGITS } from '../time/timestamp.js';
import { mayHaveUnsafeEscapes } from './safe-text.js';
import { isWinstonMark } from './winston-marks.js';

/** Maximum nesting of objects and arrays; deeper ones are replaced by a mark. */
export const MAX_DEPTH = 500;

/**
 * The JSON of an object or array, if JSON.stringify serializes it faithfully and PostgreSQL accepts the result: plain
 * objects, arrays, valid Dates, strings without NUL and lone surrogates, booleans, null, undefined and finite numbers;
 * no accessors that return objects, no proxies, no symbol keys, at most 500 levels deep.
 *
 * Undefined for anything else, and soon after the text has become longer than `room`, in characters. Throws what an
 * accessor throws.
 */
export function plainJson(value: object, room: number): string | undefined {
  return objectJson(value, room, 0);
}

/**
 * The members of a plain object, without the braces. Undefined as by `plainJson`, and for arrays and Dates.
 *
 * @param omitted names of fields to leave out. The symbols of Winston are then left out as well.
 */
export function plainMembers(value: object, room: number, omitted?: ReadonlySet<string>): string | undefined {
  return !types.isProxy(value) && isPlainObject(value) ? membersJson(value, room, 0, omitted) : undefined;
}

function objectJson(value: object, room: number, depth: number): string | undefined {
  if (depth >= MAX_DEPTH || types.isProxy(value)) return undefined;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Array.prototype) return arrayJson(value, room, depth);
  if (prototype === Date.prototype) {
    return Number.isNaN(Date.prototype.getTime.call(value)) ? undefined : JSON.stringify(value);
  }
  const members = isPlainObject(value) ? membersJson(value, room, depth, undefined) : undefined;
  return members === undefined ? undefined : `{${members}}`;
}

/** Not for proxies. */
function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) && !Array.isArray(value);
}

function membersJson(
  value: object,
  room: number,
  depth: number,
  omitted: ReadonlySet<string> | undefined,
): string | undefined {
  if (hasOtherSymbols(value, omitted !== undefined)) return undefined;
  const source = value as Record<string, unknown>;
  if (source.toJSON !== undefined) return undefined;
  let json = '';
  for (const key in source) {
    // Someone may have added a field to Object.prototype. V8 compiles this form of the call away.
    if (!hasOwn.call(source, key) || omitted?.has(key)) continue;
    const item = source[key];
    if (item === undefined) continue;
    // An accessor may return another object when it is read again.
    if (typeof item === 'object' && item !== null && Object.getOwnPropertyDescriptor(source, key)?.get)
      return undefined;
    const name = nameJson(key);
    const text = itemJson(item, room - json.length, depth);
    if (name === undefined || text === undefined) return undefined;
    json += json === '' ? name + text : `,${name}${text}`;
    if (json.length > room) return undefined;
  }
  return json;
}

const { hasOwnProperty: hasOwn } = Object.prototype;

function hasOtherSymbols(value: object, winstonMarks: boolean): boolean {
  const symbols = Object.getOwnPropertySymbols(value);
  return symbols.length > 0 && !(winstonMarks && symbols.every(isWinstonMark));
}

function arrayJson(items: object, room: number, depth: number): string | undefined {
  if (!Array.isArray(items)) return undefined;
  let json = '[';
  for (let at = 0; at < items.length; at++) {
    const item = items[at];
    const text = item === undefined ? 'null' : itemJson(item, room - json.length, depth);
    if (text === undefined) return undefined;
    json += at === 0 ? text : `,${text}`;
    if (json.length > room) return undefined;
  }
  return `${json}]`;
}

function itemJson(item: unknown, room: number, depth: number): string | undefined {
  switch (typeof item) {
    case 'string':
      return item.length > room ? undefined : plainText(item);
    case 'number':
      return Number.isFinite(item) ? numberJson(item) : undefined;
    case 'boolean':
      return item ? 'true' : 'false';
    case 'object':
      return item === null ? 'null' : objectJson(item, room, depth + 1);
    default:
      return undefined;
  }
}

/** `String(number)` would fill V8's cache of numbers as strings, which keeps megabytes of them. */
function numberJson(number: number): string {
  if (!Number.isInteger(number) || number < 0 || number >= 1_000_000) return JSON.stringify(number);
  if (number < 1000) return SMALL[number]!;
  return SMALL[Math.floor(number / 1000)]! + THREE_DIGITS[number % 1000]!;
}

const SMALL = Array.from({ length: 1000 }, (_, number) => String(number));

/** Shorter strings are checked faster by a loop than by the expression. */
const SHORT = 40;
/** Escaped by JSON.stringify, or rejected by PostgreSQL. */
const NOT_PLAIN = /["\\\u0000-\u001f\ud800-\udfff]/;

/** The JSON of a string. Undefined if it contains a NUL or a lone surrogate. */
export function plainText(text: string): string | undefined {
  if (text.length < SHORT ? isPlain(text) : !NOT_PLAIN.test(text)) return `"${text}"`;
  const json = JSON.stringify(text);
  return mayHaveUnsafeEscapes(json) ? undefined : json;
}

function isPlain(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x20 || unit === 0x22 || unit === 0x5c || (unit >= 0xd800 && unit < 0xe000)) return false;
  }
  return true;
}

/** Applications use few names, again and again. Those that are data would fill the memory. */
const MAX_NAMES = 2000;
const MAX_NAME_LENGTH = 100;
const names = new Map<string, string>();

/** The name of a field with its colon. */
export function nameJson(name: string): string | undefined {
  const known = names.get(name);
  if (known !== undefined) return known;
  const text = plainText(name);
  if (text === undefined) return undefined;
  const json = `${text}:`;
  if (name.length <= MAX_NAME_LENGTH) {
    if (names.size >= MAX_NAMES) names.clear();
    names.set(name, json);
  }
  return json;
}
