/**
 * Fields that a record gets beside those that were logged: of the process, of the context of the call, of the trace.
 *
 * @module
 */
import { safeValue } from '../safe-value.js';
import { enumerableKeys, readSafely } from '../value/foreign-object.js';
import { mayHaveUnsafeEscapes } from '../value/safe-text.js';

export interface Member {
  readonly name: string;
  readonly value: unknown;
  /** The value as JSON, where it never changes and is clean. */
  readonly json?: string;
}

/** The fields of an object, as they are now. An object that cannot be read has none. */
export function membersOf(fields: object): Member[] {
  return namesOf(fields).map((name) => ({ name, value: readSafely(fields, name) }));
}

/** The same of fields that stay the same for good: their values are made safe now, and written only once. */
export function lastingMembers(fields: object): readonly Member[] {
  return membersOf(fields).flatMap(({ name, value }) => {
    if (value === undefined) return [];
    const safe = safeValue(value);
    const json = JSON.stringify(safe);
    // `safeValue` has cleaned it: what looks like a hazard only speaks of one.
    return [{ name, value: safe, ...(mayHaveUnsafeEscapes(json) ? {} : { json }) }];
  });
}

/** What comes first wins where two have the same name. */
export function joinMembers(first: readonly Member[], second: readonly Member[]): readonly Member[] {
  if (first.length === 0) return second;
  if (second.length === 0) return first;
  const names = new Set(first.map(({ name }) => name));
  return first.concat(second.filter(({ name }) => !names.has(name)));
}

function namesOf(fields: object): string[] {
  try {
    return enumerableKeys(fields).filter((key): key is string => typeof key === 'string');
  } catch {
    return []; // a proxy that does not say
  }
}
