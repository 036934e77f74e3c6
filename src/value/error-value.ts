/**
 * Errors as data: what JSON leaves out of them is what people look for.
 *
 * @module
 */
import { types } from 'node:util';
import { enumerableKeys, readSafely, threwMark } from './foreign-object.js';

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
 * `errors` where there are any, then its other own enumerable fields; where it has a `toJSON()`, the fields of that in
 * their place (Axios trims itself so). What throws has its mark as the value.
 */
export function errorFields(error: object): Map<PropertyKey, unknown> {
  const fields = new Map<PropertyKey, unknown>();
  for (const key of ['name', 'message', 'stack', 'code', 'cause', 'errors']) {
    const value = readSafely(error, key);
    if (value !== undefined) fields.set(key, value);
  }
  for (const [key, value] of furtherFields(error)) if (!fields.has(key)) fields.set(key, value);
  return fields;
}

function furtherFields(error: object): [PropertyKey, unknown][] {
  const toJson = readSafely(error, 'toJSON');
  if (typeof toJson !== 'function') return ownFields(error);
  try {
    const json: unknown = Reflect.apply(toJson, error, ['']);
    return typeof json === 'object' && json !== null ? ownFields(json) : [['toJSON', json]];
  } catch (thrown) {
    return [['toJSON', threwMark(thrown)], ...ownFields(error)];
  }
}

function ownFields(source: object): [PropertyKey, unknown][] {
  return enumerableKeys(source).map((key) => [key, readSafely(source, key)]);
}
