/**
 * An object without some of its fields, such as a Winston info without its level and message. It is copied only if it is
 * not plain, because copying it costs as much as writing its JSON.
 *
 * @module
 */
import { enumerableKeys, readSafely } from './foreign-object.js';
import { setField } from './json-value.js';
import { plainMembers } from './plain-json.js';

export class Omitting {
  readonly #source: object;
  readonly #names: ReadonlySet<string>;

  /** @param names of the fields that are left out. The symbols of Winston are left out as well. */
  constructor(source: object, names: ReadonlySet<string>) {
    this.#source = source;
    this.#names = names;
  }

  /** Does not access the value, which may be a proxy that throws at `instanceof`. */
  static is(value: unknown): value is Omitting {
    return typeof value === 'object' && value !== null && #names in value;
  }

  /** Fields that JSON omits count as missing. */
  has(name: string): boolean {
    return !this.#names.has(name) && hasField(this.#source, name);
  }

  /** See `plainMembers`. */
  plainMembers(room: number): string | undefined {
    return plainMembers(this.#source, room, this.#names);
  }

  /** Marks what cannot be read. */
  copy(): Record<PropertyKey, unknown> {
    const copy: Record<PropertyKey, unknown> = {};
    for (const key of enumerableKeys(this.#source)) {
      const value = readSafely(this.#source, key);
      if (typeof key !== 'string') copy[key] = value;
      else if (!this.#names.has(key)) setField(copy, key, value);
    }
    return copy;
  }
}

/** Whether an object has a field. One that JSON omits counts as missing. */
export function hasField(fields: object, name: string): boolean {
  return (fields as Record<string, unknown>)[name] !== undefined && Object.hasOwn(fields, name);
}
