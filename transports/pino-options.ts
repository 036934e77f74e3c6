/** The options of the Pino door: Loghive's, and what a line may be read by. */
import type { ProducerOptions } from '../src/producer-config.js';
import { type Check, Expected, isOptions, resolveOptions } from '../src/settings/option.js';
import { OWN_OPTIONS } from './pino-internals.js';

export interface LoghivePinoOptions extends ProducerOptions {
  /** Where the logger keeps the message. Default: what Pino says of itself, else `msg`. */
  messageKey?: string;
  /** Where the logger keeps an error. Default: what Pino says of itself, else `err`. */
  errorKey?: string;
}

export interface LineOptions {
  readonly messageKey: string | undefined;
  readonly errorKey: string | undefined;
}

const key: Check<string | undefined> = (value) => {
  if (typeof value === 'string' && value !== '') return value;
  throw new Expected("the name of a field, such as 'msg'");
};

const checks = {
  messageKey: { check: key, fallback: undefined },
  errorKey: { check: key, fallback: undefined },
} as const;

/**
 * @throws LoghiveError LOGHIVE_INVALID_OPTION for a wrong one of these. What is no object at all is left to the check of
 *   Loghive's options.
 */
export function splitPinoOptions(owner: string, options: object): { lines: LineOptions; loghive: ProducerOptions } {
  if (!isOptions(options)) return { lines: { messageKey: undefined, errorKey: undefined }, loghive: options };
  const lines: Record<string, unknown> = {};
  const loghive: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    if (!OWN_OPTIONS.has(name)) (Object.hasOwn(checks, name) ? lines : loghive)[name] = value;
  }
  const noEnvironment = () => undefined;
  return { lines: resolveOptions(owner, checks, lines, noEnvironment, () => {}), loghive };
}
