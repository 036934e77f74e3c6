/**
 * The preset `http`: hides the secrets that HTTP clients and servers send, anywhere in a record, by the names of
 * fields. The names are in secret-name.ts; texts are searched by secret-text.ts.
 *
 * @module
 */
import { type Json, type JsonObject, setField } from '../value/json-value.js';
import { HEADER_NAMES, type Secrecy, secrecyOf } from './secret-name.js';
import { type Censor, hideInText, IN_QUERY, mayHoldSecret, QUERY, textCensor } from './secret-text.js';

export interface Hiding {
  readonly censor: Censor;
  /** Leaves fields out instead. In texts and lists the secrets are replaced in any case. */
  readonly remove: boolean;
}

/** Changes the object. */
export function hideHttpSecrets(fields: JsonObject, hiding: Hiding): void {
  hideInObject(fields, { ...hiding, path: [] }, '');
}

interface Walk extends Hiding {
  /** The current place, changed in place. */
  readonly path: string[];
}

/** Replaces the value at `name` below the current place. */
function censored(value: Json, walk: Walk, name: string | number): Json {
  return walk.censor(value, [...walk.path, String(name)]);
}

/** The value at `name`, with its secrets hidden. */
function hiddenAt(name: string | number, value: Json, walk: Walk, parent: string): Json {
  if (typeof value !== 'string' && (typeof value !== 'object' || value === null)) return value;
  walk.path.push(String(name));
  const result = hidden(value, walk, parent);
  walk.path.pop();
  return result;
}

function hidden(value: string | JsonObject | Json[], walk: Walk, parent: string): Json {
  if (typeof value === 'string') {
    const text = QUERY.test(parent) ? `?${value}` : value;
    if (!mayHoldSecret(text)) return value;
    return hideInText(text, textCensor(walk.censor, walk.path)).slice(text.length - value.length);
  }
  if (Array.isArray(value)) hideInList(value, walk, parent);
  else hideInObject(value, walk, parent);
  return value;
}

function hideInObject(fields: JsonObject, walk: Walk, parent: string): void {
  const isNamed = hideNamedValue(fields, walk, parent);
  for (const name of Object.keys(fields)) {
    const value = fields[name] as Json;
    const secrecy = canBeSecret(value) ? secrecyUnder(isNamed ? '' : parent, name) : 'none';
    if (isNamed && name === 'value') continue;
    if (secrecy === 'none') setField(fields, name, hiddenAt(name, value, walk, name === '[Map]' ? parent : name));
    else if (secrecy === 'texts') setField(fields, name, withoutTexts(name, value, walk));
    else if (walk.remove) delete fields[name];
    else setField(fields, name, censored(value, walk, name));
  }
}

function secrecyUnder(parent: string, name: string): Secrecy {
  return QUERY.test(parent) && IN_QUERY.test(name) ? 'all' : secrecyOf(name);
}

/** `{ name: 'Authorization', value: '…' }`, in HAR files, environments, gateways. */
function hideNamedValue(fields: JsonObject, walk: Walk, parent: string): boolean {
  const name = fields.name ?? fields.key;
  if (typeof name !== 'string' || !('value' in fields)) return false;
  const value = fields.value as Json;
  const isSecret = secrecyUnder(parent, name) !== 'none' && canBeSecret(value);
  fields.value = isSecret ? censored(value, walk, 'value') : hiddenAt('value', value, walk, 'value');
  return true;
}

/** Flat lists, in which names and values of headers alternate. */
const ALTERNATING = /^raw(?:headers|trailers)$|^headers$/i;
const CUT = /^…\[cut \d+ more\]$/;
/** Names that mark a header in any other list as well, because nothing else has them. */
const HEADERS = new RegExp(`^(?:${HEADER_NAMES})$`, 'i');

function hideInList(items: Json[], walk: Walk, parent: string): void {
  // A long list was cut and ends with a text that says by how much; its last pair may be cut as well.
  const count = isCut(items.at(-1)) ? items.length - 1 : items.length;
  const isPairs = count > 0 && items.every((item, at) => at === count || isPair(item) || isCutPair(item));
  const isFlat = !isPairs && count % 2 === 0 && items.every((item, at) => at % 2 === 1 || typeof item === 'string');
  for (const [at, item] of items.entries()) {
    if (isPairs && isPair(item)) hidePair(item, at, walk, parent);
    else if (isFlat && at % 2 === 1 && isHeader(items[at - 1] as string, parent)) items[at] = censored(item, walk, at);
    else items[at] = hiddenAt(at, item, walk, parent);
  }
}

function isPair(item: Json): item is [Json, Json] {
  return Array.isArray(item) && item.length === 2;
}

function isCutPair(item: Json): boolean {
  return Array.isArray(item) && item.length === 1 && isCut(item[0]);
}

function isCut(item: Json | undefined): boolean {
  return typeof item === 'string' && CUT.test(item);
}

function isHeader(name: string, parent: string): boolean {
  return ALTERNATING.test(parent) ? secrecyOf(name) !== 'none' : HEADERS.test(name);
}

/** A pair of a Map, of `Object.entries()`, or of the entries of Headers. */
function hidePair(pair: [Json, Json], at: number, walk: Walk, parent: string): void {
  const [name, value] = pair;
  walk.path.push(String(at));
  const isSecret = typeof name === 'string' && secrecyUnder(parent, name) !== 'none' && canBeSecret(value);
  pair[0] = hiddenAt(0, name, walk, '');
  pair[1] = isSecret ? censored(value, walk, 1) : hiddenAt(1, value, walk, typeof name === 'string' ? name : '');
  walk.path.pop();
}

/** The value at `name`, with all texts in it replaced. */
function withoutTexts(name: string | number, value: Json, walk: Walk): Json {
  if (typeof value === 'string') return value === '' ? value : censored(value, walk, name);
  if (typeof value !== 'object' || value === null) return value;
  walk.path.push(String(name));
  for (const key of Object.keys(value)) {
    setField(value as JsonObject, key, withoutTexts(key, (value as JsonObject)[key] as Json, walk));
  }
  walk.path.pop();
  return value;
}

/** Null, false, true and an empty text are not secret. */
function canBeSecret(value: Json): boolean {
  return value !== null && typeof value !== 'boolean' && value !== '';
}
