import { describe, expect, test } from 'vitest';
import { printableJson, printableLine, printableLines } from '../src/printable.js';

/** Each of its kind: C0, DEL, C1, separators, bidirectional marks, embeddings and isolates, the byte order mark. */
const STEERING = [
  ...Array.from({ length: 0x20 }, (_, code) => String.fromCharCode(code)),
  ...Array.from({ length: 0x21 }, (_, code) => String.fromCharCode(0x7f + code)),
  ...'\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u206a\u206f\ufeff\ufff9',
];
const KEPT = 'a ÄÖ 漢字 👨‍👩‍👧 שלום " \\ \u00a0 €';

describe('on one line', () => {
  test.each(STEERING.map((unit) => [JSON.stringify(unit), unit]))('%s is visible, and has no effect', (_, unit) => {
    expect(printableLine(`<${unit}>`)).toMatch(/^<\\(?:[nrt]|x[0-9a-f]{2}|u[0-9a-f]{4})>$/);
  });

  test('letters of all languages are kept', () => expect(printableLine(KEPT)).toBe(KEPT));

  test('a lone surrogate is visible', () => expect(printableLine('\ud83d!😀')).toBe('\\ud83d!😀'));
});

test('on several lines, only line breaks and tabs are kept', () => {
  expect(printableLines('a\r\n\tb\nc\r\x1b[2J\u2028d\x85e\x0bf')).toBe('a\n\tb\nc\\r\\x1b[2J\\u2028d\\x85e\\x0bf');
});

describe('JSON', () => {
  test.each([
    ['{\n "a" :\t1,\r\n"b":2}', '{  "a" : 1,  "b":2}'],
    ['{"n":12345678901234567890.10,"e":1E400}', '{"n":12345678901234567890.10,"e":1E400}'],
    ['{"a":"\x9b2J\x7f\u2028\u202e"}', '{"a":"\\u009b2J\\u007f\\u2028\\u202e"}'],
    ['{"\u202e":"\\n\\\\"}', '{"\\u202e":"\\n\\\\"}'],
  ])('%j is one line, and the same value', (json, line) => {
    expect(printableJson(json)).toBe(line);
    expect(JSON.parse(line)).toEqual(JSON.parse(json));
  });

  test.each(STEERING.map((unit) => [JSON.stringify(unit), unit]))('%s in a text is an escape', (_, unit) => {
    const line = printableJson(JSON.stringify({ [unit]: unit }));
    expect(line).not.toContain(unit);
    expect(JSON.parse(line)).toEqual({ [unit]: unit });
  });
});
