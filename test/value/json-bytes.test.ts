import { expect, test } from 'vitest';
import { plainObjectEnd, plainStringEnd } from '../../src/value/json-bytes.js';

const endOf = (json: string, behind = '') => {
  const bytes = Buffer.from(json);
  return plainObjectEnd(Buffer.from(json + behind), 0, bytes.length + Buffer.byteLength(behind));
};

test('an object ends at its closing brace, whatever follows', () => {
  const objects = [
    '{}',
    '{"a":1}',
    '{"a":-0.5e+10,"b":[],"c":[1,[2,{}]],"d":{"e":null,"f":true,"g":false}}',
    '{"a":"}\\"{","b":"\\\\"}',
    '{"ü":"€😀"}',
    '{"a":0,"b":10,"c":1E5,"d":[0]}',
  ];
  for (const json of objects) {
    expect(endOf(json)).toBe(Buffer.byteLength(json));
    expect(endOf(json, ',"timestamp"')).toBe(Buffer.byteLength(json));
    expect(endOf(json, '}')).toBe(Buffer.byteLength(json));
  }
});

test('invalid JSON and truncated objects are rejected', () => {
  const others = [
    '',
    '[]',
    '"a"',
    '{',
    '{"a"',
    '{"a":',
    '{"a":1',
    '{"a":1,',
    '{"a":1,}',
    '{,}',
    '{"a":01}',
    '{"a":-}',
    '{"a":1.}',
    '{"a":.5}',
    '{"a":1e}',
    '{"a":+1}',
    '{"a":tru}',
    '{"a":nul}',
    '{"a":undefined}',
    '{"a":NaN}',
    "{'a':1}",
    '{a:1}',
    '{"a":"\\x"}',
    '{"a":"\n"}',
    '{"a":"\0"}',
    '{"a":[1,]}',
    '{"a":[,1]}',
    '{"a":[1}',
    '{"a":{]}',
    '{"a" 1}',
    '{"a":1 "b":2}',
  ];
  for (const json of others) expect([json, endOf(json)]).toEqual([json, -1]);
});

test('JSON that JSON.stringify would not write is rejected', () => {
  for (const json of ['{ }', '{"a": 1}', '{"a":"\\u0041"}', `${'{"a":'.repeat(100)}1${'}'.repeat(100)}`]) {
    expect(() => JSON.parse(json)).not.toThrow();
    expect(endOf(json)).toBe(-1);
  }
});

test('nothing is read past the end', () => {
  const bytes = Buffer.from('{"a":true}');
  for (let end = 0; end < bytes.length; end++) expect(plainObjectEnd(bytes, 0, end)).toBe(-1);
  expect(plainStringEnd(Buffer.from('abc"'), 0, 3)).toBe(-1);
  expect(plainStringEnd(Buffer.from('abc\\"'), 0, 4)).toBe(-1);
});
