/**
 * Splits Winston's `info` into level, message and information. Reads it once and works on the copy. Never changes it
 * and never throws, because an exception in Winston's pipe reaches the application, and stalls the transport. Pure.
 */
import { errorObject, isErrorSafely } from '../src/value/error-value.js';
import { readSafely, textSafely } from '../src/value/foreign-object.js';
import { setField } from '../src/value/json-value.js';
import { Omitting } from '../src/value/omitting.js';
import { addArguments, addMessageError, type Fields, isPlain, keysOf, symbolsOf } from './winston-arguments.js';
import {
  fieldsAfterLevel,
  hasTokens,
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
  /** May be colored or framed by a format, unless `isPlainLevel`. */
  readonly levelName: string;
  readonly isPlainLevel: boolean;
  readonly message: unknown;
  readonly information: Fields | Omitting;
}

const NO_ARGUMENTS: readonly unknown[] = [];

/** The context of an info. */
interface Origin {
  /** Default metadata of the logger. */
  readonly defaultMeta?: unknown;
  /** The info that the transport's own format was given. */
  readonly source?: unknown;
}

/**
 * @param info usually Winston's object. Anything else comes from a logger that writes text lines, and is the message.
 */
export function splitInfo(info: unknown, { defaultMeta, source }: Origin = {}): InfoParts {
  const usual = source === undefined ? usualParts(info) : undefined;
  if (usual) return usual;
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

const OWN_FIELDS: ReadonlySet<string> = new Set(['level', 'message']);

/**
 * The parts of nearly every info: a text, and at most one plain object of metadata, which Winston has merged into the
 * info. Undefined for any other.
 */
function usualParts(info: unknown): InfoParts | undefined {
  try {
    if (!isInfo(info) || !isPlain(info)) return undefined;
    const { message, stack, [LEVEL]: levelName, [SPLAT]: splat } = info;
    if (typeof message !== 'string' || typeof levelName !== 'string' || stack !== undefined) return undefined;
    if (splat !== undefined && !isMergedMetadata(splat, message)) return undefined;
    return { levelName, isPlainLevel: true, message, information: new Omitting(info, OWN_FIELDS) };
  } catch {
    return undefined; // a proxy, or an accessor that threw
  }
}

function isMergedMetadata(splat: unknown, message: string): boolean {
  if (!Array.isArray(splat) || splat.length !== 1 || hasTokens(message)) return false;
  const [metadata] = splat as [unknown];
  if (typeof metadata !== 'object' || metadata === null || !isPlain(metadata)) return false;
  return (metadata as Record<string, unknown>).level === undefined;
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

/** If reading throws, reads again field by field, marking what throws. */
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

/** An error whose message a format has removed inherits an empty one. */
function isMissing(message: unknown, info: object): boolean {
  return message === undefined || (message === '' && isErrorSafely(info));
}

/** `logger.error(error)`: the info is the error itself, with Winston's fields on it. */
function addLoggedError(fields: Fields, error: object, message: unknown): void {
  const beside = besideError(error);
  for (const key of Reflect.ownKeys(fields)) if (!beside.has(key)) delete fields[key];
  const object = errorObject(error, beside);
  if (object.message === '') object.message = message;
  for (const key of beside) if (fields[key] === error) fields[key] = object;
  fields.error = object;
}

/**
 * The same for a transport with its own format. The format gets a copy of the error's own fields; what it changes or
 * removes is stored that way.
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

/** Fields that Winston's copy of an error does not have. */
const BARE = ['name', 'message', 'stack', 'cause', 'errors'];

/** The own fields of an error that Winston has added. */
function besideError(error: object): ReadonlySet<PropertyKey> {
  return new Set(isMarked(error) ? fieldsAfterLevel(keysOf(error)) : []);
}

/**
 * A child logger, and `format.errors({ stack: true })`, turn an error into a plain info with its stack and cause next
 * to the message. They are stored under `error` if they certainly belong together. The error's own fields stay where
 * they are, because they cannot be distinguished from metadata.
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
