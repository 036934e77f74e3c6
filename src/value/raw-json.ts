/**
 * A JSON object stored as its original text, so that nothing is lost: JSON.parse rounds numbers past 2^53.
 *
 * @module
 */
import type { JsonObject } from './json-value.js';

export class RawJson {
  readonly #members: ReadonlyMap<string, string>;
  #json: string | undefined;

  /**
   * @param members the (decoded) names and the texts of their values, which must be valid and clean JSON (`cleanJson`).
   */
  constructor(members: ReadonlyMap<string, string>) {
    this.#members = members;
  }

  /** Does not access the value, which may be a proxy that throws at `instanceof`. */
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

  /** Parses the object, which rounds large numbers. */
  parse(): JsonObject {
    return JSON.parse(this.json) as JsonObject;
  }
}
