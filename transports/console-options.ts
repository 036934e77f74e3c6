/** The options that only this door has, apart from those of every door, and checked like them. */
import type { ProducerOptions } from '../src/producer-config.js';
import { boolean, type Check, Expected, isOptions, kindOf, resolveOptions } from '../src/settings/option.js';

export interface PatchConsoleOptions extends ProducerOptions {
  /** `false`: what is recorded is not printed any more. Default true. */
  passThrough?: boolean;
  /** Default: the global one. */
  console?: Console;
}

const anyConsole: Check<Console> = (value) => {
  if (isOptions(value) && typeof (value as { log?: unknown }).log === 'function') return value as Console;
  throw new Expected('a console, such as new Console(process.stdout)');
};

const checks = {
  passThrough: { check: boolean, fallback: true },
  console: { check: anyConsole, fallback: undefined, show: kindOf },
} as const;

interface Split {
  readonly passThrough: boolean;
  readonly console: Console;
  readonly producer: ProducerOptions | undefined;
}

/**
 * @throws LoghiveError LOGHIVE_INVALID_OPTION for a wrong option of this door. What is no object at all is left to the
 *   check of the others.
 */
export function splitConsoleOptions(owner: string, options: PatchConsoleOptions | undefined): Split {
  const { passThrough, console, ...producer } = isOptions(options) ? options : {};
  const own = resolveOptions(
    owner,
    checks,
    { passThrough, console },
    () => undefined,
    () => {},
  );
  return {
    passThrough: own.passThrough,
    console: own.console ?? globalThis.console,
    producer: isOptions(options) ? producer : options,
  };
}
