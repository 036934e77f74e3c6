/**
 * Values that must not leave the process.
 *
 * @module
 */
import slowRedact from '@pinojs/redact';
import { reasonOf } from '../errors.js';
import { type Check, Expected, isOptions } from '../settings/option.js';
import type { JsonObject } from '../value/json-value.js';
import { hideHttpSecrets } from './http-secrets.js';
import { hideInText, mayHoldSecret } from './secret-text.js';

/**
 * `'http'`: what HTTP clients and servers carry, at any depth: authorization, cookies, API keys, passwords, tokens, secrets,
 * also within texts and the message. Or `['password', 'user.card', 'items[*].secret', '*.token']`, or both, and with what
 * stands in their place.
 */
export type RedactOptions =
  | 'http'
  | readonly string[]
  | {
      /** `'http'` hides what HTTP clients and servers carry. */
      preset?: 'http';
      /** Where in `information`, in Pino's syntax: `user.card`, `headers["set-cookie"]`, `items[*].secret`, `*.token`. */
      paths?: readonly string[];
      /** What stands in place of the values. Default `[Redacted]`, as in Pino. */
      censor?: string;
      /** Leaves the fields out instead. Default false. */
      remove?: boolean;
    };

export interface Redact {
  /** Whether there may be something to hide in the JSON of a record. Never misses it. */
  concerns(json: string): boolean;
  /** Takes plain JSON, which it may change, and gives it back without what is to be hidden. */
  fields(information: JsonObject): JsonObject;
  /** The same of a message. */
  text(message: string): string;
}

const FORM =
  "'http', an array of paths such as ['password', 'user.card'], or { preset: 'http', paths, censor, remove }";

export const redaction: Check<Redact | undefined> = (value) => {
  const { preset, paths = [], censor = '[Redacted]', remove = false, ...others } = partsOf(value);
  if (!Array.isArray(paths) || typeof censor !== 'string' || typeof remove !== 'boolean') throw new Expected(FORM);
  if (Object.keys(others).length > 0 || (preset !== undefined && preset !== 'http')) throw new Expected(FORM);
  const byPaths = pathRedaction(paths, censor, remove);
  if (preset === undefined) {
    return byPaths && { concerns: () => true, fields: byPaths, text: (message) => message };
  }
  return {
    concerns: byPaths ? () => true : mayHoldSecret,
    fields(information) {
      const fields = byPaths ? byPaths(information) : information;
      hideHttpSecrets(fields, { censor, remove });
      return fields;
    },
    text: (message) => hideInText(message, censor),
  };
};

function pathRedaction(paths: readonly unknown[], censor: string, remove: boolean) {
  try {
    // With `serialize: false` it would put a function under `restore` into what it gives.
    const options = { paths: [...paths] as string[], censor, remove, serialize: (redacted: JsonObject) => redacted };
    const redact = slowRedact(options);
    return paths.length === 0 ? undefined : (information: JsonObject) => redact(information) as JsonObject;
  } catch (error) {
    throw new Expected(`paths in Pino's syntax (${reasonOf(error)})`);
  }
}

interface Parts {
  preset?: unknown;
  paths?: unknown;
  censor?: unknown;
  remove?: unknown;
}

function partsOf(value: unknown): Parts {
  if (typeof value === 'string') return { preset: value.toLowerCase() };
  if (Array.isArray(value)) return { paths: value };
  if (isOptions(value) && ('paths' in value || 'preset' in value)) return value;
  throw new Expected(FORM);
}
