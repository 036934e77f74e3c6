/**
 * Any JavaScript value as a JSON value: what JSON cannot carry is marked, nothing throws, nothing is changed in place,
 * and nothing is lost without a mark. How each kind comes out is listed at `safeCopy`.
 *
 * @module
 */
import { types } from 'node:util';
import { binaryOrInvalid, containerOrBox, opaqueText, type Shape } from './value/builtin-value.js';
import { CUT_KEY, cutMark, cutToFit, cutToLength, LONG_TEXT } from './value/cut.js';
import { errorFields, isError } from './value/error-value.js';
import { enumerableKeys, readSafely, threwMark } from './value/foreign-object.js';
import { freeName, type Json, type JsonObject, setField } from './value/json-value.js';
import { nodeShape, withoutEmitterParts } from './value/node-object.js';
import { MOST_LEVELS, plainJsonBudget } from './value/plain-value.js';
import { cleanText, hasEscapedHazard } from './value/safe-text.js';
import { webShape } from './value/web-object.js';

/** Where no limit is given: the default of `maxRecordBytes`. */
const DEFAULT_MAX_BYTES = 1024 * 1024;

const CIRCULAR = '[Circular]';
const TOO_DEEP = `[Deeper than ${MOST_LEVELS} levels]`;
/** Larger ones are written in hexadecimal, which takes linear time. */
const MOST_DECIMAL = 1n << 16_384n;
/** From this length on an array that is mostly holes is written as an object. */
const SPARSE_FROM = 1000;

/** A value made safe, in an object of its own. */
export interface SafeCopy {
  /** Undefined where JSON would leave the value out. */
  readonly value: Json | undefined;
  /** Its texts alone are longer than the limit: `cutToFit` must cut (and clean) them before use. */
  readonly overflows: boolean;
}

/**
 * The value as JSON carries it: the value itself where it is plain and clean already, else a copy; undefined as null.
 * Its JSON has at most about `maxBytes` (default 1 MiB, least 1024): what is over is cut and marked.
 */
export function safeValue(value: unknown, maxBytes: number = DEFAULT_MAX_BYTES): Json {
  if (typeof value === 'object' && value !== null && isFaithful(value, maxBytes)) return value as Json;
  const copy = safeCopy(value, maxBytes);
  const root: JsonObject = { value: copy.value ?? null };
  if (copy.overflows || Buffer.byteLength(JSON.stringify(root)) > maxBytes) cutToFit(root, maxBytes);
  return root.value as Json;
}

function isFaithful(value: object, maxBytes: number): boolean {
  try {
    if (value instanceof Date || plainJsonBudget(value, maxBytes) < 0) return false;
    const json = JSON.stringify(value);
    return !hasEscapedHazard(json) && Buffer.byteLength(json) <= maxBytes;
  } catch {
    return false;
  }
}

/**
 * A copy that is all plain JSON, of any value at all; never throws. What it makes of each kind:
 *
 * | value | comes out as |
 * |---|---|
 * | an object inside itself | `[Circular]` (one that is there twice side by side is written twice) |
 * | getter, proxy trap or `toJSON` that throws | `[Threw: <message>]` |
 * | BigInt | `123n`; above 16,384 bits `0x…n` |
 * | NaN, Infinity, -Infinity | `NaN`, `Infinity`, `-Infinity` |
 * | invalid Date | `[Invalid Date]` |
 * | Error | `{ name, message, stack, code?, cause?, errors?, … }`, see `errorFields` |
 * | Buffer, Uint8Array, DataView, ArrayBuffer | `{ "[Buffer]": "<base64>" }` under its own name |
 * | other typed arrays | `{ "[Float64Array]": [number, …] }` under its own name |
 * | what else has a `toJSON()` (Date, URL, …) | what that gives, made safe |
 * | Map, Set | `{ "[Map]": [[key, value], …] }`, `{ "[Set]": [value, …] }` |
 * | what fetch and its kin hold: Headers, Response, FormData, File, AbortSignal, events, … | their fields, see web-object.ts |
 * | requests, responses, sockets, other streams, agents of Node | their fields, or `[PassThrough]`, see node-object.ts |
 * | function, symbol | `[Function: name]`, `Symbol(name)` |
 * | a symbol as the key | the key `[Symbol(name)]` |
 * | RegExp, and objects that show nothing but a `toString` or a tag | text |
 * | boxed primitive | the primitive |
 * | other class instances | their own enumerable properties |
 * | undefined | left out; null in an array, as in JSON |
 * | an array's extra properties | left out, as in JSON |
 * | a long array that is mostly holes | `{ "[Array(4000000000)]": { "7": … } }` |
 * | NUL, lone surrogate (also in keys) | U+2400, U+FFFD |
 * | deeper than 500 levels | `[Deeper than 500 levels]` |
 *
 * The walk ends when the structure alone, without long texts, is past the limit; the rest of each container is then
 * counted in a mark, `…[cut 17 more]`.
 */
export function safeCopy(value: unknown, maxBytes: number): SafeCopy {
  const copier = new Copier(maxBytes);
  try {
    const copied = copier.copy(value, '', 0);
    return { value: copied, overflows: copier.overflows };
  } catch (thrown) {
    // Nothing above throws by itself; but the application may have called us at the very end of its stack.
    return { value: threwMark(thrown), overflows: false };
  }
}

class Copier {
  readonly #maxBytes: number;
  readonly #ancestors = new Set<object>();
  /** The least that the JSON of what was copied takes, long texts counted as short ones. */
  #structureBytes = 0;
  #textLength = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get overflows(): boolean {
    return this.#textLength > this.#maxBytes;
  }

  /** `key` is where it was found, which `toJSON` may ask. */
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

  /** Long texts are cleaned only while all of them fit: beyond that `cutToFit` cuts first, and 10 MB cost nothing here. */
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
    if (depth >= MOST_LEVELS) return TOO_DEEP;
    this.#ancestors.add(value);
    try {
      return this.#opened(value, key, depth);
    } catch (thrown) {
      return this.#text(threwMark(thrown));
    } finally {
      this.#ancestors.delete(value);
    }
  }

  #opened(value: object, key: string | number, depth: number): Json | undefined {
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
    // As in JSON, the result's own toJSON is not asked.
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
    const keys = withoutEmitterParts(value, enumerableKeys(value));
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
    // Asked of a proxy, the length may be anything.
    const length = Math.min(Math.max(Math.floor(Number(source.length)) || 0, 0), 2 ** 32 - 1);
    if (length >= SPARSE_FROM && isSparse(source)) {
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
   * Whether this container must stop. Nothing that fits is ever stopped; past the limit the outer containers may go on
   * for longer than those inside them, so that what stands beside a huge child is not lost for it.
   */
  #isFull(depth: number): boolean {
    return this.#structureBytes > this.#maxBytes * (1 + 0.25 / (depth + 1));
  }
}

function shapeOf(value: object, most: number): Shape | undefined {
  const builtin = binaryOrInvalid(value, most) ?? containerOrBox(value, most);
  // A proxy may answer to every name, and do something at each call.
  return builtin ?? (types.isProxy(value) ? undefined : (webShape(value, most) ?? nodeShape(value)));
}

/** Neither an instance of a class nor one of the built-in kinds. */
function isOrdinary(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === Array.prototype || prototype === null;
}

function bigintText(value: bigint): string {
  if (value <= MOST_DECIMAL && value >= -MOST_DECIMAL) return `${value}n`;
  return value < 0n ? `-0x${(-value).toString(16)}n` : `0x${value.toString(16)}n`;
}

function functionText(value: object): string {
  const name = readSafely(value, 'name');
  return `[Function: ${typeof name === 'string' && name !== '' ? name : 'anonymous'}]`;
}

/** Judged by its beginning: asking a dense array of millions for its keys would cost more than the array. */
function isSparse(source: readonly unknown[]): boolean {
  let present = 0;
  for (let at = 0; at < SPARSE_FROM; at += 1) if (at in source) present += 1;
  return present < SPARSE_FROM / 2;
}
