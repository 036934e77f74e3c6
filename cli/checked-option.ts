/** Checks an option of the command line. Pure. */
import { LoghiveError } from '../src/errors.js';
import { Expected, shown } from '../src/settings/option.js';

/**
 * @param owner the command, for error messages.
 * @param name as typed, without the dashes.
 * @param check throws an `Expected`.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION
 */
export function checkedOption<T>(owner: string, name: string, text: string, check: (text: string) => T): T {
  try {
    return check(text);
  } catch (error) {
    if (!(error instanceof Expected)) throw error;
    const words = `${owner}: option --${name} is ${shown(text)}, expected ${error.message}`;
    throw new LoghiveError('LOGHIVE_INVALID_OPTION', words);
  }
}
