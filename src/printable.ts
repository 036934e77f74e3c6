/**
 * Text from elsewhere as it may be printed: what could steer a terminal, end a line, or turn the order of the letters on it
 * is written as an escape that can be seen. Pure.
 */

/**
 * Control characters (C0, DEL, C1), separators of lines and paragraphs, marks of bidirectional text, the byte order mark
 * and its like, and halves of characters that have no other half.
 */
const STEERING = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb]/gu;

/** On one line. */
export function printableLine(text: string): string {
  return text.replace(STEERING, escaped);
}

/** Line breaks and tabs stay: whoever prints it indents the lines, so that none looks like one of somebody else. */
export function printableLines(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replace(STEERING, (unit) => (unit === '\n' || unit === '\t' ? unit : escaped(unit)));
}

/** A valid JSON text on one line. Parsed it has the same value, numbers to the last digit. */
export function printableJson(json: string): string {
  // Outside of strings there is nothing of these but white space, and within them no white space that is not escaped.
  return json.replace(STEERING, (unit) => (SPACE.includes(unit) ? ' ' : `\\u${hexOf(unit, 4)}`));
}

const SPACE = '\t\n\r';
const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escaped(unit: string): string {
  return NAMED[unit] ?? (unit < '\u0100' ? `\\x${hexOf(unit, 2)}` : `\\u${hexOf(unit, 4)}`);
}

function hexOf(unit: string, digits: number): string {
  return unit.charCodeAt(0).toString(16).padStart(digits, '0');
}
