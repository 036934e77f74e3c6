/**
 * Converts any JavaScript value to a JSON value. Values that JSON cannot represent are marked. Nothing throws, the
 * input is not changed, and nothing is lost without a mark. `safeCopy` lists the conversions.
 *
 * @module
 */
import { types } from 'node:util';
import { binaryOrInvalid, containerOrBox, opaqueText, type Shape } from './value/builtin-value.js';
import { CUT_KEY, cutMark, cutToFit, cutToLength, LONG_TEXT } from './value/cut.js';
import { errorFields, isError } from './value/error-value.js';
import { enumerableKeys, readSafely, threwMark } from './value/foreign-object.js';
import { freeName, type Json, type JsonObject, setField } from './value/json-value.js';
import { nodeShape, withoutEmitterKeys } from './value/node-object.js';
import { MAX_DEPTH, plainJson } from './value/plain-json.js';
import { cleanText } from './value/safe-text.js';
import { webShape } from './value/web-object.js';

/** Default limit, the same as the default of `maxRecordBytes`. */
const DEFAULT_MAX_BYTES = 1024 * 1024;

const CIRCULAR = '[Circular]';
const TOO_DEEP = `[Deeper than ${MAX_DEPTH} levels]`;
/** Larger BigInts are written in hexadecimal, which takes linear time. */
const MAX_DECIMAL = 1n << 16_384n;
/** Arrays of at least this length that are mostly holes are written as objects. */
const MIN_SPARSE_LENGTH = 1000;

/** The result of `safeCopy`. */
export interface SafeCopy {
  /** Undefined if JSON would omit the value. */
  readonly value: Json | undefined;
  /** The texts alone exceed the limit: `cutToFit` must cut (and clean) them before use. */
  readonly overflows: boolean;
}

/**
 * Copies a value to a JSON value; null for undefined. Its JSON has at most about `maxBytes` bytes (default 1 MiB, minimum
 * 1024); the rest is cut and marked.
 */
export function safeValue(value: unknown, maxBytes: number = DEFAULT_MAX_BYTES): Json {
  const plain = typeof value === 'object' && value !== null ? plainCopy(value, maxBytes) : undefined;
  if (plain !== undefined) return plain;
  const copy = safeCopy(value, maxBytes);
  const root: JsonObject = { value: copy.value ?? null };
  if (copy.overflows || Buffer.byteLength(JSON.stringify(root)) > maxBytes) cutToFit(root, maxBytes);
  return root.value as Json;
}

function plainCopy(value: object, maxBytes: number): Json | undefined {
  try {
    const json = plainJson(value, maxBytes);
    return json !== undefined && Buffer.byteLength(json) <= maxBytes ? (JSON.parse(json) as Json) : undefined;
  } catch {
    return undefined; // an accessor that throws
  }
}

/**
 * Copies any value to plain JSON. Never throws. Conversions:
 *
 * | value | result |
 * |---|---|
 * | an object inside itself | `[Circular]` (an object that occurs twice side by side is written twice) |
 * | getter, proxy trap or `toJSON` that throws | `[Threw: <message>]` |
 * | BigInt | `123n`; above 16,384 bits `0x…n` |
 * | NaN, Infinity, -Infinity | `NaN`, `Infinity`, `-Infinity` |
 * | invalid Date | `[Invalid Date]` |
 * | Error | `{ name, message, stack, code?, cause?, errors?, … }`, see `errorFields` |
 * | Buffer, Uint8Array, DataView, ArrayBuffer | `{ "[Buffer]": "<base64>" }`, with its own name as the key |
 * | other typed arrays | `{ "[Float64Array]": [number, …] }`, with its own name as the key |
 * | anything else with a `toJSON()` (Date, URL, …) | the result, made safe |
 * | Map, Set | `{ "[Map]": [[key, value], …] }`, `{ "[Set]": [value, …] }` |
 * | web API objects: Headers, Response, FormData, File, AbortSignal, events, … | their fields, see web-object.ts |
 * | requests, responses, sockets, other streams, agents of Node | their fields, or `[PassThrough]`, see node-object.ts |
 * | function, symbol | `[Function: name]`, `Symbol(name)` |
 * | a symbol key | the key `[Symbol(name)]` |
 * | RegExp, and objects with only a `toString` or a tag | text |
 * | boxed primitive | the primitive |
 * | other class instances | their own enumerable properties |
 * | undefined | omitted; null in an array, as in JSON |
 * | an array's extra properties | omitted, as in JSON |
 * | a long array that is mostly holes | `{ "[Array(4000000000)]": { "7": … } }` |
 * | NUL, lone surrogate (also in keys) | U+2400, U+FFFD |
 * | deeper than 500 levels | `[Deeper than 500 levels]` |
 *
 * The walk stops when the structure alone, without long texts, exceeds the limit. The rest of each container is then
 * counted in a mark, `…[cut 17 more]`.
 */
export function safeCopy(value: unknown, maxBytes: number): SafeCopy {
  const copier = new Copier(maxBytes);
  try {
    const copied = copier.copy(value, '', 0);
    return { value: copied, overflows: copier.overflows };
  } catch (thrown) {
    // Nothing above throws, but the caller's stack may be exhausted.
    return { value: threwMark(thrown), overflows: false };
  }
}

class Copier {
  readonly #maxBytes: number;
  readonly #ancestors = new Set<object>();
  /** Minimum size of the copied JSON. Long texts are counted as short ones. */
  #structureBytes = 0;
  #textLength = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get overflows(): boolean {
    return this.#textLength > this.#maxBytes;
  }

  /** @param key the property that holds the value, passed to `toJSON`. */
  copy(value: unknown, key: string | number, depth: number): Json | undefined {
    switch (typeof value) {
      case 'string':
        return this.#text(value);
      case 'number':
        return this.#number(value);
      case 'boolean':
        return value;
      case 'bigint':
        return this.#text(bigintText(value));
      case 'symbol':
        return this.#text(value.toString());
      case 'function':
        return this.#text(functionText(value));
      case 'object':
        return value === null ? null : this.#object(value, key, depth);
      default:
        return undefined;
    }
  }

  /**
   * Long texts are cleaned only while all of them fit. Beyond that `cutToFit` cuts first, so that 10 MB of text cost
   * nothing here.
   */
  #text(text: string): string {
    this.#structureBytes += Math.min(text.length, LONG_TEXT);
    this.#textLength += text.length;
    return text.length > LONG_TEXT && this.overflows ? text : cleanText(text);
  }

  #number(value: number): Json {
    if (value >= 10_000 || value <= -10_000) this.#structureBytes += 4;
    return Number.isFinite(value) ? value : String(value);
  }

  #object(value: object, key: string | number, depth: number): Json | undefined {
    if (this.#ancestors.has(value)) return CIRCULAR;
    if (depth >= MAX_DEPTH) return TOO_DEEP;
    this.#ancestors.add(value);
    try {
      return this.#expanded(value, key, depth);
    } catch (thrown) {
      return this.#text(threwMark(thrown));
    } finally {
      this.#ancestors.delete(value);
    }
  }

  #expanded(value: object, key: string | number, depth: number): Json | undefined {
    if (!isOrdinary(value)) {
      const shape = binaryOrInvalid(value, this.#maxBytes);
      if (shape !== undefined) return this.#shape(shape, depth);
      if (isError(value)) return this.#error(value, depth);
    }
    const toJson: unknown = Reflect.get(value, 'toJSON');
    if (typeof toJson !== 'function') return this.#contents(value, depth);
    const json: unknown = Reflect.apply(toJson, value, [String(key)]);
    if (typeof json !== 'object' || json === null) return this.copy(json, key, depth);
    if (json === value) return this.#contents(value, depth);
    // As in JSON, the result's own `toJSON` is not called.
    if (this.#ancestors.has(json)) return CIRCULAR;
    this.#ancestors.add(json);
    try {
      return isError(json) ? this.#error(json, depth) : this.#contents(json, depth);
    } finally {
      this.#ancestors.delete(json);
    }
  }

  #contents(value: object, depth: number): Json | undefined {
    if (Array.isArray(value)) return this.#array(value, depth);
    if (isOrdinary(value)) return this.#own(value, enumerableKeys(value), depth);
    const shape = shapeOf(value, this.#maxBytes);
    if (shape !== undefined) return this.#shape(shape, depth);
    const keys = withoutEmitterKeys(value, enumerableKeys(value));
    const text = keys.length === 0 ? opaqueText(value) : undefined;
    return text === undefined ? this.#own(value, keys, depth) : this.#text(text);
  }

  #own(value: object, keys: readonly PropertyKey[], depth: number): JsonObject {
    return this.#fields(keys, (key) => readSafely(value, key), depth);
  }

  #shape(shape: Shape, depth: number): Json | undefined {
    switch (shape.kind) {
      case 'text':
        return this.#text(shape.text);
      case 'unboxed':
        return this.copy(shape.value, '', depth);
      case 'fields':
        return this.#own(shape.fields, Object.keys(shape.fields), depth);
      case 'marked':
        return { [shape.mark]: this.copy(shape.content, '', depth + 1) ?? null };
    }
  }

  #error(error: object, depth: number): JsonObject {
    const fields = errorFields(error);
    return this.#fields([...fields.keys()], (key) => fields.get(key), depth);
  }

  #fields(keys: readonly PropertyKey[], read: (key: PropertyKey) => unknown, depth: number): JsonObject {
    const fields: JsonObject = {};
    for (const [at, key] of keys.entries()) {
      if (this.#isFull(depth)) {
        setField(fields, freeName(fields, CUT_KEY, at), cutMark(keys.length - at, 'more'));
        break;
      }
      const text = typeof key === 'symbol' ? `[${key.toString()}]` : String(key);
      const value = this.copy(read(key), text, depth + 1);
      if (value === undefined) continue;
      const name = freeName(fields, cleanText(cutToLength(text, this.#maxBytes)), at);
      this.#structureBytes += name.length + 5;
      setField(fields, name, value);
    }
    return fields;
  }

  #array(source: readonly unknown[], depth: number): Json {
    // A proxy may return any length.
    const length = Math.min(Math.max(Math.floor(Number(source.length)) || 0, 0), 2 ** 32 - 1);
    if (length >= MIN_SPARSE_LENGTH && isSparse(source)) {
      const keys = Object.keys(source);
      return { [`[Array(${length})]`]: this.#fields(keys, (key) => readSafely(source, key), depth + 1) };
    }
    const items: Json[] = [];
    for (let at = 0; at < length; at += 1) {
      if (this.#isFull(depth)) {
        items.push(cutMark(length - at, 'more'));
        break;
      }
      this.#structureBytes += 2;
      items.push(this.copy(readSafely(source, at), at, depth + 1) ?? null);
    }
    return items;
  }

  /**
   * Whether this container must be truncated. Values that fit are never truncated. Past the limit, outer containers may
   * go on longer than inner ones, so that the siblings of a huge child are not lost.
   */
  #isFull(depth: number): boolean {
    return this.#structureBytes > this.#maxBytes * (1 + 0.25 / (depth + 1));
  }
}

function shapeOf(value: object, max: number): Shape | undefined {
  const builtin = binaryOrInvalid(value, max) ?? containerOrBox(value, max);
  // A proxy may answer to any property, with side effects.
  return builtin ?? (types.isProxy(value) ? undefined : (webShape(value, max) ?? nodeShape(value)));
}

/** Neither a class instance nor a built-in object. */
function isOrdinary(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === Array.prototype || prototype === null;
}

function bigintText(value: bigint): string {
  if (value <= MAX_DECIMAL && value >= -MAX_DECIMAL) return `${value}n`;
  return value < 0n ? `-0x${(-value).toString(16)}n` : `0x${value.toString(16)}n`;
}

function functionText(value: object): string {
  const name = readSafely(value, 'name');
  return `[Function: ${typeof name === 'string' && name !== '' ? name : 'anonymous'}]`;
}

/**
 * Only the beginning is checked: listing the keys of a dense array with millions of items would cost more than copying
 * it.
 */
function isSparse(source: readonly unknown[]): boolean {
  let present = 0;
  for (let at = 0; at < MIN_SPARSE_LENGTH; at += 1) if (at in source) present += 1;
  return present < MIN_SPARSE_LENGTH / 2;
}
