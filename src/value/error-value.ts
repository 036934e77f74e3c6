/**
 * Errors as data: what JSON leaves out of them is what people look for. The one place where an Error is taken apart,
 * whichever integration it comes through and wherever it stands.
 *
 * @module
 */
import { types } from 'node:util';
import { enumerableKeys, readSafely, threwMark } from './foreign-object.js';
import { setField } from './json-value.js';
import { isMarked } from './winston-marks.js';

/** What comes first, in this order. */
const FIRST = ['name', 'message', 'stack', 'code', 'cause', 'errors'];
const NONE: ReadonlySet<PropertyKey> = new Set();

/** Whether the value is an Error, also one of another realm (Jest, `node:vm`) or a DOMException. A proxy may throw. */
export function isError(value: object): boolean {
  return types.isNativeError(value) || value instanceof Error;
}

/** The same of any value. What does not say what it is, is none. */
export function isErrorSafely(value: unknown): value is Error {
  try {
    return typeof value === 'object' && value !== null && isError(value);
  } catch {
    return false;
  }
}

/**
 * The fields that an Error is recorded with, values as they are: `name`, `message`, `stack`, then `code`, `cause` and
 * `errors` where there are any, then its other own enumerable fields. Where it has a `toJSON()`, the fields of that stand
 * for its own (Axios trims itself so), and of the first six those that it leaves out are taken from the Error. What Winston
 * has written onto it is left out. What throws has its mark as the value.
 *
 * @param beside own fields that are none of the Error's.
 */
export function errorFields(error: object, beside: ReadonlySet<PropertyKey> = NONE): Map<PropertyKey, unknown> {
  const given = givenFields(error, beside);
  const fields = new Map<PropertyKey, unknown>();
  for (const key of FIRST) {
    const value = key === 'cause' ? causeOf(error, given) : (given.get(key) ?? firstOf(error, key));
    if (value !== undefined) fields.set(key, value);
    given.delete(key);
  }
  for (const [key, value] of given) fields.set(key, value);
  return fields;
}

/** The same in an object of its own, in which the Error itself is that object. */
export function errorObject(error: object, beside?: ReadonlySet<PropertyKey>): Record<PropertyKey, unknown> {
  const fields: Record<PropertyKey, unknown> = {};
  for (const [key, value] of errorFields(error, beside)) {
    const own = value === error ? fields : value;
    if (typeof key === 'string') setField(fields, key, own);
    else fields[key] = own;
  }
  return fields;
}

function firstOf(error: object, key: string): unknown {
  // Where a class has it from a getter, it is another name for what is there already (ZodError).
  return key === 'errors' && !hasOwn(error, key) ? undefined : readSafely(error, key);
}

/** What a function of that name gives, too. @param given loses what is the same again. */
function causeOf(error: object, given: Map<PropertyKey, unknown>): unknown {
  const cause = given.get('cause') ?? readSafely(error, 'cause');
  if (typeof cause !== 'function' || cause.length > 0) return cause;
  const called = calledSafely(cause, error);
  // VError keeps it in a field as well.
  if (typeof called === 'object') for (const [key, value] of given) if (value === called) given.delete(key);
  return called;
}

// biome-ignore lint/complexity/noBannedTypes: whatever stands there
function calledSafely(cause: Function, error: object): unknown {
  try {
    return Reflect.apply(cause, error, []) ?? undefined;
  } catch (thrown) {
    return threwMark(thrown);
  }
}

function givenFields(error: object, beside: ReadonlySet<PropertyKey>): Map<PropertyKey, unknown> {
  const toJson = readSafely(error, 'toJSON');
  if (typeof toJson !== 'function') return ownFields(error, error, beside);
  try {
    const json: unknown = Reflect.apply(toJson, error, ['']);
    if (json === undefined || json === null) return ownFields(error, error, beside);
    if (typeof json === 'object' && !Array.isArray(json)) return ownFields(json, error, beside);
    return new Map([['toJSON', json]]);
  } catch (thrown) {
    return new Map<PropertyKey, unknown>([['toJSON', threwMark(thrown)], ...ownFields(error, error, beside)]);
  }
}

/** @param source the error, or what it gives for itself. */
function ownFields(source: object, error: object, beside: ReadonlySet<PropertyKey>): Map<PropertyKey, unknown> {
  const fields = new Map<PropertyKey, unknown>();
  const levelMark = isMarked(error) ? readSafely(error, 'level') : undefined;
  for (const key of enumerableKeys(source)) {
    if (beside.has(key)) continue;
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
    return false; // a proxy that does not say
  }
}
