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

/**
 * A valid JSON text, cleaned as `cleanText` cleans what it stands for. Every other character stays as it was written.
 * Takes no more memory for a million escapes than for one.
 */
export function cleanJson(json: string): string {
  const text = cleanText(json);
  return hasEscapedHazard(text) ? cleanEscapes(Buffer.from(text)) : text;
}

const BACKSLASH = 0x5c;
const SMALL_U = 0x75;
/** U+2400 and U+FFFD in UTF-8. */
const NUL_BYTES = [0xe2, 0x90, 0x80] as const;
const REPLACEMENT_BYTES = [0xef, 0xbf, 0xbd] as const;

/** What takes the place of an escape is shorter than it: the text is written over itself. */
function cleanEscapes(json: Buffer): string {
  let end = 0;
  for (let at = 0; at < json.length; ) {
    if (json[at] !== BACKSLASH) {
      json[end++] = json[at++] as number;
      continue;
    }
    const unit = codeUnit(json, at);
    const isPair = isHigh(unit) && isLow(codeUnit(json, at + 6));
    const clean = unit === 0 ? NUL_BYTES : isSurrogate(unit) && !isPair ? REPLACEMENT_BYTES : undefined;
    const next = Math.min(at + (unit < 0 ? 2 : isPair ? 12 : 6), json.length);
    if (clean === undefined) for (; at < next; at++) json[end++] = json[at] as number;
    else for (const byte of clean) json[end++] = byte;
    at = next;
  }
  return json.toString('utf8', 0, end);
}

/** Of the escape `\uXXXX` that stands there; negative where none does. */
function codeUnit(json: Buffer, at: number): number {
  if (json[at] !== BACKSLASH || json[at + 1] !== SMALL_U) return -1;
  const high = hexDigit(json[at + 2]) * 16 + hexDigit(json[at + 3]);
  const low = hexDigit(json[at + 4]) * 16 + hexDigit(json[at + 5]);
  return high >= 0 && low >= 0 ? high * 256 + low : -1;
}

/** Far below zero where it is none, so that a number with it is negative. */
function hexDigit(byte = 0): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1000;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xe000;
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}
