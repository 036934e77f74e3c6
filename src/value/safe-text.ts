/**
 * Text that both JSON and PostgreSQL accept.
 *
 * @module
 */

/** PostgreSQL rejects NUL in text (22021) and in jsonb (22P05). U+2400 is its visible symbol. */
const NUL_SYMBOL = '\u2400';
/** NUL and surrogates as JSON escapes. May also match a text such as `\\u0000`, which then only takes longer. */
const UNSAFE_ESCAPE = /\\u(?:0000|d[89a-f])/i;

/** Replaces NUL by U+2400 and each lone surrogate by U+FFFD. Returns the same string if there are none. */
export function cleanText(text: string): string {
  const withoutNul = text.includes('\0') ? text.replaceAll('\0', NUL_SYMBOL) : text;
  const checked = withoutNul as string & WellFormedText;
  return checked.isWellFormed() ? withoutNul : checked.toWellFormed();
}

/** ECMAScript 2024, supported by Node 20 but not declared in the `lib` that we compile against. */
interface WellFormedText {
  isWellFormed(): boolean;
  /** Replaces each lone surrogate by U+FFFD. */
  toWellFormed(): string;
}

/** Whether a JSON text may contain an escaped NUL or lone surrogate. No false negatives. */
export function mayHaveUnsafeEscapes(json: string): boolean {
  return json.includes('\\u') && UNSAFE_ESCAPE.test(json);
}

/**
 * Cleans a valid JSON text: its strings are changed as by `cleanText`, every other character is kept. Memory use does
 * not depend on the number of escapes.
 */
export function cleanJson(json: string): string {
  const text = cleanText(json);
  return mayHaveUnsafeEscapes(text) ? cleanEscapes(Buffer.from(text)) : text;
}

const BACKSLASH = 0x5c;
const SMALL_U = 0x75;
/** U+2400 and U+FFFD in UTF-8. */
const NUL_BYTES = [0xe2, 0x90, 0x80] as const;
const REPLACEMENT_BYTES = [0xef, 0xbf, 0xbd] as const;

/** Replacements are shorter than the escapes, so the buffer is overwritten in place. */
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

/** The code unit of the escape `\uXXXX` at this index; negative if there is none. */
function codeUnit(json: Buffer, at: number): number {
  if (json[at] !== BACKSLASH || json[at + 1] !== SMALL_U) return -1;
  const high = hexDigit(json[at + 2]) * 16 + hexDigit(json[at + 3]);
  const low = hexDigit(json[at + 4]) * 16 + hexDigit(json[at + 5]);
  return high >= 0 && low >= 0 ? high * 256 + low : -1;
}

/** The digit's value. For anything else, a number so negative that sums with it are negative. */
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
