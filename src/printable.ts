/**
 * Makes untrusted text safe to print: characters that could control a terminal, end a line or change the text direction
 * are written as visible escapes. Pure.
 */

/**
 * Control characters (C0, DEL, C1), line and paragraph separators, bidirectional controls, the byte order mark and
 * similar characters, and lone surrogates.
 */
const UNSAFE = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb]/gu;

/** Escapes the text for output on one line. */
export function printableLine(text: string): string {
  return text.replace(UNSAFE, escaped);
}

/**
 * Escapes the text but keeps line breaks and tabs. Callers must indent the lines, so that none can be mistaken for
 * another message.
 */
export function printableLines(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replace(UNSAFE, (unit) => (unit === '\n' || unit === '\t' ? unit : escaped(unit)));
}

/** Puts a valid JSON text on one line without changing its value; numbers keep all digits. */
export function printableJson(json: string): string {
  // Outside strings only white space can match; inside strings white space is always escaped.
  return json.replace(UNSAFE, (unit) => (SPACE.includes(unit) ? ' ' : `\\u${hexOf(unit, 4)}`));
}

const SPACE = '\t\n\r';
const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escaped(unit: string): string {
  return NAMED[unit] ?? (unit < '\u0100' ? `\\x${hexOf(unit, 2)}` : `\\u${hexOf(unit, 4)}`);
}

function hexOf(unit: string, digits: number): string {
  return unit.charCodeAt(0).toString(16).padStart(digits, '0');
}
