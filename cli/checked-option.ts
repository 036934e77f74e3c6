/** Checks options and arguments of the command line. Pure. */
import { LoghiveError } from '../src/errors.js';
import { Expected, integer, numberText, shown } from '../src/settings/option.js';

/**
 * @param owner the command, for error messages.
 * @param name as typed, without the dashes.
 * @param check throws an `Expected`.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION
 */
export function checkedOption<T>(owner: string, name: string, text: string, check: (text: string) => T): T {
  return checkedText(owner, `option --${name}`, text, check);
}

/**
 * @param what such as `argument <id>`.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION
 */
export function checkedText<T>(owner: string, what: string, text: string, check: (text: string) => T): T {
  try {
    return check(text);
  } catch (error) {
    if (!(error instanceof Expected)) throw error;
    throw new LoghiveError('LOGHIVE_INVALID_OPTION', `${owner}: ${what} is ${shown(text)}, expected ${error.message}`);
  }
}

/** Checks an integer as it is typed. */
export function typedInteger(min: number, max: number, unit: string): (text: string) => number {
  const check = integer(min, max, unit);
  return (text) => check(numberText(text));
}
