/**
 * Options are checked once, when they are passed, by a table with an entry for each option: its check, environment
 * variables and default. A wrong argument throws; a wrong environment value causes a warning and is ignored. Pure.
 */
import { LoghiveError } from '../errors.js';
import { maskUrl, mayHoldPassword } from './mask-url.js';
import { nearest } from './nearest.js';

/** Returns the value of an option, or throws an `Expected` that completes the sentence "expected …". */
export type Check<T> = (value: unknown) => T;

/** What was expected of an option: "an integer from 0 to 8000 (milliseconds)". */
export class Expected extends Error {}

/** What is wrong with an option whose value is not shown; completes 'option "tls" …'. */
export class Unfit extends Error {}

export interface Option<T> {
  readonly check: Check<T>;
  readonly fallback: T;
  /**
   * Environment variables, in the order in which they are read. Their text goes through `parse`, then through `check`.
   */
  readonly env?: readonly string[];
  readonly parse?: (text: string) => unknown;
  /** Shows the value in messages, if it may hold a secret. */
  readonly show?: (value: unknown) => string;
  /** There is no default: a wrong environment value throws, like a wrong argument. */
  readonly required?: boolean;
  /** An environment variable that is set to an empty text is a value. */
  readonly takesEmpty?: boolean;
  /** Makes a value of a wrong environment value, if neither another variable nor the default may replace it. */
  readonly unusable?: (sentence: string) => T;
}

// biome-ignore lint/suspicious/noExplicitAny: a table holds options of many types; `Values` has the type of each
export type OptionTable = Readonly<Record<string, Option<any>>>;
export type Values<T extends OptionTable> = { readonly [K in keyof T]: T[K] extends Option<infer V> ? V : never };

/** The text of a setting and where it was found: "environment variable QUEUE_PORT". */
export interface Setting {
  readonly text: string;
  readonly where: string;
}

/** Looks up an environment variable. An empty text counts as not set, unless stated otherwise. */
export type Environment = (name: string) => Setting | undefined;

/**
 * Whether this is an object of options. An integration that splits its options before the check passes anything else
 * on unchanged, so that the check reports it.
 */
export function isOptions(value: unknown): value is object {
  return typeof value === 'object' && value !== null && isList(value) === false;
}

/** Undefined for a revoked proxy. */
function isList(value: unknown): boolean | undefined {
  try {
    return Array.isArray(value);
  } catch {
    return undefined;
  }
}

/**
 * Order: argument, environment, default.
 *
 * @param owner the integration that is set up, for messages: `LoghiveTransport`.
 * @param warn receives a sentence for each environment value that is ignored.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION for a wrong or unknown argument.
 */
export function resolveOptions<T extends OptionTable>(
  owner: string,
  table: T,
  given: unknown,
  environment: Environment,
  warn: (sentence: string) => void,
): Values<T> {
  if (given !== undefined && !isOptions(given)) {
    const example = Object.hasOwn(table, 'service') ? " such as { service: 'shop' }" : '';
    // By its kind only: it may be a URL with a password.
    throw invalid(`${owner}: the options are ${kindOf(given)}, expected an object${example}.`);
  }
  const options = (given ?? {}) as Record<string, unknown>;
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(table, name)) throw unknownOption(owner, name, Object.keys(table));
  }
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(table)) {
    const argument = options[name];
    values[name] =
      argument === undefined
        ? fromEnvironment(name, option, environment, warn)
        : fromArgument(owner, name, option, argument);
  }
  return Object.freeze(values) as Values<T>;
}

function fromArgument(owner: string, name: string, option: Option<unknown>, argument: unknown): unknown {
  try {
    return option.check(argument);
  } catch (error) {
    throw invalid(`${owner}: ${complaint(`option "${name}"`, option, argument, error)}.`);
  }
}

function fromEnvironment(
  name: string,
  option: Option<unknown>,
  environment: Environment,
  warn: (sentence: string) => void,
): unknown {
  const wrong: string[] = [];
  const warnOfAll = (instead: string | undefined) => {
    const effect = instead === undefined ? 'it is ignored' : `${instead} is used instead`;
    for (const sentence of wrong) warn(`${sentence}; ${effect}. Correct it or set the option "${name}".`);
  };
  for (const { text, where } of settingsOf(option, environment)) {
    try {
      const value = option.check(option.parse ? option.parse(text) : text);
      warnOfAll(where);
      return value;
    } catch (error) {
      const sentence = complaint(where, option, text, error);
      const remedy = `Correct it or set the option "${name}".`;
      if (option.required) throw invalid(`${sentence}. ${remedy}`);
      if (option.unusable) return option.unusable(`${sentence}. ${remedy}`);
      wrong.push(sentence);
    }
  }
  if (wrong.length > 0) warnOfAll(shownFallback(option));
  return option.fallback;
}

/** The environment variable that an option takes its value from; undefined if it has its default. */
export function usedSetting(option: Option<unknown>, environment: Environment): Setting | undefined {
  return settingsOf(option, environment).find((setting) => isValid(option, setting));
}

/** The variables of an option that are set, in the order in which they are read. */
function settingsOf({ env = [], takesEmpty }: Option<unknown>, environment: Environment): Setting[] {
  return env.flatMap((name) => environment(name) ?? []).filter(({ text }) => text !== '' || takesEmpty);
}

function isValid({ check, parse }: Option<unknown>, { text }: Setting): boolean {
  try {
    check(parse ? parse(text) : text);
    return true;
  } catch (error) {
    if (error instanceof Expected || error instanceof Unfit || error instanceof LoghiveError) return false;
    throw error;
  }
}

function shownFallback({ fallback, show }: Option<unknown>): string | undefined {
  return fallback === undefined ? undefined : (show ?? shown)(fallback);
}

/** `option "lingerMs" is "5", expected an integer …`. Rethrows any other error. */
function complaint(what: string, option: Option<unknown>, value: unknown, error: unknown): string {
  if (error instanceof Expected) return `${what} is ${(option.show ?? shown)(value)}, expected ${error.message}`;
  if (error instanceof Unfit) return `${what} ${error.message}`;
  if (error instanceof LoghiveError) return `${what}: ${error.message.replace(/\.$/, '')}`;
  throw error;
}

function invalid(message: string): LoghiveError {
  return new LoghiveError('LOGHIVE_INVALID_OPTION', message);
}

function unknownOption(owner: string, name: string, known: string[]): LoghiveError {
  const near = nearest(name, known);
  return invalid(
    `${owner}: unknown option ${shown(name)}. ${near ? `Did you mean "${near}"?` : `Known options: ${known.join(', ')}.`}`,
  );
}

/**
 * A value for a message: short, quoted, in one line, and without a password if a URL was put into the wrong option.
 * Never throws. An object is shown by its kind only, because it may hold anything.
 */
export function shown(value: unknown): string {
  const text = isList(value) ? listText(value as unknown[]) : textOf(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function listText(values: readonly unknown[]): string {
  try {
    return `[${values.map(textOf).join(',')}]`;
  } catch {
    return kindOf(values);
  }
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(mayHoldPassword(value) ? maskUrl(value) : value);
  if (typeof value === 'function' || typeof value === 'object') return kindOf(value);
  return typeof value === 'bigint' ? `${value}n` : String(value);
}

/** The kind of a value, for messages that must not show it: "text", "a number", "an array". */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'string') return 'text';
  if (isList(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

export function integer(min: number, max: number, unit: string): Check<number> {
  return (value) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
    throw new Expected(`an integer from ${min} to ${max} (${unit})`);
  };
}

export function boolean(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw new Expected('true or false');
}

export function oneOf<T extends string>(...allowed: readonly T[]): Check<T> {
  return (value) => {
    if (allowed.includes(value as T)) return value as T;
    throw new Expected(`one of ${allowed.map((name) => `'${name}'`).join(', ')}`);
  };
}

/** Environment text → number. Anything but a plain decimal number stays text, so that the check refuses it. */
export function numberText(text: string): unknown {
  return /^-?\d+$/.test(text.trim()) ? Number(text) : text;
}

/** Environment text → boolean, in the spellings of the Python package. */
export function booleanText(text: string): unknown {
  const word = text.trim().toLowerCase();
  if (['true', '1', 'yes', 'on', 't', 'y'].includes(word)) return true;
  if (['false', '0', 'no', 'off', 'f', 'n'].includes(word)) return false;
  return text;
}
