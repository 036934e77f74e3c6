import { expect, test } from 'vitest';
import { encodeRecord, type RecordInput } from '../../src/record.js';
import { memberTexts } from '../../src/value/json-members.js';
import { RawJson } from '../../src/value/raw-json.js';

const stamp = { id: '01993f0e-1111-7111-8111-000000000001', epochMicros: 1_769_855_445_123_456 };
const written = (json: string) => new RawJson(memberTexts(json));
const informationOf = (input: Partial<RecordInput>, most = 1024 * 1024) => {
  const line = encodeRecord({ service: 's', level: 'INFO', message: 'm', ...input }, stamp, most);
  return /,"information":(\{.*\}),"timestamp":/.exec(line)?.[1];
};

test('is written unchanged', () => {
  const json = '{"big":12345678901234567890,"a b":{"c":[1, 2]},"\\"":"\\n"}';
  expect(written(json).json).toBe(json);
  expect(informationOf({ information: written(json) })).toBe(json);
});

test('accepts additional fields with new names', () => {
  const more = [
    { name: 'pid', value: 1 },
    { name: 'host', value: 'h', json: '"h"' },
  ];
  expect(informationOf({ information: written('{"pid":null,"n":1.0}'), levelName: 'warn', more })).toBe(
    '{"pid":null,"n":1.0,"level":"warn","host":"h"}',
  );
  expect(informationOf({ information: written('{"level":3}'), levelName: 'warn' })).toBe(
    '{"level":3,"loghive.level":"warn"}',
  );
});

test('is parsed if something in it must be redacted or cut', () => {
  const fields = (information: object) => ({ ...information, a: 'hidden' });
  const redact = { concerns: () => true, fields, text: (message: string) => message };
  expect(informationOf({ information: written('{"a":1,"b":2}'), redact })).toBe('{"a":"hidden","b":2}');
  const cut = informationOf({ information: written(`{"text":"${'x'.repeat(5000)}"}`) }, 2048);
  expect(JSON.parse(cut!).text).toMatch(/^x+…\[cut \d+ characters\]$/);
});
