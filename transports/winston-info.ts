/**
 * What Winston calls `info`, taken apart into level, message and information. Never changes it, and never throws, whatever
 * the values are: what Winston's pipe gets thrown reaches the application, and the transport would stand still. Pure.
 */
import { isErrorSafely } from '../src/value/error-value.js';
import { readSafely, threwMark } from '../src/value/foreign-object.js';
import { setField } from '../src/value/json-value.js';
import { foldError, keysOf, loggedError } from './winston-error.js';

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

/**
 * @param info what is no object comes from somebody else than Winston, a logger that writes lines of text: it is the message.
 * @param defaultMeta of the logger, where it is known.
 */
export function splitInfo(info: unknown, defaultMeta?: unknown): InfoParts {
  if (!isInfo(info)) return { levelName: 'info', message: info, information: {} };
  const information = fieldsOf(info);
  const splat = readSafely(info, SPLAT);
  const message = readSafely(info, 'message');
  if (isErrorSafely(info)) addLoggedError(information, info, defaultMeta);
  else {
    const error = isErrorSafely(message) ? [message] : [];
    addArguments(information, error.concat(Array.isArray(splat) ? splat : []), message, error.length);
    foldError(information, message);
  }
  return { levelName: textOf(readSafely(info, LEVEL) ?? readSafely(info, 'level')), message, information };
}

function isInfo(info: unknown): info is WinstonInfo {
  return (typeof info === 'object' && info !== null) || typeof info === 'function';
}

function addLoggedError(information: Record<string | symbol, unknown>, error: object, defaultMeta: unknown): void {
  const fields = loggedError(error, defaultMeta);
  for (const key of Object.keys(information)) if (information[key] === error) information[key] = fields;
  information.error = fields;
}

function fieldsOf(info: WinstonInfo): Record<string | symbol, unknown> {
  const fields: Record<string | symbol, unknown> = {};
  for (const key of keysOf(info)) {
    if (key === 'level' || key === 'message') continue;
    setField(fields, key, readSafely(info, key));
  }
  for (const key of symbolsOf(info)) {
    if (key !== LEVEL && key !== MESSAGE && key !== SPLAT) fields[key] = readSafely(info, key);
  }
  return fields;
}

/**
 * Winston merges the first argument into the info when it is an object, and `format.splat()` puts others into the message
 * or merges them too. What neither did would be lost: it is kept under `splat`.
 *
 * @param splat the arguments, behind an error that was logged as the message.
 * @param first where the arguments begin.
 */
function addArguments(
  information: Record<string | symbol, unknown>,
  splat: readonly unknown[],
  message: unknown,
  first: number,
): void {
  const rest: unknown[] = [];
  for (const [index, argument] of splat.entries()) {
    if (isErrorSafely(argument) && !('error' in information)) {
      removeCopies(information, argument);
      information.error = argument;
    } else if (typeof argument === 'object' && argument !== null) {
      if (index === first) keepOverwritten(information, argument);
      else if (!isMerged(information, argument)) rest.push(argument);
    } else if (argument !== undefined && !(typeof message === 'string' && holds(message, textOf(argument)))) {
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

/** A field `level` of the metadata gives way to the level of the record in the info. */
function keepOverwritten(information: Record<string | symbol, unknown>, metadata: object): void {
  const level = readSafely(metadata, 'level');
  if (level !== undefined) information.level = level;
}

function isMerged(information: Record<string | symbol, unknown>, argument: object): boolean {
  const keys = keysOf(argument);
  return keys.length > 0 && keys.every((key) => key in information && information[key] === readSafely(argument, key));
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
