import { describe, expect, test } from 'vitest';
import { memberTexts, nesting, stringEnd } from '../../src/value/json-members.js';

const members = (json: string) => Object.fromEntries(memberTexts(json));

describe('the members of an object', () => {
  test('are the texts of their values, exactly as written', () => {
    expect(
      members('{"a":1.50,"b":"x","c":{"d":[1,{"e":"}"}]},"f":[],"g":null,"h":-12345678901234567890e+5,"i":true}'),
    ).toEqual({
      a: '1.50',
      b: '"x"',
      c: '{"d":[1,{"e":"}"}]}',
      f: '[]',
      g: 'null',
      h: '-12345678901234567890e+5',
      i: 'true',
    });
  });

  test('may span several lines', () => {
    expect(members(' {\n\t"a" : 1 ,\r\n "b":\n[ 1 ,\n 2 ]\n ,"c"  :  "d"  } \n')).toEqual({
      a: '1',
      b: '[ 1 ,\n 2 ]',
      c: '"d"',
    });
  });

  test('may contain anything in their strings', () => {
    const value = { 'k"{': 'a"b\\', '\\': '\\"', e: ['"', '}]', '\\\\"'], f: ':,' };
    expect(members(JSON.stringify(value))).toEqual(
      Object.fromEntries(Object.entries(value).map(([key, item]) => [key, JSON.stringify(item)])),
    );
  });

  test('are found by their decoded names, with the last of duplicates', () => {
    expect(members('{"inform\\u0061tion":{"x":1},"a":1,"a":2,"":3}')).toEqual({
      information: '{"x":1}',
      a: '2',
      '': '3',
    });
  });

  test('of an empty object are none', () => {
    expect(members('{}')).toEqual({});
    expect(members(' { } ')).toEqual({});
  });

  test('are what JSON.parse finds, for every value that JSON.stringify writes', () => {
    const value = { n: [1, -2.5e-7, true, null], s: '\u0000"\\/\b😀', o: { '': { '{}': [[], {}, '"'] } } };
    for (const indent of [0, 1, '\t']) {
      const json = JSON.stringify(value, null, indent);
      const parsed = Object.entries(members(json)).map(([name, text]) => [name, JSON.parse(text)]);
      expect(Object.fromEntries(parsed)).toEqual(value);
    }
  });

  test('are found in linear time, even if nested deeply or full of backslashes', () => {
    const deep = `{"a":${'['.repeat(500_000)}${']'.repeat(500_000)},"b":1}`;
    const slashes = `{"a":"${'\\\\'.repeat(500_000)}","b":"${'\\"'.repeat(500_000)}"}`;
    const began = performance.now();
    expect(memberTexts(deep).get('b')).toBe('1');
    expect([...memberTexts(slashes).keys()]).toEqual(['a', 'b']);
    expect(performance.now() - began).toBeLessThan(1000);
  });
});

describe('the end of a string', () => {
  test('is its first unescaped quote', () => {
    expect(stringEnd('"abc"', 0)).toBe(4);
    expect(stringEnd('"a\\"b"', 0)).toBe(5);
    expect(stringEnd('"a\\\\"b"', 0)).toBe(4);
    expect(stringEnd('x""', 1)).toBe(2);
  });

  test('does not exist in a truncated one', () => {
    expect(stringEnd('"abc', 0)).toBe(-1);
    expect(stringEnd('"abc\\"', 0)).toBe(-1);
  });
});

test.each([
  ['1', 0],
  ['{}', 1],
  ['{"a":[1,{"b":2}],"c":[]}', 3],
  ['["[[[[", "\\"{{{{"]', 1],
])('%s is nested %i deep', (json, depth) => {
  expect(nesting(json)).toBe(depth);
});
