import { expect, test } from 'vitest';
import { quoteHugeNumbers } from '../../src/value/huge-number.js';

const digits = '7'.repeat(1200);

test.each([
  ['{"a":123456789012345678901234567890,"b":-1.5e300}', undefined],
  [`{"text":"${digits}","e":"1e9999"}`, undefined],
  [`{"a":${digits},"b":1}`, `{"a":"${digits}","b":1}`],
  [`[-${digits}.5,0.${digits}]`, `["-${digits}.5","0.${digits}"]`],
  ['{"a":1e9999,"b":[1E-99999],"c":1e+1000}', '{"a":"1e9999","b":["1E-99999"],"c":"1e+1000"}'],
  [`{"\\"${digits}":${digits}}`, `{"\\"${digits}":"${digits}"}`],
])('numbers with too many digits become strings, and nothing else (case %#)', (json, expected) => {
  expect(quoteHugeNumbers(json)).toBe(expected ?? json);
});

test('many numbers with almost too many digits are processed quickly', () => {
  const text = JSON.stringify({ text: `${'9'.repeat(999)} `.repeat(20_000) });
  expect(quoteHugeNumbers(text)).toBe(text);
});
