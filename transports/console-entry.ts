/** One console call as a record. What its text does not show is stored in `information`. Never throws. */

import type { Member } from '../src/fields/member.js';
import type { Redact } from '../src/fields/redact.js';
import type { Entry } from '../src/producer.js';
import { safeValue } from '../src/safe-value.js';
import { isErrorSafely } from '../src/value/error-value.js';
import type { Json, JsonObject } from '../src/value/json-value.js';
import { plainJson } from '../src/value/plain-json.js';
import { type MethodName, methodOf } from './console-methods.js';

/**
 * Arguments are often far larger than what the terminal shows of them, such as a request with its sockets. At most
 * this much is kept, in bytes, so that no call takes long.
 */
const ARGS_BYTES = 64 * 1024;

/**
 * The first Error becomes `information.error`, as in every integration. The other arguments become `information.args`
 * if one of them is an object.
 *
 * @param groups the labels of the enclosing groups, outermost first.
 */
export function entryOf(name: MethodName, text: string, args: readonly unknown[], groups: readonly string[]): Entry {
  const { level, levelName, isNamed, values } = methodOf(name);
  const information: Record<string, unknown> = {};
  const logged = values ? values(args) : args;
  const more = logged.some(isObject) ? addObjects(information, logged) : undefined;
  if (isNamed) information.method = name;
  if (groups.length > 0) information.group = groups;
  return { level, levelName, message: text, information, more };
}

/** Adds the error. Returns the other arguments, if one of them is an object. */
function addObjects(information: Record<string, unknown>, logged: readonly unknown[]): Member[] | undefined {
  const error = logged.find(isErrorSafely);
  if (error !== undefined) information.error = error;
  const rest = error === undefined ? logged : logged.filter((value) => value !== error);
  if (!rest.some(isObject)) return undefined;
  const json = plainJsonOf(rest);
  return [
    json === undefined ? { name: 'args', value: safeValue(rest, ARGS_BYTES) } : { name: 'args', value: rest, json },
  ];
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function plainJsonOf(values: readonly unknown[]): string | undefined {
  try {
    return plainJson(values, ARGS_BYTES);
  } catch {
    return undefined; // an accessor that throws
  }
}

// The message is formatted from the arguments, so what is hidden in `information` must be hidden in them as well.

/**
 * A plain copy of each object among the arguments, if anything is hidden in one of them. Errors stay errors.
 *
 * @param logged the recorded arguments.
 * @param entry what `entryOf()` has made of them.
 * @returns undefined if nothing is hidden, which is nearly always.
 */
export function withoutSecrets(
  logged: readonly unknown[],
  entry: Entry,
  redact: Redact,
): ReadonlyMap<unknown, unknown> | undefined {
  const { error } = entry.information as { error?: unknown };
  const args = entry.more?.[0]?.value;
  if (error === undefined && args === undefined) return undefined;
  const json = JSON.stringify(safeValue({ error, args }));
  if (!redact.concerns(json)) return undefined;
  const hidden = redact.fields(JSON.parse(json) as JsonObject);
  if (JSON.stringify(hidden) === json) return undefined;
  const copies = Array.isArray(hidden.args) ? hidden.args : [];
  const others = logged.filter((value) => value !== error);
  const shown = new Map<unknown, unknown>(others.map((value, at) => [value, copyOf(value, copies[at])]));
  return shown.set(error, copyOf(error, hidden.error));
}

/** Texts are searched only in the complete message: a text may be the name of a secret in the next argument. */
function copyOf(value: unknown, hidden: Json | undefined): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return isErrorSafely(value) && isFields(hidden) ? errorOf(hidden) : hidden;
}

/** Printed as Node prints errors, which depends on the name of the class. */
function errorOf({ name, message, stack, ...others }: JsonObject): Error {
  const kinds = { [String(name)]: class extends Error {} };
  const error = new kinds[String(name)]!();
  const value = (text: Json | undefined) => ({ value: text, enumerable: false });
  Object.defineProperties(error, { name: value(name), message: value(message), stack: value(stack) });
  return Object.assign(error, others);
}

function isFields(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
