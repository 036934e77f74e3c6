/** One console call as a record: what its text cannot carry goes to `information`. Never throws. */
import type { Entry } from '../src/producer.js';
import { safeValue } from '../src/safe-value.js';
import { isErrorSafely } from '../src/value/error-value.js';
import { plainJsonBudget } from '../src/value/plain-value.js';
import { type MethodName, methodOf } from './console-methods.js';

/**
 * What is printed is often far larger than what the terminal shows of it, a request with its sockets for one. This much of
 * it is kept, so that no call takes long.
 */
const ARGS_BYTES = 64 * 1024;

/**
 * The first Error is `information.error`, as behind every door. The other arguments are `information.args`, where one of
 * them is an object.
 *
 * @param groups the labels of the groups that it stands in, the outermost first.
 */
export function entryOf(name: MethodName, text: string, args: readonly unknown[], groups: readonly string[]): Entry {
  const { level, levelName, isNamed, values } = methodOf(name);
  const information: Record<string, unknown> = {};
  const logged = values ? values(args) : args;
  if (logged.some(isObject)) addObjects(information, logged);
  if (isNamed) information.method = name;
  if (groups.length > 0) information.group = groups;
  return { level, levelName, message: text, information };
}

function addObjects(information: Record<string, unknown>, logged: readonly unknown[]): void {
  const error = logged.find(isErrorSafely);
  if (error !== undefined) information.error = error;
  const rest = error === undefined ? logged : logged.filter((value) => value !== error);
  if (rest.some(isObject)) information.args = isPlain(rest) ? rest : safeValue(rest, ARGS_BYTES);
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function isPlain(values: readonly unknown[]): boolean {
  try {
    return plainJsonBudget(values, ARGS_BYTES) >= 0;
  } catch {
    return false; // an accessor that throws
  }
}
