/**
 * Checks whether JSON.stringify serializes a value faithfully, at a tenth of the cost of stringifying.
 *
 * @module
 */
import { types } from 'node:util';

/** Maximum nesting of objects and arrays; deeper ones are replaced by a mark. */
export const MAX_DEPTH = 500;

/**
 * Checks whether JSON.stringify serializes the object faithfully and without running the application's code: plain
 * objects, arrays, valid Dates, strings, booleans, null, undefined and finite numbers; no accessors that return
 * objects, no proxies, no symbol keys, at most 500 levels deep. The contents of strings are not checked
 * (`mayHaveUnsafeEscapes` on the result is cheaper).
 *
 * Returns the rest of `room`, in characters, after subtracting the minimum size of the object's JSON, which also bounds
 * the walk. Negative if the object is not plain or does not fit.
 */
export function plainJsonBudget(value: object, room: number, depth = 0): number {
  if (depth >= MAX_DEPTH || types.isProxy(value)) return -1;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Array.prototype) return arrayRoom(value as readonly unknown[], room, depth);
  if (prototype === Date.prototype) return Number.isNaN(Date.prototype.getTime.call(value)) ? -1 : room - 26;
  if (prototype !== Object.prototype && prototype !== null) return -1;
  if (Array.isArray(value) || Object.getOwnPropertySymbols(value).length > 0) return -1;
  const source = value as Record<string, unknown>;
  if (source.toJSON !== undefined) return -1;
  let left = room - 2;
  for (const key in source) {
    const item = source[key];
    if (item === undefined) continue;
    // An accessor may return another object when it is read again.
    if (typeof item === 'object' && item !== null && Object.getOwnPropertyDescriptor(source, key)?.get) return -1;
    left = itemRoom(item, left - key.length - 3, depth);
    if (left < 0) return -1;
  }
  return left;
}

function arrayRoom(items: readonly unknown[], room: number, depth: number): number {
  if (!Array.isArray(items)) return -1;
  let left = room - 1 - Math.max(items.length, 1);
  for (let at = 0; at < items.length && left >= 0; at += 1) left = itemRoom(items[at], left, depth);
  return left;
}

function itemRoom(item: unknown, room: number, depth: number): number {
  switch (typeof item) {
    case 'string':
      return room - item.length - 2;
    case 'number':
      return Number.isFinite(item) ? room - 1 : -1;
    case 'boolean':
    case 'undefined':
      return room;
    case 'object':
      return item === null ? room : plainJsonBudget(item, room, depth + 1);
    default:
      return -1;
  }
}
