/**
 * Values that must not leave the process.
 *
 * @module
 */
import slowRedact from '@pinojs/redact';
import { reasonOf } from '../errors.js';
import { type Check, Expected, isOptions } from '../settings/option.js';
import type { JsonObject } from '../value/json-value.js';

/** `['password', 'user.card', 'items[*].secret', '*.token']`, or with what stands in their place. */
export type RedactOptions =
  | readonly string[]
  | {
      /** Where in `information`, in Pino's syntax: `user.card`, `headers["set-cookie"]`, `items[*].secret`, `*.token`. */
      paths: readonly string[];
      /** What stands in place of the values. Default `[Redacted]`, as in Pino. */
      censor?: string;
      /** Leaves the fields out instead. Default false. */
      remove?: boolean;
    };

/** Takes plain JSON, which it may change, and gives it back without what is to be hidden. */
export type Redact = (information: JsonObject) => JsonObject;

const FORM = "an array of paths such as ['password', 'user.card'], or { paths, censor, remove }";

export const redaction: Check<Redact | undefined> = (value) => {
  const { paths, censor = '[Redacted]', remove = false, ...others } = partsOf(value);
  if (!Array.isArray(paths) || typeof censor !== 'string' || typeof remove !== 'boolean') throw new Expected(FORM);
  if (Object.keys(others).length > 0) throw new Expected(FORM);
  try {
    // With `serialize: false` it would put a function under `restore` into what it gives.
    const redact = slowRedact({ paths: [...paths], censor, remove, serialize: (redacted: JsonObject) => redacted });
    return paths.length === 0 ? undefined : (information) => redact(information) as JsonObject;
  } catch (error) {
    throw new Expected(`paths in Pino's syntax (${reasonOf(error)})`);
  }
};

function partsOf(value: unknown): { paths?: unknown; censor?: unknown; remove?: unknown } {
  if (Array.isArray(value)) return { paths: value };
  if (isOptions(value)) return value;
  throw new Expected(FORM);
}
