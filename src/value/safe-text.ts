/**
 * Text that JSON and PostgreSQL both take.
 *
 * @module
 */

/** PostgreSQL refuses NUL in text (22021) and in jsonb (22P05); U+2400 is its visible symbol. */
const NUL_SYMBOL = '\u2400';
/** Either hazard as JSON writes it. May also hit a text about escapes: good enough to leave the fast path on. */
const ESCAPED_HAZARD = /\\u(?:0000|d[89a-f])/i;

/** The text with NUL as U+2400 and each lone surrogate as U+FFFD; the same string where there is neither. */
export function cleanText(text: string): string {
  const withoutNul = text.includes('\0') ? text.replaceAll('\0', NUL_SYMBOL) : text;
  const checked = withoutNul as string & WellFormedText;
  return checked.isWellFormed() ? withoutNul : checked.toWellFormed();
}

/** Of ECMAScript 2024: Node 20 has it, the `lib` that we compile against does not list it. */
interface WellFormedText {
  isWellFormed(): boolean;
  /** With U+FFFD in the place of each lone surrogate. */
  toWellFormed(): string;
}

/** Whether a JSON text may hold a NUL or a lone surrogate inside its strings. Never misses one. */
export function hasEscapedHazard(json: string): boolean {
  return json.includes('\\u') && ESCAPED_HAZARD.test(json);
}

/** Escapes of a JSON text: a surrogate pair, another code unit, anything else behind a backslash. */
const ESCAPES = /\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|u[\da-fA-F]{4}|.)/g;
const ESCAPED_LONE_SURROGATE = /^\\ud[89a-f]..$/i;

/** A valid JSON text, cleaned as `cleanText` cleans what it stands for. Every other character stays as it was written. */
export function cleanJson(json: string): string {
  const text = cleanText(json);
  return hasEscapedHazard(text) ? text.replace(ESCAPES, cleanEscape) : text;
}

function cleanEscape(written: string): string {
  if (written === '\\u0000') return NUL_SYMBOL;
  return ESCAPED_LONE_SURROGATE.test(written) ? '\ufffd' : written;
}
