/**
 * Safe access to objects from the application, whose getters and proxy traps may do anything.
 *
 * @module
 */

import { isWinstonMark } from './winston-marks.js';

const MAX_REASON_CHARACTERS = 500;

/**
 * The keys of an object's own enumerable properties, strings first, then symbols, excluding those that Winston adds.
 */
export function enumerableKeys(source: object): PropertyKey[] {
  const keys: PropertyKey[] = Object.keys(source);
  for (const symbol of Object.getOwnPropertySymbols(source)) {
    if (!isWinstonMark(symbol) && Object.prototype.propertyIsEnumerable.call(source, symbol)) keys.push(symbol);
  }
  return keys;
}

/** Reads a property. If a getter or proxy trap throws, returns a mark instead. */
export function readSafely(source: object, key: PropertyKey): unknown {
  try {
    return Reflect.get(source, key);
  } catch (thrown) {
    return threwMark(thrown);
  }
}

/** The value converted by `String()`, or a mark if that throws. */
export function textSafely(value: unknown): string {
  try {
    return String(value);
  } catch (thrown) {
    return threwMark(thrown);
  }
}

/** The name of an object's class. */
export function className(value: object): string {
  const creator = readSafely(value, 'constructor');
  const name = typeof creator === 'function' ? readSafely(creator, 'name') : undefined;
  return typeof name === 'string' && name !== '' ? name : 'Object';
}

/** `[Threw: <message>]`, the mark for a value that could not be read. Never throws. */
export function threwMark(thrown: unknown): string {
  return `[Threw: ${thrownReason(thrown).slice(0, MAX_REASON_CHARACTERS)}]`;
}

function thrownReason(thrown: unknown): string {
  try {
    if (typeof thrown !== 'object' || thrown === null) return String(thrown);
    const message = Reflect.get(thrown, 'message');
    return typeof message === 'string' ? message : String(thrown);
  } catch {
    return 'an unreadable value';
  }
}
