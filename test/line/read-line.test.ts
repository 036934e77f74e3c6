import { describe, expect, test } from 'vitest';
import { LEVEL_NAMES } from '../../src/line/field-names.js';
import { createLineReader, type LineFields } from '../../src/line/read-line.js';
import { createLevelReader } from '../../src/line/written-level.js';
import type { RawJson } from '../../src/value/raw-json.js';

const PINO: LineFields = {
  level: ['level'],
  message: ['msg'],
  error: ['err'],
  time: ['time'],
  readLevel: createLevelReader(),
};

/** The entry of a line, with its information as text. */
function read(line: string, fields: Partial<LineFields> = {}) {
  const { information, ...entry } = createLineReader(() => ({ ...PINO, ...fields }))(line);
  const json = (information as RawJson | undefined)?.json;
  return { ...entry, information: json };
}

test('the first member is the level, and a later field of that name stays a field', () => {
  expect(read('{"level":50,"level":"low","msg":"battery"}')).toMatchObject({
    level: 'ERROR',
    information: '{"level":"low"}',
  });
  expect(read('{"level":30,"level":60,"msg":"floor"}')).toMatchObject({ level: 'INFO', information: '{"level":60}' });
});

test.each<[string, string, string]>([
  ['{"severity":"ERROR","msg":"m"}', 'ERROR', '{}'],
  ['{"severity":"CRITICAL","level":"gold","msg":"m"}', 'CRITICAL', '{"level":"gold"}'],
  ['{"severity":"ERROR","level":3,"msg":"m"}', 'ERROR', '{"level":3}'],
  ['{"log.level":"fatal","msg":"m"}', 'CRITICAL', '{}'],
  ['{"msg":"m","log":{"level":"warn","logger":"x"}}', 'WARNING', '{"log":{"level":"warn","logger":"x"}}'],
  ['{"msg":"m","levelname":"WARNING"}', 'WARNING', '{}'],
  ['{"level":"[ERROR]","msg":"m"}', 'ERROR', '{}'],
  ['{"msg":"m","level":"gold"}', 'INFO', '{}'],
  ['{"msg":"m","level":"gold","severity":"ERROR"}', 'ERROR', '{"level":"gold"}'],
  ['{"level":30,"severity":"ERROR","msg":"m"}', 'INFO', '{"severity":"ERROR"}'],
  ['{"severity":"low","level":50,"msg":"m"}', 'ERROR', '{"severity":"low"}'],
  ['{"severity":3,"msg":"m"}', 'ERROR', '{}'],
])('the level of %s is %s', (line, level, information) => {
  expect(read(line, { level: LEVEL_NAMES })).toMatchObject({ level, information });
});

test('a Pino line is parsed', () => {
  expect(read('{"level":40,"time":1769855445123,"pid":7,"hostname":"h","order":7,"msg":"slow"}')).toEqual({
    level: 'WARNING',
    levelName: 'warn',
    epochMicros: 1_769_855_445_123_000,
    message: 'slow',
    information: '{"pid":7,"hostname":"h","order":7}',
  });
});

describe('a line that is not a JSON object', () => {
  test.each(['plain text', '', ' indented', '[1,2]', '"text"', '7', 'null', '{broken', '{"a":1} and more', '{"a":1'])(
    'is the message itself: %j',
    (line) => {
      expect(read(line)).toEqual({ level: 'INFO', message: line, information: undefined });
    },
  );
});

describe('the information', () => {
  test.each([
    ['digits that no number holds', '{"n":12345678901234567890,"f":0.1000000000000000000001}'],
    ['nested things, as they were written', '{"a":{"b":[1, {"c":null}]},"t":"\\u00e4\\/"}'],
    ['an invalid level, time and message', '{"level":[1],"time":"yesterday","level2":1}'],
    ['a name of ours', '{"service":"x","id":1,"information":{}}'],
    ['a time before there were computers', '{"time":-5}'],
  ])('keeps %s', (_, line) => {
    expect(read(line).information).toBe(line);
  });

  test('keeps the last of two fields with the same name, as in JSON', () => {
    expect(read('{"a":1,"b":2,"a":3}').information).toBe('{"a":3,"b":2}');
  });

  test('is cleaned only of characters that PostgreSQL rejects', () => {
    expect(
      read(
        String.raw`{"nul":"a\u0000b","lone":"\ud800","pair":"\ud83d\ude00","text":"\\u0000","big":12345678901234567890}`,
      ).information,
    ).toBe('{"nul":"a␀b","lone":"\ufffd","pair":"\\ud83d\\ude00","text":"\\\\u0000","big":12345678901234567890}');
    expect(read('{"raw":"\ud800","\ud800":1}').information).toBe('{"raw":"\ufffd","\ufffd":1}');
  });

  test('deeper than 500 levels is parsed, so that it is marked', () => {
    const deep = `{"deep":${'['.repeat(600)}${']'.repeat(600)}}`;
    const { information } = createLineReader(() => PINO)(deep);
    expect(information).toEqual(JSON.parse(deep));
    const wide = `{"wide":[${Array(600).fill('[]').join()}]}`;
    expect(read(wide).information).toBe(wide);
  });
});

describe('the message', () => {
  test.each([
    ['{"msg":"a \\"quoted\\"\\ntext"}', 'a "quoted"\ntext', '{}'],
    ['{"msg":7}', '7', '{}'],
    ['{"msg":{"a":1}}', '{"a":1}', '{}'],
    ['{"msg":null}', 'null', '{}'],
    ['{"a":1}', '', '{"a":1}'],
    ['{"message":"other key"}', '', '{"message":"other key"}'],
  ])('%s', (line, message, information) => {
    expect(read(line)).toMatchObject({ message, information });
  });

  test('may have another key', () => {
    const fields = { message: ['message', 'msg'] };
    expect(read('{"message":"m","msg":"n"}', fields)).toMatchObject({ message: 'm', information: '{"msg":"n"}' });
    expect(read('{"msg":"n"}', fields)).toMatchObject({ message: 'n', information: '{}' });
  });
});

describe('an error', () => {
  test('is stored under the same name and with the same field names as in every integration', () => {
    const err = '{"type":"TypeError","message":"no","stack":"TypeError: no\\n at x","code":"E","aggregateErrors":[1]}';
    expect(JSON.parse(read(`{"err":${err},"a":1}`).information!)).toEqual({
      a: 1,
      error: { message: 'no', stack: 'TypeError: no\n at x', code: 'E', errors: [1], name: 'TypeError' },
    });
  });

  test('with a name field keeps it', () => {
    expect(read('{"err":{"type":"a","name":"b"}}').information).toBe('{"error":{"type":"a","name":"b"}}');
  });

  test('that is a string stays a string', () => {
    expect(read('{"err":"broken"}').information).toBe('{"error":"broken"}');
  });

  test('stays under its own name if there is already an error field', () => {
    expect(read('{"err":{"type":"E"},"error":1}').information).toBe('{"err":{"type":"E"},"error":1}');
  });
});

describe('lines of one millisecond', () => {
  test('keep their order, and those with microseconds their time', () => {
    const reader = createLineReader(() => PINO);
    const micros = (time: unknown) => reader(JSON.stringify({ time })).epochMicros;
    expect([1769855445123, 1769855445123, 1769855445123, 1769855445124].map(micros)).toEqual([
      1_769_855_445_123_000, 1_769_855_445_123_001, 1_769_855_445_123_002, 1_769_855_445_124_000,
    ]);
    expect(micros('2026-01-31T10:30:45.123456Z')).toBe(1_769_855_445_123_456);
    expect(micros('2026-01-31T10:30:45.123456Z')).toBe(1_769_855_445_123_456);
    for (let n = 0; n < 2000; n++) expect(micros(1769855445200)).toBeLessThan(1_769_855_445_201_000);
  });
});
