/**
 * The objects of the language and of Node that are more than their enumerable properties, each taken apart for JSON.
 *
 * @module
 */
import { types } from 'node:util';
import { cutMark } from './cut.js';

/** What stands for a built-in object; the contents are still to be made safe themselves. */
export type Shape =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'unboxed'; readonly value: unknown }
  | { readonly kind: 'fields'; readonly fields: Readonly<Record<string, unknown>> }
  /** An object of one field, named by the mark: `{ "[Map]": … }`. */
  | { readonly kind: 'marked'; readonly mark: string; readonly content: unknown };

/**
 * What has no use for its own `toJSON`. Binary data: bytes are base64 under `[Buffer]`, `[Uint8Array]`, `[ArrayBuffer]`,
 * arrays of wider numbers are lists under their name; at most `most` bytes or numbers are taken. An invalid Date, which
 * would otherwise turn into null without a word. Undefined for anything else.
 */
export function binaryOrInvalid(value: object, most: number): Shape | undefined {
  if (types.isAnyArrayBuffer(value)) return base64Shape(tagOf(value), value, 0, value.byteLength, most);
  if (ArrayBuffer.isView(value)) return viewShape(value, most);
  const invalid = types.isDate(value) && Number.isNaN(Date.prototype.getTime.call(value));
  return invalid ? { kind: 'text', text: '[Invalid Date]' } : undefined;
}

/**
 * Map, Set, RegExp and boxed primitives. Of a Map or Set at most `most` members are taken. Undefined for anything else.
 */
export function containerOrBox(value: object, most: number): Shape | undefined {
  if (types.isMap(value)) return membersShape('[Map]', Map.prototype.entries.call(value), value.size, most);
  if (types.isSet(value)) return membersShape('[Set]', Set.prototype.values.call(value), value.size, most);
  if (types.isRegExp(value)) return { kind: 'text', text: RegExp.prototype.toString.call(value) };
  return types.isBoxedPrimitive(value) ? { kind: 'unboxed', value: unbox(value) } : undefined;
}

/**
 * The text of an object that shows no property of its own: what its own `toString` says (URLSearchParams, a class with
 * private fields), else its tag (`[Promise]`, `[WeakMap]`, `[Generator]`). Undefined for a plain empty one. May throw.
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

function viewShape(view: ArrayBufferView, most: number): Shape {
  const name = Buffer.isBuffer(view) ? 'Buffer' : tagOf(view);
  if (types.isUint8Array(view) || types.isUint8ClampedArray(view) || types.isDataView(view)) {
    return base64Shape(name, view.buffer, view.byteOffset, view.byteLength, most);
  }
  const { length } = view as Float64Array;
  const content: unknown[] = Array.prototype.slice.call(view, 0, most);
  if (length > most) content.push(cutMark(length - most, 'more'));
  return { kind: 'marked', mark: `[${name}]`, content };
}

function base64Shape(name: string, buffer: ArrayBufferLike, offset: number, length: number, most: number): Shape {
  // A whole number of three-byte groups, so that what is kept decodes by itself.
  const kept = length <= most ? length : Math.floor(most / 3) * 3;
  const base64 = Buffer.from(buffer, offset, kept).toString('base64');
  const cut = Math.ceil(length / 3) * 4 - base64.length;
  return { kind: 'marked', mark: `[${name}]`, content: cut > 0 ? base64 + cutMark(cut, 'characters') : base64 };
}

function membersShape(mark: string, members: Iterable<unknown>, size: number, most: number): Shape {
  const content: unknown[] = [];
  for (const member of members) {
    if (content.length >= most) {
      content.push(cutMark(size - most, 'more'));
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

/** The name that the language gives the object, whatever its class is called. */
export function tagOf(value: object): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1);
}
