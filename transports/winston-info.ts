/**
 * What Winston calls `info`, taken apart into level, message and information: read once, and only the copy is worked on.
 * Never changes it, and never throws, whatever the values are: what Winston's pipe gets thrown reaches the application, and
 * the transport would stand still. Pure.
 */
import { errorObject, isErrorSafely } from '../src/value/error-value.js';
import { readSafely, textSafely } from '../src/value/foreign-object.js';
import { setField } from '../src/value/json-value.js';
import { addArguments, addMessageError, type Fields, keysOf, symbolsOf } from './winston-arguments.js';
import {
  fieldsBehindLevel,
  isMarked,
  isWinstonMark,
  LEVEL,
  MESSAGE,
  movedIntoLine,
  nameInStack,
  SPLAT,
} from './winston-internals.js';

export interface WinstonInfo {
  readonly level: string;
  readonly message: unknown;
  readonly [key: string | symbol]: unknown;
}

export interface InfoParts {
  /** As a format may have coloured or framed it, unless `isPlainLevel`. */
  readonly levelName: string;
  readonly isPlainLevel: boolean;
  readonly message: unknown;
  readonly information: Fields;
}

const NO_ARGUMENTS: readonly unknown[] = [];

/** What is known of an info beside itself. */
interface Origin {
  /** Of the logger. */
  readonly defaultMeta?: unknown;
  /** What the transport's own format was given. */
  readonly source?: unknown;
}

/** @param info what is no object comes from somebody else than Winston, a logger that writes lines of text: it is the message. */
export function splitInfo(info: unknown, { defaultMeta, source }: Origin = {}): InfoParts {
  if (!isInfo(info)) return { levelName: 'info', isPlainLevel: true, message: info, information: {} };
  const { level, mark, line, splat, fields, message: given } = readInfo(info);
  const { message = given, timestamp } = isMissing(given, info) ? movedIntoLine(line) : {};
  if (timestamp !== undefined && fields.timestamp === undefined) fields.timestamp = timestamp;
  if (isErrorSafely(info)) addLoggedError(fields, info, message);
  else if (isErrorSafely(source)) addFormattedError(fields, source, message);
  else {
    const rest = isErrorSafely(given) ? addMessageError(fields, given, defaultMeta) : [];
    addArguments(fields, Array.isArray(splat) ? splat : NO_ARGUMENTS, { message, defaultMeta, rest });
    foldError(fields, message);
  }
  return { levelName: textSafely(mark ?? level), isPlainLevel: mark !== undefined, message, information: fields };
}

function isInfo(info: unknown): info is WinstonInfo {
  return (typeof info === 'object' && info !== null) || typeof info === 'function';
}

interface Read {
  readonly fields: Fields;
  readonly level: unknown;
  readonly message: unknown;
  readonly mark: unknown;
  readonly line: unknown;
  readonly splat: unknown;
}

/** What throws is looked at once more, with care. */
function readInfo(info: object): Read {
  try {
    return readParts(info, Object.keys(info), Object.getOwnPropertySymbols(info), Reflect.get);
  } catch {
    return readParts(info, keysOf(info), symbolsOf(info), readSafely);
  }
}

function readParts(
  info: object,
  keys: readonly string[],
  symbols: readonly symbol[],
  read: (source: object, key: PropertyKey) => unknown,
): Read {
  const fields: Fields = {};
  for (const key of keys) if (key !== 'level' && key !== 'message') setField(fields, key, read(info, key));
  for (const key of symbols) if (!isWinstonMark(key)) fields[key] = read(info, key);
  const [level, message] = [read(info, 'level'), read(info, 'message')];
  return { fields, level, message, mark: read(info, LEVEL), line: read(info, MESSAGE), splat: read(info, SPLAT) };
}

/** An error has an empty one from its prototype, where a format has taken its own away. */
function isMissing(message: unknown, info: object): boolean {
  return message === undefined || (message === '' && isErrorSafely(info));
}

/** `logger.error(error)`: the info is the error itself, onto which Winston has written. */
function addLoggedError(fields: Fields, error: object, message: unknown): void {
  const beside = besideError(error);
  for (const key of Reflect.ownKeys(fields)) if (!beside.has(key)) delete fields[key];
  const object = errorObject(error, beside);
  if (object.message === '') object.message = message;
  for (const key of beside) if (fields[key] === error) fields[key] = object;
  fields.error = object;
}

/**
 * The same where the transport has a format: that is given a copy of the error's own fields, and what it has changed in
 * it, or taken away, is how it is stored.
 */
function addFormattedError(fields: Fields, error: object, message: unknown): void {
  const beside = besideError(error);
  const names = keysOf(error).filter((name) => !beside.has(name) && name !== 'level');
  const isUntouched = names.every((name) => name === 'message' || fields[name] === readSafely(error, name));
  const object = errorObject(error, beside);
  if (!isUntouched) for (const name of Object.keys(object)) if (!BARE.includes(name)) delete object[name];
  for (const name of names) {
    if (!isUntouched && name in fields) object[name] = fields[name];
    delete fields[name];
  }
  if (message !== undefined) object.message = message;
  fields.error = object;
}

/** What Winston's copy of an error has not. */
const BARE = ['name', 'message', 'stack', 'cause', 'errors'];

/** The own fields of an error that Winston has put there. */
function besideError(error: object): ReadonlySet<PropertyKey> {
  return new Set(isMarked(error) ? fieldsBehindLevel(keysOf(error)) : []);
}

/**
 * A child logger, and `format.errors({ stack: true })`, make a plain info of an error, with its stack and cause beside the
 * message. They go under `error` where it is certain that they belong together. The error's own fields stay beside it,
 * because nothing tells them from metadata.
 */
function foldError(fields: Fields, message: unknown): void {
  const { stack, cause } = fields;
  if (typeof stack !== 'string' || 'error' in fields) return;
  const name = typeof message === 'string' ? nameInStack(stack, message) : undefined;
  if (name === undefined) return;
  fields.error = { name, message, stack, ...(cause === undefined ? {} : { cause }) };
  delete fields.stack;
  delete fields.cause;
}
