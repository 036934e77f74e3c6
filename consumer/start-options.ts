/** Options of a consumer's `start()`. */
import { type Check, Expected, resolveOptions } from '../src/settings/option.js';

export interface StartOptions {
  /** Stops the consumer. If it is still starting, `start()` rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** Checked by its members: a signal of another realm, such as Jest's, is not an instance of this realm's class. */
const abortSignal: Check<AbortSignal | undefined> = (value) => {
  const signal = value as Partial<AbortSignal> | null;
  if (typeof signal?.aborted === 'boolean' && typeof signal.addEventListener === 'function')
    return value as AbortSignal;
  throw new Expected('an AbortSignal, such as that of an AbortController');
};

const table = { signal: { check: abortSignal, fallback: undefined } } as const;

/**
 * @param owner the caller's name, for error messages.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION naming the option, its value and what was expected.
 */
export function startOptions(owner: string, options: StartOptions | undefined): StartOptions {
  return resolveOptions(
    owner,
    table,
    options,
    () => undefined,
    () => {},
  );
}
