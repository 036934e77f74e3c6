/**
 * Numbers that are valid JSON but too large for PostgreSQL: jsonb stores up to 131,072 digits, and rejects a record for
 * one larger number.
 *
 * @module
 */
import { literalEnd, stringEnd } from './json-members.js';

const MAX_CHARACTERS = 1000;
/**
 * A quick test that may also match inside strings. The lookbehind avoids recounting a long run of digits from each
 * digit.
 */
const SUSPECT = new RegExp(`(?<!\\d)\\d{${MAX_CHARACTERS}}|\\d[eE][+-]?\\d{4}`);
const HUGE_EXPONENT = /[eE][+-]?\d{4}/;

/**
 * Returns the valid JSON text with numbers of more than 1,000 characters, or with an exponent of four digits, in
 * quotes.
 */
export function quoteHugeNumbers(json: string): string {
  if (!SUSPECT.test(json)) return json;
  let quoted = '';
  let from = 0;
  for (let at = 0; at < json.length; at += 1) {
    const unit = json.charCodeAt(at);
    if (unit === 0x22) {
      at = stringEnd(json, at);
    } else if (unit === 0x2d || (unit >= 0x30 && unit <= 0x39)) {
      const end = literalEnd(json, at);
      const number = json.slice(at, end);
      if (number.length > MAX_CHARACTERS || HUGE_EXPONENT.test(number)) {
        quoted += `${json.slice(from, at)}"${number}"`;
        from = end;
      }
      at = end - 1;
    }
  }
  return quoted + json.slice(from);
}
