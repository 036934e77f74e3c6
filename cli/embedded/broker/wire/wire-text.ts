/**
 * Conversion between text and wire strings. Inside the broker a string has one character per byte, so that bytes pass
 * through unchanged. Only text for people or from options is converted.
 */
import { isUtf8 } from 'node:buffer';

export function wireText(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

export function readableText(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** Whether the bytes are valid UTF-8, as all short strings must be. */
export function isReadable(bytes: string): boolean {
  return /^[\x00-\x7f]*$/.test(bytes) || isUtf8(Buffer.from(bytes, 'latin1'));
}
