import { describe, expect, test } from 'vitest';
import { quoteNonFinite } from '../../src/value/non-finite.js';

describe('numbers that JSON does not have', () => {
  test.each([
    ['NaN', '"NaN"'],
    ['[NaN,Infinity, -Infinity]', '["NaN","Infinity", "-Infinity"]'],
    ['{"a": NaN, "b": [1, NaN], "c": {"d": -Infinity}}', '{"a": "NaN", "b": [1, "NaN"], "c": {"d": "-Infinity"}}'],
    ['{"NaN":NaN}', '{"NaN":"NaN"}'],
    ['[NaN\n]', '["NaN"\n]'],
  ])('are texts: %s', (json, quoted) => {
    expect(quoteNonFinite(json)).toBe(quoted);
    JSON.parse(quoted);
  });

  test.each(['{"a":"NaN, Infinity and -Infinity"}', '["\\"NaN","\\\\",1]', '["x\\\\","NaN"]', '{"a":1}', '"torn NaN'])(
    'are left alone in strings: %s',
    (json) => {
      expect(quoteNonFinite(json)).toBe(json);
    },
  );

  test.each(['[NaNs]', '[-NaN]', '[nan]', '[inf]', '[+Infinity]', '[Infinity1]', '[1NaN]', 'NaNNaN'])(
    'are nothing else: %s is no JSON afterwards either',
    (json) => {
      expect(() => JSON.parse(quoteNonFinite(json))).toThrow();
    },
  );

  test('may be a million', () => {
    const json = `[${'NaN,'.repeat(1_000_000)}1]`;
    expect(JSON.parse(quoteNonFinite(json))).toHaveLength(1_000_001);
  });
});
