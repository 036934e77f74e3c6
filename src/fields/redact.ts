/**
 * Values that must not leave the process.
 *
 * @module
 */
import slowRedact from '@pinojs/redact';
import { reasonOf } from '../errors.js';
import { safeValue } from '../safe-value.js';
import { type Check, Expected, isOptions } from '../settings/option.js';
import type { Json, JsonObject } from '../value/json-value.js';
import { hideHttpSecrets } from './http-secrets.js';
import { type Censor, hideInText, mayHoldSecret, textCensor } from './secret-text.js';

/**
 * `'http'`: what HTTP clients and servers send, at any depth: authorization, cookies, API keys, passwords, tokens,
 * secrets, also within texts and the message. Or paths in Pino's syntax, `['password', 'user.card', 'items[*].secret',
 * '*.token']`. Or an object with both, and with a replacement for the values.
 */
export type RedactOptions =
  | 'http'
  | readonly string[]
  | {
      /** `'http'` hides what HTTP clients and servers send. */
      preset?: 'http' | undefined;
      /**
       * Paths within `information`, in Pino's syntax: `user.card`, `headers["set-cookie"]`, `items[*].secret`,
       * `*.token`.
       */
      paths?: readonly string[] | undefined;
      /**
       * What replaces a value. A function gets the value and its path within `information`, as in Pino, and returns the
       * replacement. For a secret within a text it gets that part of the text, with the path of the text (empty for the
       * message), and its result is made a string. It may be called more than once for a value. If it throws, the value
       * becomes `[Redacted]`. Default: `[Redacted]`.
       */
      censor?: string | ((value: unknown, path: string[]) => unknown) | undefined;
      /**
       * `true` leaves the fields out instead. In texts and lists the secrets are replaced in any case. Default: false.
       */
      remove?: boolean | undefined;
    };

export interface Redact {
  /** Whether the JSON of a record may hold something to hide. May be true without need, but has no false negatives. */
  concerns(json: string): boolean;
  /** Returns plain JSON without what is to be hidden. May change its argument. */
  fields(information: JsonObject): JsonObject;
  /** Returns a message without what is to be hidden. */
  text(message: string): string;
}

const REDACTED = '[Redacted]';
const FORM =
  "'http', an array of paths such as ['password', 'user.card'], or { preset: 'http', paths, censor, remove }";

export const redaction: Check<Redact | undefined> = (value) => {
  const { preset, paths = [], censor: replacement = REDACTED, remove = false, ...others } = partsOf(value);
  if (!Array.isArray(paths) || !isReplacement(replacement) || typeof remove !== 'boolean') throw new Expected(FORM);
  if (Object.keys(others).length > 0 || (preset !== undefined && preset !== 'http')) throw new Expected(FORM);
  const censor = censorOf(replacement);
  const isFunction = typeof replacement === 'function';
  const byPaths = pathRedaction(paths, isFunction ? censor : replacement, remove);
  if (preset === undefined) {
    return byPaths && { concerns: () => true, fields: byPaths, text: (message) => message };
  }
  return {
    concerns: byPaths ? () => true : mayHoldSecret,
    fields(information) {
      // A value that a path has replaced is not replaced again by its name.
      const done = new Set<string>();
      const fields = byPaths ? byPaths(information, done) : information;
      const unlessDone: Censor = (value, path) => (done.has(path.join('\0')) ? value : censor(value, path));
      hideHttpSecrets(fields, { censor: byPaths && isFunction ? unlessDone : censor, remove });
      return fields;
    },
    text: (message) => hideInText(message, textCensor(censor, [])),
  };
};

type Replacement = string | ((value: unknown, path: string[]) => unknown);

function isReplacement(value: unknown): value is Replacement {
  return typeof value === 'string' || typeof value === 'function';
}

function censorOf(replacement: Replacement): Censor {
  if (typeof replacement === 'string') return () => replacement;
  return (value, path) => {
    try {
      const json = safeValue(replacement(value, [...path]));
      // A copy: it may be changed below, and the function may return the same object each time.
      return typeof json === 'object' && json !== null ? (JSON.parse(JSON.stringify(json)) as Json) : json;
    } catch {
      return REDACTED;
    }
  };
}

type PathRedaction = (information: JsonObject, done?: Set<string>) => JsonObject;

function pathRedaction(paths: readonly unknown[], censor: string | Censor, remove: boolean): PathRedaction | undefined {
  let replaced: Set<string> | undefined;
  const replace = (value: unknown, path: string[]) => {
    // The library also calls it for paths that the object does not have.
    if (typeof censor === 'string' || value === undefined) return undefined;
    replaced?.add(path.join('\0'));
    return censor(value as Json, path);
  };
  try {
    // With `serialize: false` it would add a function `restore` to its result.
    const redact = slowRedact({
      paths: [...paths] as string[],
      // Its types leave out the second argument.
      censor: typeof censor === 'string' ? censor : (replace as (value: unknown) => unknown),
      remove,
      serialize: (redacted: JsonObject) => redacted,
    });
    if (paths.length === 0) return undefined;
    return (information, done) => {
      replaced = done;
      return redact(information) as JsonObject;
    };
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
