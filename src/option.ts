/**
 * Options are checked once, at the edge, by a table: one entry an option with its check, its environment variables and
 * its default. Arguments that are wrong throw; environment values that are wrong warn and fall back. Pure.
 */
import { LoghiveError } from './errors.js';

/** Turns what was passed into the value, or throws an `Expected` that completes the sentence "expected …". */
export type Check<T> = (value: unknown) => T;

/** What an option should have been: "an integer from 0 to 8000 (milliseconds)". */
export class Expected extends Error {}

export interface Option<T> {
  readonly check: Check<T>;
  readonly fallback: T;
  /** Environment variables in the order in which they are asked. Their text is handed to `parse`, then to `check`. */
  readonly env?: readonly string[];
  readonly parse?: (text: string) => unknown;
  /** How the value is shown in messages, where it may hold a secret. */
  readonly show?: (value: unknown) => string;
}

// biome-ignore lint/suspicious/noExplicitAny: a table holds options of many types; `Values` gives each its own back
export type OptionTable = Readonly<Record<string, Option<any>>>;
export type Values<T extends OptionTable> = { readonly [K in keyof T]: T[K] extends Option<infer V> ? V : never };

/** Looks an environment variable up; undefined or '' counts as not set. */
export type Environment = (name: string) => string | undefined;

/**
 * Order: argument, environment, default.
 *
 * @param owner who is being set up, for the messages: `LoghiveTransport`.
 * @param warn takes one sentence for each environment value that was passed over.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION for an argument that is wrong or unknown.
 */
export function resolveOptions<T extends OptionTable>(
  owner: string,
  table: T,
  given: unknown,
  environment: Environment,
  warn: (sentence: string) => void,
): Values<T> {
  if (given !== undefined && (typeof given !== 'object' || given === null)) {
    throw new LoghiveError(
      'LOGHIVE_INVALID_OPTION',
      `${owner}: options is ${shown(given)}, expected an object such as { service: 'shop' }.`,
    );
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
    if (!(error instanceof Expected)) throw error;
    throw new LoghiveError(
      'LOGHIVE_INVALID_OPTION',
      `${owner}: option "${name}" is ${(option.show ?? shown)(argument)}, expected ${error.message}.`,
    );
  }
}

function fromEnvironment(
  name: string,
  option: Option<unknown>,
  environment: Environment,
  warn: (sentence: string) => void,
): unknown {
  for (const variable of option.env ?? []) {
    const text = environment(variable);
    if (text === undefined || text === '') continue;
    try {
      return option.check(option.parse ? option.parse(text) : text);
    } catch (error) {
      if (!(error instanceof Expected)) throw error;
      const value = (option.show ?? shown)(text);
      warn(
        `environment variable ${variable} is ${value}, expected ${error.message}; it is ignored. Correct it or set the option "${name}".`,
      );
    }
  }
  return option.fallback;
}

function unknownOption(owner: string, name: string, known: string[]): LoghiveError {
  const near = known.find((candidate) => candidate.toLowerCase() === name.toLowerCase()) ?? nearest(name, known);
  return new LoghiveError(
    'LOGHIVE_INVALID_OPTION',
    `${owner}: unknown option "${name}". ${near ? `Did you mean "${near}"?` : `Known options: ${known.join(', ')}.`}`,
  );
}

/** The known name that shares most of its start with a misspelt one, where that is at least four letters. */
function nearest(name: string, known: string[]): string | undefined {
  const sharedStart = (other: string) => {
    let length = 0;
    while (length < name.length && name[length] === other[length]) length++;
    return length;
  };
  const [best] = [...known].sort((a, b) => sharedStart(b) - sharedStart(a));
  return best !== undefined && sharedStart(best) >= 4 ? best : undefined;
}

/** A value as it may stand in a message: short, quoted, never throwing. */
export function shown(value: unknown): string {
  try {
    const text =
      typeof value === 'string'
        ? JSON.stringify(value)
        : typeof value === 'object'
          ? JSON.stringify(value)
          : String(value);
    return text.length > 80 ? `${text.slice(0, 77)}...` : text;
  } catch {
    return `a value of type ${typeof value}`;
  }
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

export function oneOf<const T extends string>(...allowed: readonly T[]): Check<T> {
  return (value) => {
    if (allowed.includes(value as T)) return value as T;
    throw new Expected(`one of ${allowed.map((name) => `'${name}'`).join(', ')}`);
  };
}

/** Environment text → number; text that is no plain decimal number stays text, so that the check refuses it. */
export function numberText(text: string): unknown {
  return /^-?\d+$/.test(text.trim()) ? Number(text) : text;
}

/** Environment text → boolean, with the spellings that the Python package's settings take. */
export function booleanText(text: string): unknown {
  const word = text.trim().toLowerCase();
  if (['true', '1', 'yes', 'on', 't', 'y'].includes(word)) return true;
  if (['false', '0', 'no', 'off', 'f', 'n'].includes(word)) return false;
  return text;
}
