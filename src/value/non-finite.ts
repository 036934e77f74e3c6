/**
 * NaN and Infinity, which are not valid JSON but are written by Python's `json.dumps` (by default) and others.
 *
 * @module
 */
import { stringEnd } from './json-members.js';

const QUOTE = 0x22;
const MINUS = 0x2d;

/** Puts each NaN, Infinity and -Infinity outside strings in quotes. */
export function quoteNonFinite(json: string): string {
  if (!json.includes('NaN') && !json.includes('Infinity')) return json;
  let quoted = '';
  let from = 0;
  for (let at = 0; at < json.length; at += 1) {
    const unit = json.charCodeAt(at);
    if (unit === QUOTE) {
      at = stringEnd(json, at);
      if (at === -1) return json;
      continue;
    }
    const word = unit === 0x4e ? 'NaN' : unit === 0x49 ? 'Infinity' : undefined;
    if (word === undefined || !json.startsWith(word, at)) continue;
    const start = word === 'Infinity' && json.charCodeAt(at - 1) === MINUS ? at - 1 : at;
    const end = at + word.length;
    quoted += `${json.slice(from, start)}"${json.slice(start, end)}"`;
    from = end;
    at = end - 1;
  }
  return quoted + json.slice(from);
}
