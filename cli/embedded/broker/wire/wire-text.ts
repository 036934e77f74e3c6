/**
 * Names and texts are bytes to the broker: within it a string has one character for each byte of the wire, so that
 * what came in goes out again byte for byte. Only what people read or give is converted.
 */
import { isUtf8 } from 'node:buffer';

export function wireText(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

export function readableText(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** As all short strings must be. */
export function isReadable(bytes: string): boolean {
  return /^[\x00-\x7f]*$/.test(bytes) || isUtf8(Buffer.from(bytes, 'latin1'));
}
