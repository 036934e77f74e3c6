/** The options of every Winston transport, apart from Loghive's own, and checked like them. */
import type { ProducerOptions } from '../src/producer-config.js';
import { boolean, type Check, Expected, integer, isOptions, kindOf, resolveOptions } from '../src/settings/option.js';

const level: Check<string | undefined> = (value) => {
  if (typeof value === 'string' && value !== '') return value;
  throw new Expected("the name of one of the logger's levels, such as 'info'");
};

const format: Check<object | undefined> = (value) => {
  if (isOptions(value) && typeof (value as { transform?: unknown }).transform === 'function') {
    return value;
  }
  throw new Expected('a format of Winston, such as winston.format.json()');
};

const checks = {
  level: { check: level, fallback: undefined },
  format: { check: format, fallback: undefined, show: kindOf },
  silent: { check: boolean, fallback: undefined },
  handleExceptions: { check: boolean, fallback: undefined },
  handleRejections: { check: boolean, fallback: undefined },
  highWaterMark: { check: integer(1, 1_000_000, 'records'), fallback: undefined },
} as const;

/**
 * @throws LoghiveError LOGHIVE_INVALID_OPTION for a wrong option of Winston. What is no object at all is left to the
 *   check of Loghive's options.
 */
export function splitWinstonOptions(owner: string, options: object): { winston: object; loghive: ProducerOptions } {
  if (!isOptions(options)) return { winston: {}, loghive: options };
  const winston: Record<string, unknown> = {};
  const loghive: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    (Object.hasOwn(checks, name) ? winston : loghive)[name] = value;
  }
  const noEnvironment = () => undefined;
  return { winston: resolveOptions(owner, checks, winston, noEnvironment, () => {}), loghive };
}

/**
 * Winston compares an unknown level with nothing and passes no record on, without a word.
 *
 * @returns what is wrong, or undefined.
 */
export function unknownLevel(name: string | undefined, levels: Record<string, number> | undefined): string | undefined {
  if (name === undefined || !levels || Object.hasOwn(levels, name)) return undefined;
  return `LoghiveTransport: option "level" is "${name}", which its logger does not know, so that no record is sent; expected one of ${Object.keys(levels).join(', ')}.`;
}
