/**
 * JSON value types, and a way to set a field that is safe for every name.
 *
 * @module
 */

export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

/** The name, with a number appended if the object already has such a field. */
export function freeName(fields: object, name: string, number: number): string {
  if (!Object.hasOwn(fields, name)) return name;
  let next = number;
  while (Object.hasOwn(fields, `${name} (${next})`)) next += 1;
  return `${name} (${next})`;
}

/** Sets an own field. Plain assignment to `__proto__` would set the prototype. */
export function setField<Value, Given extends Value>(fields: Record<string, Value>, name: string, value: Given): void {
  if (name !== '__proto__') fields[name] = value;
  else Object.defineProperty(fields, name, { value, enumerable: true, configurable: true, writable: true });
}
