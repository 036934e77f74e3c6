/**
 * What Winston calls `info`, taken apart into level, message and information. Never changes it, and never throws, whatever
 * the values are: what Winston's pipe gets thrown reaches the application, and the transport would stand still. Pure.
 */
import { isError } from '../src/value/error-value.js';
import { readSafely, threwMark } from '../src/value/foreign-object.js';

export interface WinstonInfo {
  readonly level: string;
  readonly message: unknown;
  readonly [key: string | symbol]: unknown;
}

// Winston's own marks on an info (https://github.com/winstonjs/triple-beam).
/** The level as it was before a format coloured it. */
const LEVEL = Symbol.for('level');
/** The text that a format made of the whole record. */
const MESSAGE = Symbol.for('message');
/** The arguments of the call behind the message. */
const SPLAT = Symbol.for('splat');

export interface InfoParts {
  readonly levelName: string;
  readonly message: unknown;
  readonly information: Record<string | symbol, unknown>;
}

export function splitInfo(info: WinstonInfo): InfoParts {
  const information = fieldsOf(info);
  const splat = readSafely(info, SPLAT);
  if (isErrorSafely(info)) information.error = errorFields(info);
  else if (Array.isArray(splat)) addArguments(information, splat, info.message);
  return {
    levelName: textOf(readSafely(info, LEVEL) ?? readSafely(info, 'level')),
    message: readSafely(info, 'message'),
    information,
  };
}

function fieldsOf(info: WinstonInfo): Record<string | symbol, unknown> {
  const fields: Record<string | symbol, unknown> = {};
  for (const key of keysOf(info)) {
    if (key === 'level' || key === 'message') continue;
    if (key === '__proto__') Object.defineProperty(fields, key, { value: readSafely(info, key), enumerable: true });
    else fields[key] = readSafely(info, key);
  }
  for (const key of symbolsOf(info)) {
    if (key !== LEVEL && key !== MESSAGE && key !== SPLAT) fields[key] = readSafely(info, key);
  }
  return fields;
}

/** `logger.error(error)`: the info is the error itself, with `level` and the default metadata written onto it. */
function errorFields(error: object): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const key of keysOf(error)) if (key !== 'level') fields[key] = readSafely(error, key);
  for (const key of ['name', 'message', 'stack']) fields[key] = readSafely(error, key);
  for (const key of ['cause', 'errors']) {
    const value = readSafely(error, key);
    if (value !== undefined) fields[key] = value;
  }
  return fields;
}

/**
 * Winston merges the first argument into the info when it is an object, and `format.splat()` puts others into the message
 * or merges them too. What neither did would be lost: it is kept under `splat`.
 */
function addArguments(
  information: Record<string | symbol, unknown>,
  splat: readonly unknown[],
  message: unknown,
): void {
  const rest: unknown[] = [];
  for (const [index, argument] of splat.entries()) {
    if (isErrorSafely(argument) && !('error' in information)) {
      removeCopies(information, argument);
      information.error = argument;
    } else if (typeof argument === 'object' && argument !== null) {
      if (index === 0) keepOverwritten(information, argument);
      else if (!isMerged(information, argument)) rest.push(argument);
    } else if (argument !== undefined && !(typeof message === 'string' && message.includes(textOf(argument)))) {
      rest.push(argument);
    }
  }
  if (rest.length > 0) information.splat = rest;
}

/** Winston copies an error's fields, its stack and its cause next to the message; the error itself has them. */
function removeCopies(information: Record<string | symbol, unknown>, error: Error): void {
  for (const field of ['stack', 'cause', ...keysOf(error)]) {
    if (information[field] === readSafely(error, field)) delete information[field];
  }
}

/** A field `level` of the metadata gives way to the level of the record in the info. */
function keepOverwritten(information: Record<string | symbol, unknown>, metadata: object): void {
  const level = readSafely(metadata, 'level');
  if (level !== undefined) information.level = level;
}

function isMerged(information: Record<string | symbol, unknown>, argument: object): boolean {
  const keys = keysOf(argument);
  return keys.length > 0 && keys.every((key) => key in information && information[key] === readSafely(argument, key));
}

function isErrorSafely(value: unknown): value is Error {
  try {
    return typeof value === 'object' && value !== null && isError(value);
  } catch {
    return false;
  }
}

function keysOf(owner: object): string[] {
  try {
    return Object.keys(owner);
  } catch {
    // A proxy that does not say: there is nothing to be had from it.
    return [];
  }
}

function symbolsOf(owner: object): symbol[] {
  try {
    return Object.getOwnPropertySymbols(owner);
  } catch {
    return [];
  }
}

function textOf(value: unknown): string {
  try {
    return String(value);
  } catch (thrown) {
    return threwMark(thrown);
  }
}
