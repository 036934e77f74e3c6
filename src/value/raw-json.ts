/**
 * A JSON object as the text that it was written in, so that nothing is lost on the way: JSON.parse rounds numbers past
 * 2^53.
 *
 * @module
 */
import type { JsonObject } from './json-value.js';

export class RawJson {
  readonly #members: ReadonlyMap<string, string>;
  #json: string | undefined;

  /** @param members the (decoded) names with the text of their values, which must be valid JSON and clean (`cleanJson`). */
  constructor(members: ReadonlyMap<string, string>) {
    this.#members = members;
  }

  /** Asks nothing of the value: it may be a proxy that throws at `instanceof`. */
  static is(value: unknown): value is RawJson {
    return typeof value === 'object' && value !== null && #members in value;
  }

  has(name: string): boolean {
    return this.#members.has(name);
  }

  get json(): string {
    if (this.#json === undefined) {
      const written = [...this.#members].map(([name, text]) => `${JSON.stringify(name)}:${text}`);
      this.#json = `{${written.join()}}`;
    }
    return this.#json;
  }

  /** The object itself, with what that costs. */
  parse(): JsonObject {
    return JSON.parse(this.json) as JsonObject;
  }
}
