/**
 * The arguments behind a message. Winston merges the first one into the info when it is an object, and `format.splat()`
 * puts others into the message or merges them too. What neither did would be lost. Never throws.
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
  /** What is to be kept before it. */
  readonly rest: unknown[];
}

/**
 * The first Error is the record's, metadata has been merged or is merged as `LoggerClient` takes it, and the rest is kept
 * under `splat`.
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

/** An error that was logged as the message is the record's. Gives it back where the metadata has one under that name. */
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
    // A proxy that does not say: there is nothing to be had from it.
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
 * Winston copies an error's fields, its stack and its cause next to the message; the error itself has them. Default
 * metadata stay, which it has on it as well where it was logged before.
 */
function removeCopies(fields: Fields, error: Error, defaultMeta: unknown): void {
  const isDefault = (name: string | symbol) =>
    typeof defaultMeta === 'object' && defaultMeta !== null && readSafely(defaultMeta, name) === fields[name];
  for (const name of ['stack', 'cause', ...allKeysOf(error)]) {
    if (fields[name] === readSafely(error, name) && !isDefault(name)) delete fields[name];
  }
}

/** What a format has changed in Winston's copy, or taken out of it, is as the format wants it. */
function addMetadata(fields: Fields, metadata: object, message: unknown): void {
  if (isPlain(metadata)) {
    // It gives way to the level of the record in the info.
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

/** Winston has the record's own there. */
function isOverwritten(name: string): boolean {
  return name === 'level' || name === 'message' || name === 'stack' || name === 'cause';
}

/** Winston's copy has all that JSON would have of it. */
function isPlain(metadata: object): boolean {
  try {
    const prototype: object | null = Object.getPrototypeOf(metadata);
    // Of any realm: Jest has one of its own.
    return prototype === null || Object.getPrototypeOf(prototype) === null;
  } catch {
    return false;
  }
}

/** A long message may hold a short text millions of times; the call would take as long. */
const MOST_TRIES = 1000;
/** A long text of repetitions is searched for in quadratic time, and both may come from a request. */
const MOST_SEARCHED = 100;

/** Whether the text stands in the message by itself, as where `%s` was; and not 80 in 8080. */
function holds(message: string, text: string): boolean {
  if (text.length > MOST_SEARCHED) return message.endsWith(text);
  let tries = 0;
  for (let at = message.indexOf(text); at !== -1 && tries < MOST_TRIES; at = message.indexOf(text, at + 1)) {
    tries++;
    const end = at + text.length;
    if (!runsOn(message.slice(Math.max(0, at - 1), at + 1)) && !runsOn(message.slice(end - 1, end + 1))) return true;
    if (text === '') return true;
  }
  return false;
}

/** Whether there is no end of a word between two characters. */
function runsOn(pair: string): boolean {
  return /^[\p{L}\p{N}_]{2}$/u.test(pair);
}

function isMerged(fields: Fields, argument: object): boolean {
  const keys = keysOf(argument);
  return keys.length > 0 && keys.every((key) => key in fields && fields[key] === readSafely(argument, key));
}
