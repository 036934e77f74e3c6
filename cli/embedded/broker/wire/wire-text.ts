/**
 * Names and texts are bytes to the broker: within it a string has one character for each byte of the wire, so that
 * what came in goes out again byte for byte, UTF-8 or not. Only what people read or give is converted.
 */

export function wireText(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

export function readableText(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
