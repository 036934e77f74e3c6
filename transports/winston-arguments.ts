/**
 * The arguments after the message. Winston merges the first one into the info if it is an object; `format.splat()`
 * puts others into the message, or merges them too. This keeps the rest. Never throws.
 */
import { safeValue } from '../src/safe-value.js';
import { isErrorSafely } from '../src/value/error-value.js';
import { readSafely, textSafely } from '../src/value/foreign-object.js';
import { setField } from '../src/value/json-value.js';
import { hasTokens } from './winston-internals.js';

export type Fields = Record<string | symbol, unknown>;

interface Call {
  readonly message: unknown;
  readonly defaultMeta: unknown;
  /** Values to keep before the arguments. */
  readonly rest: unknown[];
}

/**
 * The first Error becomes the error of the record; metadata is merged, as `LoggerClient` does; the rest is kept under
 * `splat`.
 */
export function addArguments(fields: Fields, splat: readonly unknown[], { message, defaultMeta, rest }: Call): void {
  let isFirst = true;
  for (const argument of splat) {
    if (isErrorSafely(argument) && !('error' in fields)) {
      removeCopies(fields, argument, defaultMeta);
      fields.error = argument;
    } else if (typeof argument === 'object' && argument !== null) {
      if (isFirst) addMetadata(fields, argument, message);
      else if (!isMerged(fields, argument)) rest.push(argument);
    } else if (argument !== undefined && !(typeof message === 'string' && holds(message, textSafely(argument)))) {
      rest.push(argument);
    }
    isFirst = false;
  }
  if (rest.length > 0) fields.splat = rest;
}

/**
 * An error that was logged as the message becomes the error of the record. Returned if the metadata already has a
 * field `error`.
 */
export function addMessageError(fields: Fields, error: Error, defaultMeta: unknown): Error[] {
  if ('error' in fields) return isMerged(fields, error) ? [] : [error];
  removeCopies(fields, error, defaultMeta);
  fields.error = error;
  return [];
}

export function keysOf(owner: object): string[] {
  try {
    return Object.keys(owner);
  } catch {
    // A proxy that throws has no fields.
    return [];
  }
}

export function symbolsOf(owner: object): symbol[] {
  try {
    return Object.getOwnPropertySymbols(owner);
  } catch {
    return [];
  }
}

const allKeysOf = (owner: object) => [...keysOf(owner), ...symbolsOf(owner)];

/**
 * Winston copies the fields, stack and cause of an error next to the message. Removes these copies, because the error
 * has them. Default metadata stays, even if the error has the same fields because it was logged before.
 */
function removeCopies(fields: Fields, error: Error, defaultMeta: unknown): void {
  const isDefault = (name: string | symbol) =>
    typeof defaultMeta === 'object' && defaultMeta !== null && readSafely(defaultMeta, name) === fields[name];
  for (const name of ['stack', 'cause', ...allKeysOf(error)]) {
    if (fields[name] === readSafely(error, name) && !isDefault(name)) delete fields[name];
  }
}

/** Keeps the changes that a format has made to Winston's copy. */
function addMetadata(fields: Fields, metadata: object, message: unknown): void {
  if (isPlain(metadata)) {
    // In the info the level of the record has replaced it.
    const level = readSafely(metadata, 'level');
    if (level !== undefined) fields.level = level;
    if (!hasTokens(message) || isUntouched(fields, metadata)) return;
    for (const name of keysOf(metadata)) setField(fields, name, readSafely(metadata, name));
    return;
  }
  if (!hasTokens(message) && !isUntouched(fields, metadata)) return;
  for (const name of allKeysOf(metadata)) if (fields[name] === readSafely(metadata, name)) delete fields[name];
  const json = safeValue(metadata);
  if (typeof json !== 'object' || json === null || Array.isArray(json)) fields.value = json;
  else for (const [name, value] of Object.entries<unknown>(json)) setField(fields, name, value);
}

function isUntouched(fields: Fields, metadata: object): boolean {
  return keysOf(metadata).every((name) => isOverwritten(name) || fields[name] === readSafely(metadata, name));
}

/** Names that hold values of the record itself in Winston's info. */
function isOverwritten(name: string): boolean {
  return name === 'level' || name === 'message' || name === 'stack' || name === 'cause';
}

/** Whether Winston's copy has everything that JSON would have. */
export function isPlain(metadata: object): boolean {
  try {
    const prototype: object | null = Object.getPrototypeOf(metadata);
    // Of any realm: Jest has its own.
    return prototype === null || Object.getPrototypeOf(prototype) === null;
  } catch {
    return false;
  }
}

/** Limit on occurrences to try: a long message may hold a short text millions of times. */
const MAX_TRIES = 1000;
/**
 * Longer texts are compared with the end of the message only: searching repetitive texts takes quadratic time, and
 * both may come from a request.
 */
const MAX_SEARCHED = 100;

/** Whether the message contains the text as a word of its own, as in place of `%s`: 8080 does not contain 80. */
function holds(message: string, text: string): boolean {
  if (text.length > MAX_SEARCHED) return message.endsWith(text);
  let tries = 0;
  for (let at = message.indexOf(text); at !== -1 && tries < MAX_TRIES; at = message.indexOf(text, at + 1)) {
    tries++;
    const end = at + text.length;
    if (!runsOn(message.slice(Math.max(0, at - 1), at + 1)) && !runsOn(message.slice(end - 1, end + 1))) return true;
    if (text === '') return true;
  }
  return false;
}

/** Whether two characters belong to the same word. */
function runsOn(pair: string): boolean {
  return /^[\p{L}\p{N}_]{2}$/u.test(pair);
}

function isMerged(fields: Fields, argument: object): boolean {
  const keys = keysOf(argument);
  return keys.length > 0 && keys.every((key) => key in fields && fields[key] === readSafely(argument, key));
}
