import { describe, expect, test } from 'vitest';
import { holdsMoreThan } from '../../src/value/json-size.js';

/** The smallest limit that the text does not exceed. */
function count(json: string): number {
  const bytes = Buffer.from(json);
  for (let most = 0; ; most++) if (!holdsMoreThan(most, bytes)) return most;
}

describe('the number of values in a JSON text', () => {
  test.each([
    ['1', 0],
    ['""', 0],
    ['{}', 1],
    ['[]', 1],
    ['[1,2,3]', 3],
    ['{"a":1,"b":2}', 4],
    ['{"a":{"b":[{},{}]}}', 8],
    ['[[[[[]]]]]', 5],
    ['[-1.5e3,true,false,null,"x"]', 5],
    [' [ 1 ,\n 2 ] ', 2],
  ])('%s is counted: %i', (json, expected) => {
    expect(count(json)).toBe(expected);
  });

  test.each([
    ['punctuation', '["{[,:]}"]'],
    ['a quote', '["\\",,,"]'],
    ['a backslash at its end', '["\\\\"]'],
    ['other scripts', '["日本,😀:"]'],
  ])('is not counted in strings: %s', (_, json) => {
    expect(count(json)).toBe(1);
  });

  test('that is truncated within a string is counted up to that point', () => {
    expect(count('[1,"a,b')).toBe(2);
    expect(count('[1,"a\\')).toBe(2);
  });
});
