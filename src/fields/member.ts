/**
 * Fields that are added to those that were logged: of the process, the context and the trace.
 *
 * @module
 */
import { safeValue } from '../safe-value.js';
import { enumerableKeys, readSafely } from '../value/foreign-object.js';
import { mayHaveUnsafeEscapes } from '../value/safe-text.js';

export interface Member {
  readonly name: string;
  readonly value: unknown;
  /** The value as JSON, if it never changes and no escape in it looks unsafe. */
  readonly json?: string;
}

/** The fields of an object, with their current values. None if the object cannot be read. */
export function membersOf(fields: object): Member[] {
  return namesOf(fields).map((name) => ({ name, value: readSafely(fields, name) }));
}

/** The same for fields that never change: their values are made safe and serialized once. */
export function lastingMembers(fields: object): readonly Member[] {
  return membersOf(fields).flatMap(({ name, value }) => {
    if (value === undefined) return [];
    const safe = safeValue(value);
    const json = JSON.stringify(safe);
    // `safeValue` has removed unsafe escapes. What still looks like one is only a text such as `\\u0000`.
    return [{ name, value: safe, ...(mayHaveUnsafeEscapes(json) ? {} : { json }) }];
  });
}

/** The first one wins if both have a field of the same name. */
export function joinMembers(first: readonly Member[], second: readonly Member[]): readonly Member[] {
  if (first.length === 0) return second;
  if (second.length === 0) return first;
  const joined = first.slice();
  for (const member of second) if (!first.some(({ name }) => name === member.name)) joined.push(member);
  return joined;
}

function namesOf(fields: object): string[] {
  try {
    return enumerableKeys(fields).filter((key): key is string => typeof key === 'string');
  } catch {
    return []; // a proxy that throws
  }
}
