/**
 * Numbers that JSON may hold and PostgreSQL does not: jsonb keeps 131,072 digits, and refuses a record for one number with
 * more.
 *
 * @module
 */
import { literalEnd, stringEnd } from './json-members.js';

const MOST_CHARACTERS = 1000;
/** May also hit a text: good enough to look closer. Digits are counted from their first one only, not from each. */
const SUSPECT = new RegExp(`(?<!\\d)\\d{${MOST_CHARACTERS}}|\\d[eE][+-]?\\d{4}`);
const HUGE_EXPONENT = /[eE][+-]?\d{4}/;

/** A valid JSON text, in which numbers of more than 1,000 characters, or with an exponent of four digits, are texts. */
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
      if (number.length > MOST_CHARACTERS || HUGE_EXPONENT.test(number)) {
        quoted += `${json.slice(from, at)}"${number}"`;
        from = end;
      }
      at = end - 1;
    }
  }
  return quoted + json.slice(from);
}
