/**
 * Formats arbitrary bytes for people: as text if they are valid UTF-8, otherwise as a hex dump. Terminal control
 * characters are escaped. Pure.
 */
import { isUtf8 } from 'node:buffer';
import { printableLines } from '../src/printable.js';

/** Limits for display; `export` writes all bytes. */
const MAX_TEXT_BYTES = 64 * 1024;
const MAX_DUMP_BYTES = 4 * 1024;
const DUMP_WIDTH = 16;

export interface ReadableBytes {
  readonly kind: 'text' | 'hex';
  readonly lines: readonly string[];
  /** Number of bytes omitted at the end. */
  readonly left: number;
}

export function readableBytes(raw: Buffer): ReadableBytes {
  if (!isUtf8(raw)) {
    const shown = raw.subarray(0, MAX_DUMP_BYTES);
    return { kind: 'hex', lines: hexDump(shown), left: raw.length - shown.length };
  }
  const shown = raw.subarray(0, endOfCharacter(raw, MAX_TEXT_BYTES));
  return { kind: 'text', lines: printableLines(shown.toString()).split('\n'), left: raw.length - shown.length };
}

/** The bytes as text, or null if they are not UTF-8. */
export function textOf(raw: Buffer): string | null {
  return isUtf8(raw) ? raw.toString() : null;
}

/** End of the text to show, at most `maxBytes` bytes, without splitting a character. */
function endOfCharacter(raw: Buffer, maxBytes: number): number {
  let end = Math.min(raw.length, maxBytes);
  while (end < raw.length && end > 0 && (raw[end]! & 0xc0) === 0x80) end--;
  return end;
}

/** `00000010  68 65 6c 6c 6f …  |hello…|`, like hexdump -C. */
function hexDump(raw: Buffer): string[] {
  const lines: string[] = [];
  for (let at = 0; at < raw.length; at += DUMP_WIDTH) {
    const bytes = [...raw.subarray(at, at + DUMP_WIDTH)];
    const hex = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = bytes.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${at.toString(16).padStart(8, '0')}  ${hex.padEnd(DUMP_WIDTH * 3 - 1)}  |${text}|`);
  }
  return lines;
}
