/**
 * Checks whether bytes are JSON as `JSON.stringify` writes it, without allocating anything. Other valid JSON (different
 * formatting, deeper nesting, `\u` escapes) is rejected; callers then parse it.
 *
 * @module
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Deeper values are parsed instead. */
const MAX_DEPTH = 50;
const NONE = -1;

/** The characters allowed after a backslash: `"` `\` `/` b f n r t. Not `u`. */
const ESCAPES = new Uint8Array(256);
for (const byte of Buffer.from('"\\/bfnrt')) ESCAPES[byte] = 1;

/**
 * @param at index after the opening quote.
 * @returns index of the closing quote; -1 if there is none before `end`.
 */
export function plainStringEnd(bytes: Uint8Array, at: number, end: number): number {
  for (let place = at; place < end; place++) {
    const byte = bytes[place]!;
    if (byte === QUOTE) return place;
    if (byte < 0x20) return NONE;
    if (byte === BACKSLASH) {
      place++;
      if (place >= end || ESCAPES[bytes[place]!] !== 1) return NONE;
    }
  }
  return NONE;
}

/**
 * @param at index of the opening brace.
 * @returns index after the closing brace; -1 if it is not an object that ends before `end`.
 */
export function plainObjectEnd(bytes: Uint8Array, at: number, end: number): number {
  return bytes[at] === OPEN_BRACE ? objectEnd(bytes, at, end, 1) : NONE;
}

function objectEnd(bytes: Uint8Array, open: number, end: number, depth: number): number {
  if (depth > MAX_DEPTH) return NONE;
  let at = open + 1;
  if (bytes[at] === CLOSE_BRACE) return at < end ? at + 1 : NONE;
  while (at < end) {
    if (bytes[at] !== QUOTE) return NONE;
    const nameEnd = plainStringEnd(bytes, at + 1, end);
    if (nameEnd === NONE || bytes[nameEnd + 1] !== COLON) return NONE;
    at = valueEnd(bytes, nameEnd + 2, end, depth);
    if (at === NONE || at >= end) return NONE;
    if (bytes[at] === CLOSE_BRACE) return at + 1;
    if (bytes[at] !== COMMA) return NONE;
    at++;
  }
  return NONE;
}

function arrayEnd(bytes: Uint8Array, open: number, end: number, depth: number): number {
  if (depth > MAX_DEPTH) return NONE;
  let at = open + 1;
  if (bytes[at] === CLOSE_BRACKET) return at < end ? at + 1 : NONE;
  while (at < end) {
    at = valueEnd(bytes, at, end, depth);
    if (at === NONE || at >= end) return NONE;
    if (bytes[at] === CLOSE_BRACKET) return at + 1;
    if (bytes[at] !== COMMA) return NONE;
    at++;
  }
  return NONE;
}

function valueEnd(bytes: Uint8Array, at: number, end: number, depth: number): number {
  switch (bytes[at]) {
    case QUOTE: {
      const close = plainStringEnd(bytes, at + 1, end);
      return close === NONE ? NONE : close + 1;
    }
    case OPEN_BRACE:
      return objectEnd(bytes, at, end, depth + 1);
    case OPEN_BRACKET:
      return arrayEnd(bytes, at, end, depth + 1);
    case 0x74:
      return wordEnd(bytes, at, TRUE);
    case 0x66:
      return wordEnd(bytes, at, FALSE);
    case 0x6e:
      return wordEnd(bytes, at, NULL);
    default:
      return numberEnd(bytes, at, end);
  }
}

const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');
const NULL = Buffer.from('null');

function wordEnd(bytes: Uint8Array, at: number, word: Uint8Array): number {
  for (let index = 1; index < word.length; index++) if (bytes[at + index] !== word[index]) return NONE;
  return at + word.length;
}

function numberEnd(bytes: Uint8Array, start: number, end: number): number {
  const first = bytes[start] === MINUS ? start + 1 : start;
  let at = digitsEnd(bytes, first, end);
  if (at === first || (bytes[first] === ZERO && at > first + 1)) return NONE;
  if (bytes[at] === POINT) {
    const fraction = at + 1;
    at = digitsEnd(bytes, fraction, end);
    if (at === fraction) return NONE;
  }
  if ((bytes[at]! | 0x20) === 0x65) {
    const sign = bytes[at + 1];
    const exponent = sign === MINUS || sign === 0x2b ? at + 2 : at + 1;
    at = digitsEnd(bytes, exponent, end);
    if (at === exponent) return NONE;
  }
  return at;
}

function digitsEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && isDigit(bytes[at]!)) at++;
  return at;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= 0x39;
}
