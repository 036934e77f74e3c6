/**
 * Readable representations of web API objects (fetch, events, files), whose data is not in own properties. Bodies are
 * never read. Recognized by their tags, which also covers other realms and libraries (undici, node-fetch).
 *
 * @module
 */
import { type Shape, tagOf } from './builtin-value.js';
import { cutMark } from './cut.js';
import { className, readSafely } from './foreign-object.js';
import { freeName, setField } from './json-value.js';

type Fields = Record<string, unknown>;
type Read = (value: object, max: number) => Fields | undefined;

const READERS: Readonly<Record<string, Read>> = {
  Headers: entryFields,
  FormData: entryFields,
  Response: (value) =>
    typeof readSafely(value, 'status') === 'number'
      ? {
          ...pick(value, ['status', 'statusText', 'redirected']),
          url: readSafely(value, 'url'),
          ...pick(value, ['headers']),
        }
      : undefined,
  Request: (value) =>
    typeof readSafely(value, 'method') === 'string' ? pick(value, ['method', 'url', 'headers']) : undefined,
  Blob: (value) => withSize(value, []),
  File: (value) => withSize(value, ['name']),
  AbortSignal: (value) =>
    typeof readSafely(value, 'aborted') === 'boolean'
      ? { aborted: readSafely(value, 'aborted'), ...pick(value, ['reason']) }
      : undefined,
  AbortController: (value) => pick(value, ['signal']),
};

const EVENT_PARTS = ['type', 'message', 'error', 'code', 'reason', 'detail', 'data'];

/** @param max maximum number of entries. Undefined for anything else. May throw. */
export function webShape(value: object, max: number): Shape | undefined {
  const tag = tagOf(value);
  if (tag === 'Object') return undefined;
  const fields = Object.hasOwn(READERS, tag) ? READERS[tag]?.(value, max) : undefined;
  if (fields !== undefined) return { kind: 'fields', fields };
  if (tag.endsWith('Event') && typeof readSafely(value, 'type') === 'string') {
    return { kind: 'fields', fields: pick(value, EVENT_PARTS) };
  }
  // Other objects that only have symbol properties store internals under them: streams, ports, keys.
  return Object.keys(value).length === 0 && tag !== 'URLSearchParams' && Object.getOwnPropertySymbols(value).length > 0
    ? { kind: 'text', text: `[${className(value)}]` }
    : undefined;
}

/** The named properties that are not empty or false. */
function pick(value: object, names: readonly string[]): Fields {
  const fields: Fields = {};
  for (const name of names) {
    const found = readSafely(value, name);
    if (found !== undefined && found !== null && found !== '' && found !== false) fields[name] = found;
  }
  return fields;
}

function withSize(value: object, names: readonly string[]): Fields | undefined {
  const size = readSafely(value, 'size');
  return typeof size === 'number' ? { ...pick(value, [...names, 'type']), size } : undefined;
}

/** A repeated name gets a list of its values. */
function entryFields(value: object, max: number): Fields | undefined {
  const entries = readSafely(value, 'entries');
  if (typeof entries !== 'function') return undefined;
  const fields: Fields = {};
  const lists = new Map<string, unknown[]>();
  let taken = 0;
  for (const [key, entry] of Reflect.apply(entries, value, []) as Iterable<[unknown, unknown]>) {
    const name = String(key);
    if (taken++ >= max) {
      setField(fields, freeName(fields, '…', taken), cutMark(1, 'more'));
      break;
    }
    const list = lists.get(name);
    if (list !== undefined) list.push(entry);
    else if (Object.hasOwn(fields, name)) {
      lists.set(name, [fields[name], entry]);
      setField(fields, name, lists.get(name));
    } else setField(fields, name, entry);
  }
  return fields;
}
