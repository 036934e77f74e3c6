/**
 * The error in what Winston hands over: the info may be the error itself, hold it as its message, or hold what
 * `format.errors()` has left of it. Never throws. Pure.
 */
import { readSafely } from '../src/value/foreign-object.js';

export type Fields = Record<string | symbol, unknown>;

export function keysOf(owner: object): string[] {
  try {
    return Object.keys(owner);
  } catch {
    // A proxy that does not say: there is nothing to be had from it.
    return [];
  }
}

/**
 * `logger.error(error)`: the info is the error itself, onto which Winston has written the level and the default metadata.
 *
 * @param defaultMeta of the logger: what is equal to it is not the error's own.
 */
export function loggedError(error: object, defaultMeta: unknown): Fields {
  const fields: Fields = {};
  const isOwn = (key: string) => key !== 'level' && !isEqualIn(defaultMeta, key, readSafely(error, key));
  const read = (key: string) => {
    const value = readSafely(error, key);
    // The error again, with Winston's marks on it.
    return value === error ? fields : value;
  };
  for (const key of keysOf(error)) if (isOwn(key)) fields[key] = read(key);
  for (const key of ['name', 'message', 'stack']) fields[key] = read(key);
  for (const key of ['cause', 'errors']) {
    const value = read(key);
    if (value !== undefined) fields[key] = value;
  }
  return fields;
}

function isEqualIn(owner: unknown, key: string, value: unknown): boolean {
  return typeof owner === 'object' && owner !== null && keysOf(owner).includes(key) && readSafely(owner, key) === value;
}

/** `TypeError: not a function`, `Error [ERR_X]: text` */
const HEAD = /^(?<name>[\p{L}_$][\p{L}\p{N}_$.]*)(?: \[\w+\])?(?:: |(?=\n))/u;

/**
 * `format.errors({ stack: true })` makes a plain info of an error, with its stack and cause beside the message. They go
 * under `error` where it is certain that they belong together: the stack begins with that message. The error's own fields
 * stay beside it, because nothing tells them from metadata.
 */
export function foldError(information: Fields, message: unknown): void {
  const { stack, cause } = information;
  if (typeof stack !== 'string' || typeof message !== 'string' || 'error' in information) return;
  const head = HEAD.exec(stack);
  if (!head || !stack.startsWith(`${message}\n    at `, head[0].length)) return;
  information.error = { name: head.groups!.name, message, stack, ...(cause === undefined ? {} : { cause }) };
  delete information.stack;
  delete information.cause;
}
