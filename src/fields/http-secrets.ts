/**
 * The preset `http`: hides what HTTP clients and servers carry and nobody should read, wherever it stands in a record, by
 * the names that it has. Which ones: secret-name.ts; in texts: secret-text.ts.
 *
 * @module
 */
import { type Json, type JsonObject, setField } from '../value/json-value.js';
import { HEADER_NAMES, type Secrecy, secrecyOf } from './secret-name.js';
import { hideInText, IN_QUERY, QUERY } from './secret-text.js';

export interface Hiding {
  /** What stands in place of a value. */
  readonly censor: string;
  /** Leaves fields out instead. Texts and lists keep their form: there the censor stands in any case. */
  readonly remove: boolean;
}

/** Changes the object. */
export function hideHttpSecrets(fields: JsonObject, hiding: Hiding): void {
  hideInObject(fields, hiding, '');
}

function hidden(value: Json, hiding: Hiding, parent: string): Json {
  if (typeof value === 'string') {
    return QUERY.test(parent) ? hideInText(`?${value}`, hiding.censor).slice(1) : hideInText(value, hiding.censor);
  }
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) hideInList(value, hiding, parent);
  else hideInObject(value, hiding, parent);
  return value;
}

function hideInObject(fields: JsonObject, hiding: Hiding, parent: string): void {
  const isNamed = hideNamedValue(fields, hiding.censor, parent);
  for (const name of Object.keys(fields)) {
    const value = fields[name] as Json;
    const secrecy = saysSomething(value) ? secrecyUnder(isNamed ? '' : parent, name) : 'none';
    if (secrecy === 'none') setField(fields, name, hidden(value, hiding, name === '[Map]' ? parent : name));
    else if (secrecy === 'texts') setField(fields, name, withoutTexts(value, hiding.censor));
    else if (hiding.remove) delete fields[name];
    else setField(fields, name, hiding.censor);
  }
}

function secrecyUnder(parent: string, name: string): Secrecy {
  return QUERY.test(parent) && IN_QUERY.test(name) ? 'all' : secrecyOf(name);
}

/** `{ name: 'Authorization', value: '…' }`, of HAR files, environments, gateways. */
function hideNamedValue(fields: JsonObject, censor: string, parent: string): boolean {
  const name = fields.name ?? fields.key;
  if (typeof name !== 'string' || !('value' in fields)) return false;
  if (secrecyUnder(parent, name) !== 'none' && saysSomething(fields.value as Json)) fields.value = censor;
  return true;
}

/** In these the names of headers and their values take turns. */
const TURNS = /^raw(?:headers|trailers)$|^headers$/i;
const CUT = /^…\[cut \d+ more\]$/;
/** And in others they do where one of these is among them: nothing else is called so. */
const HEADERS = new RegExp(`^(?:${HEADER_NAMES})$`, 'i');

function hideInList(items: Json[], hiding: Hiding, parent: string): void {
  // Behind those that are left of a long list stands a text that says how many are not; the last pair can be cut as well.
  const count = isCut(items.at(-1)) ? items.length - 1 : items.length;
  const isPairs = count > 0 && items.every((item, at) => at === count || isPair(item) || isCutPair(item));
  const inTurns = !isPairs && count % 2 === 0 && items.every((item, at) => at % 2 === 1 || typeof item === 'string');
  for (const [at, item] of items.entries()) {
    if (isPairs && isPair(item)) hidePair(item, hiding, parent);
    else if (inTurns && at % 2 === 1 && isHeader(items[at - 1] as string, parent)) items[at] = hiding.censor;
    else items[at] = hidden(item, hiding, parent);
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
  return TURNS.test(parent) ? secrecyOf(name) !== 'none' : HEADERS.test(name);
}

/** Of a Map, of `Object.entries()`, of the entries of Headers. */
function hidePair(pair: [Json, Json], hiding: Hiding, parent: string): void {
  const [name, value] = pair;
  const isSecret = typeof name === 'string' && secrecyUnder(parent, name) !== 'none' && saysSomething(value);
  pair[0] = hidden(name, hiding, '');
  pair[1] = isSecret ? hiding.censor : hidden(value, hiding, typeof name === 'string' ? name : '');
}

function withoutTexts(value: Json, censor: string): Json {
  if (typeof value === 'string') return value === '' ? value : censor;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => withoutTexts(item, censor));
  for (const name of Object.keys(value)) setField(value, name, withoutTexts(value[name] as Json, censor));
  return value;
}

/** That there is none, or whether there is one, is no secret. */
function saysSomething(value: Json): boolean {
  return value !== null && typeof value !== 'boolean' && value !== '';
}
