/**
 * JSON representations of JavaScript and Node built-ins whose content is not in their enumerable properties.
 *
 * @module
 */
import { types } from 'node:util';
import { cutMark } from './cut.js';

/** The representation of a built-in object. Its contents have not been made safe yet. */
export type Shape =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'unboxed'; readonly value: unknown }
  | { readonly kind: 'fields'; readonly fields: Readonly<Record<string, unknown>> }
  /** An object of one field, named by the mark: `{ "[Map]": … }`. */
  | { readonly kind: 'marked'; readonly mark: string; readonly content: unknown };

/**
 * Objects whose own `toJSON` is ignored. Binary data: bytes become base64 under `[Buffer]`, `[Uint8Array]` or
 * `[ArrayBuffer]`; arrays of wider numbers become lists under their name. At most `max` bytes or numbers are included.
 * An invalid Date, which JSON would silently turn into null. Undefined for anything else.
 */
export function binaryOrInvalid(value: object, max: number): Shape | undefined {
  if (types.isAnyArrayBuffer(value)) return base64Shape(tagOf(value), value, 0, value.byteLength, max);
  if (ArrayBuffer.isView(value)) return viewShape(value, max);
  const invalid = types.isDate(value) && Number.isNaN(Date.prototype.getTime.call(value));
  return invalid ? { kind: 'text', text: '[Invalid Date]' } : undefined;
}

/**
 * Map, Set, RegExp and boxed primitives. At most `max` entries of a Map or Set are included. Undefined for anything
 * else.
 */
export function containerOrBox(value: object, max: number): Shape | undefined {
  if (types.isMap(value)) return membersShape('[Map]', Map.prototype.entries.call(value), value.size, max);
  if (types.isSet(value)) return membersShape('[Set]', Set.prototype.values.call(value), value.size, max);
  if (types.isRegExp(value)) return { kind: 'text', text: RegExp.prototype.toString.call(value) };
  return types.isBoxedPrimitive(value) ? { kind: 'unboxed', value: unbox(value) } : undefined;
}

/**
 * A text for an object without visible properties: the result of its own `toString` (URLSearchParams, a class with
 * private fields), otherwise its tag (`[Promise]`, `[WeakMap]`, `[Generator]`). Undefined for an empty plain object.
 * May throw.
 */
export function opaqueText(value: object): string | undefined {
  const toText: unknown = Reflect.get(value, 'toString');
  if (typeof toText === 'function' && toText !== Object.prototype.toString) {
    const text: unknown = Reflect.apply(toText, value, []);
    if (typeof text === 'string' && !text.startsWith('[object ')) return text;
  }
  const tag = tagOf(value);
  return tag === 'Object' ? undefined : `[${tag}]`;
}

function viewShape(view: ArrayBufferView, max: number): Shape {
  const name = Buffer.isBuffer(view) ? 'Buffer' : tagOf(view);
  if (types.isUint8Array(view) || types.isUint8ClampedArray(view) || types.isDataView(view)) {
    return base64Shape(name, view.buffer, view.byteOffset, view.byteLength, max);
  }
  const { length } = view as Float64Array;
  const content: unknown[] = Array.prototype.slice.call(view, 0, max);
  if (length > max) content.push(cutMark(length - max, 'more'));
  return { kind: 'marked', mark: `[${name}]`, content };
}

function base64Shape(name: string, buffer: ArrayBufferLike, offset: number, length: number, max: number): Shape {
  // A multiple of three bytes, so that the truncated text is valid base64.
  const kept = length <= max ? length : Math.floor(max / 3) * 3;
  const base64 = Buffer.from(buffer, offset, kept).toString('base64');
  const cut = Math.ceil(length / 3) * 4 - base64.length;
  return { kind: 'marked', mark: `[${name}]`, content: cut > 0 ? base64 + cutMark(cut, 'characters') : base64 };
}

function membersShape(mark: string, members: Iterable<unknown>, size: number, max: number): Shape {
  const content: unknown[] = [];
  for (const member of members) {
    if (content.length >= max) {
      content.push(cutMark(size - max, 'more'));
      break;
    }
    content.push(member);
  }
  return { kind: 'marked', mark, content };
}

function unbox(value: object): unknown {
  if (types.isStringObject(value)) return String.prototype.valueOf.call(value);
  if (types.isNumberObject(value)) return Number.prototype.valueOf.call(value);
  if (types.isBooleanObject(value)) return Boolean.prototype.valueOf.call(value);
  if (types.isBigIntObject(value)) return BigInt.prototype.valueOf.call(value);
  return Symbol.prototype.valueOf.call(value);
}

/** The object's `Symbol.toStringTag` or built-in tag, independent of its class name. */
export function tagOf(value: object): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1);
}
