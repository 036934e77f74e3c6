import { describe, expect, test } from 'vitest';
import { type DecodeContext, decodeRecord, encodeRecord } from '../src/record.js';
import { LocalOffsets } from '../src/time/local-offset.js';
import { formatTimestamp, type Timestamp } from '../src/time/timestamp.js';
import { uuidv7 } from '../src/uuid.js';
import { hostileValues } from './support/hostile-values.mjs';

const id = '01993f0e-1111-7111-8111-000000000001';
const timestamp = '2026-01-31T10:30:45.123456Z';
const tenThirty = Date.UTC(2026, 0, 31, 10, 30, 45) / 1000;
const newId = (time: Timestamp) => `new id of ${formatTimestamp(time)}`;

const decode = (line: string, context: Partial<DecodeContext> = {}) =>
  decodeRecord(line, { newId, localOffsets: new LocalOffsets(() => {}), ...context });
const record = (fields: object | string, context: Partial<DecodeContext> = {}) => {
  const decoded = decode(typeof fields === 'string' ? fields : JSON.stringify(fields), context);
  if (!decoded.ok) expect.fail(decoded.reason);
  return decoded.record;
};
const reason = (line: string, context: Partial<DecodeContext> = {}) => {
  const decoded = decode(line, context);
  if (decoded.ok) expect.fail(`stored as ${JSON.stringify(decoded.record)}`);
  return decoded.reason;
};
const base = { id, service: 'shop', level: 'ERROR', message: 'm', information: {}, timestamp };
const information = (fields: object | string) => JSON.parse(record(fields).information) as Record<string, unknown>;

/** The same line, written so that it is not decoded by the fast path. */
const otherwise = (line: string) => ` ${line}`;

describe('a line from a producer of Loghive', () => {
  test('is the row', () => {
    const line = JSON.stringify({ ...base, message: 'payment failed', information: { order: 7 } });
    expect(record(line)).toEqual({ ...base, message: 'payment failed', information: '{"order":7}' });
  });

  test('is decoded the same in both ways, for every record that Loghive can write', () => {
    const stamp = { id, epochMicros: 1_769_855_445_123_456 };
    const values = hostileValues.filter(
      ({ name }) => !/10 MB|a MB|300,000|million|hundred|doubles|at every key/.test(name),
    );
    for (const { name, make } of [...values, { name: 'plain', make: () => ({ a: [1, { b: 'x' }] }) }]) {
      const input = {
        service: 'shop',
        level: 'INFO' as const,
        message: `"${name}"\n\t😀`,
        information: { field: make() },
      };
      const line = encodeRecord(input, stamp, 1024 * 1024);
      const short = record(line);
      expect(short).toEqual(record(otherwise(line)));
      expect(short.message).toBe(input.message);
      expect(JSON.parse(short.information)).toEqual(JSON.parse(line).information);
    }
  });

  test('that only looks like one is decoded correctly', () => {
    const { information: _, ...rest } = base;
    const doubled = `{"id":"${id}","service":"shop","level":"ERROR","message":"m","information":{"a":1},"information":{"b":2},"timestamp":"${timestamp}"}`;
    expect(record(doubled).information).toBe('{"b":2}');
    const inside = `{"id":"${id}","service":"shop","level":"ERROR","message":"m","information":{"a":1},"x":{"timestamp":"${timestamp}"}}`;
    expect(JSON.parse(record(inside).information)).toEqual({ a: 1, x: { timestamp } });
    const tricky = `{"id":"${id}","service":"shop","level":"ERROR","message":"\\",\\"information\\":{","information":{},"timestamp":"${timestamp}"}`;
    expect(record(tricky).message).toBe('","information":{');
    expect(record({ ...rest, service: 'a"b' }).service).toBe('a"b');
  });

  test.each([
    ['information that is torn', `"information":{"a":,"timestamp"`],
    ['information with more behind it', `"information":{} x,"timestamp"`],
    ['a line break in the message', `"message":"a\nb","information":{},"timestamp"`],
    ['a bad escape in the message', `"message":"a\\x","information":{},"timestamp"`],
  ])('with %s is bad', (_, part) => {
    const message = part.startsWith('"message"') ? '' : '"message":"m",';
    const line = `{"id":"${id}","service":"shop","level":"ERROR",${message}${part}:"${timestamp}"}`;
    expect(reason(line)).toMatch(/^it is not JSON: /);
  });

  test('with a control character in its service is invalid', () => {
    expect(reason(JSON.stringify(base).replace('shop', 'sh\u0001op'))).toMatch(/^it is not JSON: /);
  });
});

describe("a line of the Python package's", () => {
  const python =
    '{"service": "shop", "level": "ERROR", "message": "Zahlung \\u00fcber 5 \\u20ac", "information": {"a": 1.0, "b": NULL}, "timestamp": "2026-01-31 12:30:45.123456"}'.replace(
      'NULL',
      'null',
    );

  test('is stored with the offset inferred from the AMQP timestamp and its information unchanged', () => {
    expect(record(python, { amqpTimestamp: tenThirty })).toEqual({
      id: `new id of ${timestamp}`,
      timestamp,
      service: 'shop',
      level: 'ERROR',
      message: 'Zahlung über 5 €',
      information: '{"a": 1.0, "b": null}',
    });
  });

  test('is in the given zone, or UTC', () => {
    const zone = { amqpTimestamp: tenThirty, pythonTimezone: 'Asia/Tokyo' };
    expect(record(python, zone).timestamp).toBe('2026-01-31T03:30:45.123456Z');
    expect(record(python).timestamp).toBe('2026-01-31T12:30:45.123456Z');
  });
});

describe('the service', () => {
  test.each([
    ['missing', undefined, 'field "service" is missing'],
    ['empty', '', 'field "service" is not a name: ""'],
    ['blank', ' \t', 'field "service" is not a name: " \\t"'],
    ['a number', 7, 'field "service" is not a name: 7'],
    ['null', null, 'field "service" is not a name: null'],
  ])('that is %s makes a bad record', (_, service, expected) => {
    expect(reason(JSON.stringify({ ...base, service }))).toBe(expected);
    expect(reason(otherwise(JSON.stringify({ ...base, service })))).toBe(expected);
  });

  test.each(['service', 'level'])('that is too long makes the record invalid: %s', (field) => {
    const long = 'x'.repeat(2_000_000);
    expect(reason(JSON.stringify({ ...base, [field]: long }))).toBe(
      `field "${field}" is not a name: "${'x'.repeat(100)}" and 1999900 more characters`,
    );
    expect(record({ ...base, [field]: 'x'.repeat(1000) })).toBeDefined();
  });
});

describe('a field that should be a text', () => {
  test.each(['service', 'level', 'timestamp'])(
    'and is nested without end makes a bad record, not an exception: %s',
    (field) => {
      const line = JSON.stringify({ ...base, id: undefined, [field]: 'N' }).replace(
        '"N"',
        '['.repeat(200_000) + ']'.repeat(200_000),
      );
      expect(reason(line)).toContain(`"${field}"`);
    },
  );
});

describe('the level', () => {
  test.each([
    ['error', 'ERROR', {}],
    ['Warning', 'WARNING', {}],
    ['warn', 'WARNING', { level: 'warn' }],
    ['FATAL', 'CRITICAL', { level: 'FATAL' }],
    ['chatty', 'INFO', { level: 'chatty' }],
    ['odd"\0', 'INFO', { level: 'odd"\u2400' }],
  ])('%j is %s', (name, level, expected) => {
    const stored = record({ ...base, level: name });
    expect([stored.level, JSON.parse(stored.information)]).toEqual([level, expected]);
  });

  test('keeps an existing level', () => {
    expect(information({ ...base, level: 'warn', information: { level: 3 } })).toEqual({
      level: 3,
      'loghive.level': 'warn',
    });
  });

  test.each([[undefined], [null], [30], [''], ['  '], [['ERROR']]])('%j makes the record invalid', (level) => {
    expect(reason(JSON.stringify({ ...base, level }))).toMatch(/^field "level" is/);
  });
});

describe('the message', () => {
  test.each([
    ['a text', '"x"', 'x'],
    ['NUL and lone surrogates, which PostgreSQL would refuse', '"a\\u0000b\\ud800"', 'a\u2400b\ufffd'],
    ['an object', '{"a": 12345678901234567890}', '{"a": 12345678901234567890}'],
    ['a number', '1.50', '1.50'],
    ['null', 'null', 'null'],
    ['an array with NUL', '["\\u0000"]', '["\u2400"]'],
  ])('is text: %s', (_, json, expected) => {
    expect(record(JSON.stringify(base).replace('"m"', json)).message).toBe(expected);
  });

  test('that is missing is empty', () => {
    const { message: _, ...rest } = base;
    expect(record(rest).message).toBe('');
  });
});

describe('information', () => {
  const withInformation = (json: string) =>
    record(JSON.stringify(base).replace('"information":{}', `"information":${json}`));

  test('keeps all digits, duplicate keys and spaces for PostgreSQL', () => {
    const json = '{"n":12345678901234567890.123456789012345678901, "n":1e-400, "big":123456789012345678901234567890}';
    expect(withInformation(json).information).toBe(json);
    expect(
      record(otherwise(JSON.stringify(base).replace('"information":{}', `"information":${json}`))).information,
    ).toBe(json);
  });

  test.each([
    ['missing', { ...base, information: undefined }, {}],
    ['null', { ...base, information: null }, {}],
    ['a text', { ...base, information: 'x\0' }, { value: 'x\u2400' }],
    ['an array', { ...base, information: [1] }, { value: [1] }],
    ['false', { ...base, information: false }, { value: false }],
  ])('is an object: %s', (_, fields, expected) => {
    expect(information(fields)).toEqual(expected);
  });

  test.each([
    ['{"a\\u0000":"\\ud800", "n":1}', '{"a\u2400":"\ufffd", "n":1}'],
    ['{"a":["\\uDFFF\\u0000",{"\\udc00":"\\\\u0000"}]}', '{"a":["\ufffd\u2400",{"\ufffd":"\\\\u0000"}]}'],
    ['{"a":"\\ud83d\\ude00 \\u00fc"}', '{"a":"\\ud83d\\ude00 \\u00fc"}'],
  ])("is cleaned of what jsonb refuses, as Loghive's producers clean it: %s", (json, clean) => {
    expect(withInformation(json).information).toBe(clean);
    expect(
      record(otherwise(JSON.stringify(base).replace('"information":{}', `"information":${json}`))).information,
    ).toBe(clean);
  });

  test('keeps a number that jsonb rejects, so that the record becomes a dead letter instead of being changed', () => {
    expect(withInformation('{"n":1e200000}').information).toBe('{"n":1e200000}');
  });
});

describe('numbers that JSON does not have, as Python writes them', () => {
  const python =
    '{"service": "shop", "level": "ERROR", "message": "NaN is not a number: -Infinity", "information": {"a": NaN, "b": [Infinity, {"c": -Infinity}]}, "ratio": NaN, "timestamp": "2026-01-31T10:30:45.123456Z"}';

  test('become strings everywhere, except inside strings', () => {
    expect(record(python)).toMatchObject({
      message: 'NaN is not a number: -Infinity',
      information: '{"a": "NaN", "b": ["Infinity", {"c": "-Infinity"}],"ratio":"NaN"}',
    });
  });

  test.each([
    ['the message', { message: 'N' }, { message: 'NaN' }],
    ['the level', { level: 'N' }, { level: 'INFO', information: '{"level":"NaN"}' }],
    ['the information', { information: 'N' }, { information: '{"value":"NaN"}' }],
    ['the id', { id: 'N' }, { id: `new id of ${timestamp}`, information: '{"id":"NaN"}' }],
  ])('may be %s', (_, fields, expected) => {
    expect(record(JSON.stringify({ ...base, ...fields }).replace('"N"', 'NaN'))).toMatchObject(expected);
  });

  test('do not make other invalid JSON valid', () => {
    expect(reason(python.replace('"ratio": NaN', '"ratio": nan'))).toMatch(/^it is not JSON: /);
    expect(reason('NaN')).toBe('it is JSON, but not an object');
    expect(reason('NaN NaN')).toMatch(/^it is not JSON: /);
  });
});

describe('other fields', () => {
  test('are kept in information, as they were written', () => {
    const line = JSON.stringify(base).replace('{"id"', '{"host":"h\\n","pid": 12345678901234567890,"k\\t":1,"id"');
    expect(record(line).information).toBe('{"host":"h\\n","pid":12345678901234567890,"k\\t":1}');
  });

  test('never replace existing ones', () => {
    const fields = { ...base, information: { a: 1, 'extra.b': 2, b: 3 }, a: 4, b: 5 };
    expect(information(fields)).toEqual({ a: 1, 'extra.b': 2, b: 3, 'extra.a': 4, 'extra.extra.b': 5 });
    expect(information({ ...base, information: 'text', value: 7 })).toEqual({ value: 'text', 'extra.value': 7 });
    expect(information({ ...base, level: 'warn', information: {}, 'loghive.level': 'x' })).toEqual({
      level: 'warn',
      'loghive.level': 'x',
    });
  });

  test('with names of the prototype are ordinary fields', () => {
    const line = JSON.stringify(base).replace('{"id"', '{"__proto__":{"polluted":1},"constructor":2,"id"');
    expect(record(line).information).toBe('{"__proto__":{"polluted":1},"constructor":2}');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test('are added to information that spans several lines', () => {
    const line = JSON.stringify(base).replace('"information":{}', '"information":{ \n },"a":1');
    expect(JSON.parse(record(line).information)).toEqual({ a: 1 });
    const more = JSON.stringify(base).replace('"information":{}', '"information":{ "x": {} \n },"a":1');
    expect(JSON.parse(record(more).information)).toEqual({ x: {}, a: 1 });
  });
});

describe('the id', () => {
  test('is kept in lower case', () => {
    const upper = 'ABCDEF01-2345-4789-ABCD-EF0123456789';
    expect(record({ ...base, id: upper }).id).toBe(upper.toLowerCase());
  });

  test('is created from the time of the record if it is missing', () => {
    for (const none of [undefined, null]) {
      const stored = record({ ...base, id: none });
      expect([stored.id, stored.information]).toEqual([`new id of ${timestamp}`, '{}']);
    }
  });

  test('that is not a UUID is kept in information', () => {
    expect(record({ ...base, id: 'order-7' })).toMatchObject({
      id: `new id of ${timestamp}`,
      information: '{"id":"order-7"}',
    });
    expect(information({ ...base, id: 7, information: { id: 1 } })).toEqual({ id: 1, 'extra.id': 7 });
  });
});

describe('the time', () => {
  const seven = uuidv7(1_769_855_445_123_456);

  test.each([['2026-01-31T12:30:45.123456789+02:00'], ['2026-01-31 10:30:45.123456Z'], ['20260131T103045,123456Z']])(
    'is brought to its canonical form: %s',
    (text) => {
      expect(record({ ...base, timestamp: text }).timestamp).toBe(timestamp);
    },
  );

  test('that is local, of a record hours older than its message, has its offset inferred from the UUIDv7', () => {
    const local = { ...base, id: seven, timestamp: '2026-01-31 12:30:45.123456' };
    expect(record(local, { amqpTimestamp: tenThirty + 3 * 3600 }).timestamp).toBe(timestamp);
  });

  test('that is missing is taken from the UUIDv7, otherwise from AMQP', () => {
    const { timestamp: _, ...rest } = base;
    expect(record({ ...rest, id: seven }, { amqpTimestamp: 1 }).timestamp).toBe(timestamp);
    const four = 'abcdef01-2345-4789-abcd-ef0123456789';
    expect(record({ ...rest, id: four }, { amqpTimestamp: tenThirty }).timestamp).toBe('2026-01-31T10:30:45.000000Z');
    expect(record({ ...rest, id: seven, timestamp: null }).information).toBe('{}');
  });

  test('that cannot be read is kept in information', () => {
    for (const text of ['2026-02-30T00:00:00Z', 'yesterday', '', 1_769_855_445]) {
      const stored = record({ ...base, id: seven, timestamp: text });
      expect([stored.timestamp, JSON.parse(stored.information)]).toEqual([timestamp, { timestamp: text }]);
    }
  });

  test.each([
    ['seconds', 1_769_855_445, '2026-01-31T10:30:45.000000Z'],
    ['milliseconds', 1_769_855_445_123, '2026-01-31T10:30:45.123000Z'],
    ['microseconds', 1_769_855_445_123_456, '2026-01-31T10:30:45.123456Z'],
    ['nanoseconds', 1_769_855_445_123_456_800, '2026-01-31T10:30:45.123457Z'],
    ['milliseconds of 1973', 100_000_000_000, '1973-03-03T09:46:40.000000Z'],
    ['seconds of 2200', 7_258_118_400, '2200-01-01T00:00:00.000000Z'],
  ])("that is AMQP's may be in %s, by its size", (_, amqpTimestamp, expected) => {
    const { timestamp: _none, ...rest } = base;
    expect(record({ ...rest, id: undefined }, { amqpTimestamp }).timestamp).toBe(expected);
  });

  test('that is local has its offset also inferred from an AMQP timestamp in milliseconds', () => {
    const local = { ...base, id: undefined, timestamp: '2026-01-31 12:30:45.123456' };
    expect(record(local, { amqpTimestamp: tenThirty * 1000 + 999 }).timestamp).toBe(timestamp);
  });

  test.each([[undefined], [0], [-1], [Number.NaN], [Number.POSITIVE_INFINITY], [2 ** 64]])(
    'that is nowhere makes a bad record (AMQP says %s)',
    (amqpTimestamp) => {
      const line = JSON.stringify({ ...base, id: undefined, timestamp: 'soon' });
      const remedy = 'Publish a "timestamp" (ISO 8601), an AMQP timestamp or a UUIDv7 as "id"';
      expect(reason(line, { amqpTimestamp })).toBe(
        `it has no time: field "timestamp" is not a time: "soon". ${remedy}`,
      );
      const missing = JSON.stringify({ ...base, id: undefined, timestamp: undefined });
      expect(reason(missing, { amqpTimestamp })).toBe(`it has no time: field "timestamp" is missing. ${remedy}`);
    },
  );
});

describe('an invalid record', () => {
  test.each([
    ['', /^it is not JSON: /],
    ['{"service":"shop"', /^it is not JSON: /],
    ['plain text', /^it is not JSON: /],
    ['{"service":"a"}{"service":"b"}', /^it is not JSON: /],
    ['[]', /^it is JSON, but an array$/],
    ['null', /^it is JSON, but not an object$/],
    ['"text"', /^it is JSON, but not an object$/],
    ['{}', /^field "service" is missing$/],
  ])('%j is reported with the reason', (line, expected) => {
    expect(reason(line)).toMatch(expected);
  });

  test('is reported briefly, however long it is', () => {
    expect(reason('x'.repeat(1_000_000)).length).toBeLessThan(300);
    expect(reason(JSON.stringify({ ...base, level: ['x'.repeat(1_000_000)] })).length).toBeLessThan(300);
  });
});

describe('a line', () => {
  test('may span several lines', () => {
    expect(record(`${JSON.stringify(base, null, 2)}\n`)).toEqual({ ...base, information: '{}' });
  });

  test('may have any depth', () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const line = JSON.stringify(base).replace('"information":{}', `"information":{"deep":${deep}}`);
    expect(record(line).information).toBe(`{"deep":${deep}}`);
  });
});
