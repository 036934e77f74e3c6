import { describe, expect, test } from 'vitest';
import { cleanJsonText, cleanText, hasEscapedHazard } from '../src/safe-text.js';

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
  test.each([
    ['{"a":"\\u0000"}', '{"a":"\u2400"}'],
    ['{"\\u0000":1}', '{"\u2400":1}'],
    ['"\\ud83d\\ude00"', '"\\ud83d\\ude00"'],
    ['"\\uD83D\\uDE00"', '"\\uD83D\\uDE00"'],
    ['"\\ud83d"', '"\ufffd"'],
    ['"\\ude00\\ud83d"', '"\ufffd\ufffd"'],
    ['"\\ud83d\\ud83d\\ude00"', '"\ufffd\\ud83d\\ude00"'],
    ['"\\ud83dx\\ude00"', '"\ufffdx\ufffd"'],
    ['"\\\\u0000"', '"\\\\u0000"'],
    ['"\\\\\\u0000"', '"\\\\\u2400"'],
    ['"\\\\ud800"', '"\\\\ud800"'],
    ['"\\u001b\\n\\"\\u00e9"', '"\\u001b\\n\\"\\u00e9"'],
    ['{"n":12345678901234567890,"n":1.10,"s":"\\u0000"}', '{"n":12345678901234567890,"n":1.10,"s":"\u2400"}'],
  ])('%s becomes %s', (json, clean) => {
    expect(cleanJsonText(json)).toBe(clean);
    expect(() => JSON.parse(clean)).not.toThrow();
  });

  test('are cleaned as the text itself would be', () => {
    for (const text of ['a\0b', '\ud800\udc00\ud800', '\\u0000', '\\\0', '"\udfff"', '😀\n']) {
      expect(JSON.parse(cleanJsonText(JSON.stringify(text)))).toBe(cleanText(text));
    }
  });

  test('are not searched where there is nothing', () => {
    expect(hasEscapedHazard('{"a":"\\u001b ü 😀"}')).toBe(false);
    expect(hasEscapedHazard('"\\u0000"')).toBe(true);
    expect(hasEscapedHazard('"\\uDFFF"')).toBe(true);
  });
});
