/**
 * Converts errors to fields, including the properties that JSON leaves out. The only place that does so, for every
 * integration and wherever the error occurs.
 *
 * @module
 */
import { types } from 'node:util';
import { enumerableKeys, readSafely, threwMark } from './foreign-object.js';
import { setField } from './json-value.js';
import { isMarked } from './winston-marks.js';

/** The fields that come first, in this order. */
const FIRST = ['name', 'message', 'stack', 'code', 'cause', 'errors'];
const NONE: ReadonlySet<PropertyKey> = new Set();

/**
 * Whether the value is an Error, including one of another realm (Jest, `node:vm`), or a DOMException. A proxy may
 * throw.
 */
export function isError(value: object): boolean {
  return types.isNativeError(value) || value instanceof Error;
}

/** Like `isError`, for any value. Returns false for a proxy that throws. */
export function isErrorSafely(value: unknown): value is Error {
  try {
    return typeof value === 'object' && value !== null && isError(value);
  } catch {
    return false;
  }
}

/**
 * The fields of an Error in a record, with unmodified values: `name`, `message`, `stack`, then `code`, `cause` and
 * `errors` if present, then its other own enumerable fields. If it has a `toJSON()`, the fields of its result replace
 * the Error's own (Axios removes large fields this way), except that missing ones of the first six are taken from the
 * Error. Properties that Winston added are left out. A property that throws has a mark as its value.
 *
 * @param excluded own fields that do not belong to the Error.
 */
export function errorFields(error: object, excluded: ReadonlySet<PropertyKey> = NONE): Map<PropertyKey, unknown> {
  const given = givenFields(error, excluded);
  const fields = new Map<PropertyKey, unknown>();
  for (const key of FIRST) {
    const value = key === 'cause' ? causeOf(error, given) : (given.get(key) ?? firstOf(error, key));
    if (value !== undefined) fields.set(key, value);
    given.delete(key);
  }
  for (const [key, value] of given) fields.set(key, value);
  return fields;
}

/** The same fields as an object. A field that refers to the Error itself refers to that object instead. */
export function errorObject(error: object, excluded?: ReadonlySet<PropertyKey>): Record<PropertyKey, unknown> {
  const fields: Record<PropertyKey, unknown> = {};
  for (const [key, value] of errorFields(error, excluded)) {
    const own = value === error ? fields : value;
    if (typeof key === 'string') setField(fields, key, own);
    else fields[key] = own;
  }
  return fields;
}

function firstOf(error: object, key: string): unknown {
  // If it comes from a getter of the class, it repeats what another field already contains (ZodError).
  return key === 'errors' && !hasOwn(error, key) ? undefined : readSafely(error, key);
}

/**
 * The cause; if it is a function (VError), its result.
 *
 * @param given fields with the same value are removed from it.
 */
function causeOf(error: object, given: Map<PropertyKey, unknown>): unknown {
  const cause = given.get('cause') ?? readSafely(error, 'cause');
  if (typeof cause !== 'function' || cause.length > 0) return cause;
  const called = callSafely(cause, error);
  // VError also stores it in a field.
  if (typeof called === 'object') for (const [key, value] of given) if (value === called) given.delete(key);
  return called;
}

// biome-ignore lint/complexity/noBannedTypes: any function
function callSafely(cause: Function, error: object): unknown {
  try {
    return Reflect.apply(cause, error, []) ?? undefined;
  } catch (thrown) {
    return threwMark(thrown);
  }
}

function givenFields(error: object, excluded: ReadonlySet<PropertyKey>): Map<PropertyKey, unknown> {
  const toJson = readSafely(error, 'toJSON');
  if (typeof toJson !== 'function') return ownFields(error, error, excluded);
  try {
    const json: unknown = Reflect.apply(toJson, error, ['']);
    if (json === undefined || json === null) return ownFields(error, error, excluded);
    if (typeof json === 'object' && !Array.isArray(json)) return ownFields(json, error, excluded);
    return new Map([['toJSON', json]]);
  } catch (thrown) {
    return new Map<PropertyKey, unknown>([['toJSON', threwMark(thrown)], ...ownFields(error, error, excluded)]);
  }
}

/** @param source the error, or the result of its `toJSON()`. */
function ownFields(source: object, error: object, excluded: ReadonlySet<PropertyKey>): Map<PropertyKey, unknown> {
  const fields = new Map<PropertyKey, unknown>();
  const levelMark = isMarked(error) ? readSafely(error, 'level') : undefined;
  for (const key of enumerableKeys(source)) {
    if (excluded.has(key)) continue;
    const value = readSafely(source, key);
    if (key === 'level' && levelMark !== undefined && value === levelMark) continue;
    fields.set(key, value);
  }
  return fields;
}

function hasOwn(error: object, key: string): boolean {
  try {
    return Object.hasOwn(error, key);
  } catch {
    return false;
  }
}
