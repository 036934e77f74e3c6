/** Lays JSON out over several lines for people. Values are copied, not parsed: numbers keep all digits. Pure. */
import { stringEnd } from '../../src/value/json-members.js';

const STEP = '  ';
/** Deeper levels are not indented further, because a text may be nested 100,000 levels deep. */
const MAX_STEPS = 20;

/**
 * @param json a valid JSON text.
 * @param maxCharacters the layout ends with `…` after about that many.
 */
export function layOutJson(json: string, maxCharacters: number): string {
  let shown = '';
  let depth = 0;
  const breakLine = () => `\n${STEP.repeat(Math.min(depth, MAX_STEPS))}`;
  for (let at = 0; at < json.length; at++) {
    if (shown.length > maxCharacters) return `${shown.slice(0, maxCharacters)}…`;
    const unit = json[at]!;
    if (unit === '"') {
      const end = stringEnd(json, at);
      shown += json.slice(at, end + 1);
      at = end;
    } else if (unit === '{' || unit === '[') {
      const close = /[^\s]/.exec(json.slice(at + 1, at + 100))?.[0];
      if (close === '}' || close === ']') {
        shown += unit + close;
        at = json.indexOf(close, at);
      } else {
        depth++;
        shown += unit + breakLine();
      }
    } else if (unit === '}' || unit === ']') {
      depth--;
      shown += breakLine() + unit;
    } else if (unit === ',') shown += unit + breakLine();
    else if (unit === ':') shown += ': ';
    else if (!/\s/.test(unit)) shown += unit;
  }
  return shown;
}
