import { describe, expect, test } from 'vitest';
import { cleanJson, cleanText, mayHaveUnsafeEscapes } from '../../src/value/safe-text.js';

describe('text', () => {
  test.each([
    ['plain', 'plain'],
    ['a\0\0b', 'a\u2400\u2400b'],
    ['\ud800', '\ufffd'],
    ['\udc00\ud800', '\ufffd\ufffd'],
    ['\ud83d\ude00', '😀'],
    ['\ud83d\ud83d\ude00\ude00', '\ufffd😀\ufffd'],
    ['\u0001\u2400\ufffd', '\u0001\u2400\ufffd'],
  ])('%j is cleaned to %j', (text, clean) => {
    expect(cleanText(text)).toBe(clean);
  });
});

describe('the strings of a JSON text', () => {
  test('are not searched without need', () => {
    expect(mayHaveUnsafeEscapes('{"a":"\\u001b ü 😀"}')).toBe(false);
    expect(mayHaveUnsafeEscapes('"\\u0000"')).toBe(true);
    expect(mayHaveUnsafeEscapes('"\\uDFFF"')).toBe(true);
  });
});

describe('a JSON text', () => {
  test.each([
    ['{"a":"\\u0000","b":1}', '{"a":"\u2400","b":1}'],
    ['"\\ud800 \\uDFFF \\ud83d\\ude00"', '"\ufffd \ufffd \\ud83d\\ude00"'],
    ['"\\ud800\\ud83d\\ude00"', '"\ufffd\\ud83d\\ude00"'],
    ['"\\\\u0000 \\\\\\u0000"', '"\\\\u0000 \\\\\u2400"'],
    ['"\ud800"', '"\ufffd"'],
    ['"\\n\\"\\u00e4"', '"\\n\\"\\u00e4"'],
    ['"\\u0000\\u0000€\\u0000"', '"\u2400\u2400€\u2400"'],
    ['{"\\uDC00":"\\ud800\\n\\udc00 ü"}', '{"\ufffd":"\ufffd\\n\ufffd ü"}'],
    ['"\\ud800\\u0000 \\ud800\\\\udc00"', '"\ufffd\u2400 \ufffd\\\\udc00"'],
    ['"\\ud800', '"\ufffd'],
    ['"\\u0000\\', '"\u2400\\'],
    ['{"a":"\\u0000 \\u0"x"}', '{"a":"\u2400 \\u0"x"}'],
    ['"\\u0000 \\uzzzz \\u12', '"\u2400 \\uzzzz \\u12'],
  ])('%j is cleaned to %j', (json, clean) => {
    expect(cleanJson(json)).toBe(clean);
  });

  test('is cleaned of a million escapes', () => {
    expect(cleanJson(`"${'\\n\\u0000'.repeat(1_000_000)}"`)).toBe(`"${'\\n\u2400'.repeat(1_000_000)}"`);
  });
});
