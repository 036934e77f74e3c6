import { describe, expect, test } from 'vitest';
import { encodeRecord, type RecordInput } from '../src/record.js';
import { hostileValues } from './support/hostile-values.mjs';

const MIB = 1024 * 1024;
const stamp = { id: '01993f0e-1111-7111-8111-000000000001', epochMicros: 1_769_855_445_123_456 };
const input = (more: Partial<RecordInput>): RecordInput => ({ service: 'shop', level: 'ERROR', message: 'm', ...more });
const line = (more: Partial<RecordInput>, maxRecordBytes = MIB) => encodeRecord(input(more), stamp, maxRecordBytes);
const parse = (text: string) => JSON.parse(text) as { message: string; information: Record<string, unknown> };
const encode = (more: Partial<RecordInput>, maxRecordBytes = MIB) => parse(line(more, maxRecordBytes));

describe('a line', () => {
  test('has the specified fields, in order', () => {
    expect(line({ message: 'payment failed', information: { order: 7 } })).toBe(
      '{"id":"01993f0e-1111-7111-8111-000000000001","service":"shop","level":"ERROR","message":"payment failed",' +
        '"information":{"order":7},"timestamp":"2026-01-31T10:30:45.123456Z"}',
    );
  });

  test('is the same line whether or not a value must be made safe', () => {
    const plain = line({ message: 'a "quoted"\nline', information: { a: [1, { b: 'ü' }], at: new Date(0) } });
    const safe = line({ message: 'a "quoted"\nline', information: { a: [1, { b: 'ü' }], at: new Date(0), n: 1n } });
    expect(safe).toBe(plain.replace('000Z"}', '000Z","n":"1n"}'));
  });

  test('has no line break inside', () => {
    const text = line({ message: 'one\ntwo\r\n\u2028', information: { 'k\n': 'v\n' } });
    expect(text).not.toMatch(/[\n\r]/);
    expect(parse(text)).toMatchObject({ message: 'one\ntwo\r\n\u2028', information: { 'k\n': 'v\n' } });
  });

  test('distinguishes services that log alternately', () => {
    const services = ['a', 'b', 'a"', 'a', 'c\0'].map((service) => JSON.parse(line({ service })).service);
    expect(services).toEqual(['a', 'b', 'a"', 'a', 'c\u2400']);
  });
});

describe('the message', () => {
  test.each([
    ['a text', 'plain', 'plain'],
    ['an empty one', '', ''],
    ['undefined', undefined, ''],
    ['null', null, 'null'],
    ['a number', 7.5, '7.5'],
    ['NaN', Number.NaN, 'NaN'],
    ['a BigInt', 7n, '7n'],
    ['a boolean', false, 'false'],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
    ['a function', function named() {}, '[Function: named]'],
    ['an object', { a: [1, 2n] }, '{"a":[1,"2n"]}'],
    ['an array', [1, 'a'], '[1,"a"]'],
    ['a Date', new Date(0), '1970-01-01T00:00:00.000Z'],
    ['an Error', new TypeError('broken'), 'broken'],
    ['an Error without a message', new TypeError(), 'TypeError'],
    ['a boxed text', Object('boxed'), 'boxed'],
    ['NUL and a lone surrogate', 'a\0b\ud800', 'a\u2400b\ufffd'],
  ])('is made text: %s', (_, message, expected) => {
    expect(encode({ message }).message).toBe(expected);
  });

  test('that cannot be read is marked', () => {
    const message = new Proxy(
      {},
      {
        get() {
          throw new Error('closed');
        },
        getPrototypeOf() {
          throw new Error('closed');
        },
      },
    );
    expect(encode({ message }).message).toBe('[Threw: closed]');
  });
});

describe('information', () => {
  test.each([
    ['undefined', undefined, {}],
    ['null', null, {}],
    ['an object', { a: 1 }, { a: 1 }],
    ['an array', [1, 2n], { value: [1, '2n'] }],
    ['a text', 'x', { value: 'x' }],
    ['a number', 0, { value: 0 }],
    ['false', false, { value: false }],
    ['a BigInt', 1n, { value: '1n' }],
    ['a Date', new Date(0), { value: '1970-01-01T00:00:00.000Z' }],
    ['a Map', new Map([['a', 1]]), { '[Map]': [['a', 1]] }],
    ['an object whose toJSON gives nothing', { toJSON: () => undefined }, {}],
    ['an object whose toJSON gives a text', { toJSON: () => 'x' }, { value: 'x' }],
  ])('is an object: %s', (_, information, expected) => {
    expect(encode({ information }).information).toEqual(expected);
  });

  test('that is an Error has its fields', () => {
    const { information } = encode({ information: Object.assign(new RangeError('far'), { code: 'E_FAR' }) });
    expect(information).toMatchObject({ name: 'RangeError', message: 'far', code: 'E_FAR' });
  });

  test('with an inherited toJSON is the result of that', () => {
    const information = Object.create({ toJSON: () => ({ from: 'toJSON' }) }) as object;
    expect(encode({ information }).information).toEqual({ from: 'toJSON' });
    const hidden = Object.defineProperty({ a: 1 }, 'toJSON', { value: () => ({ n: 1n }) });
    expect(encode({ information: hidden }).information).toEqual({ n: '1n' });
  });
});

describe("a level's own name", () => {
  test('goes to information.level', () => {
    expect(encode({ levelName: 'warn', information: { a: 1 } }).information).toEqual({ a: 1, level: 'warn' });
    expect(encode({ levelName: 'warn', information: {} }).information).toEqual({ level: 'warn' });
    expect(encode({ levelName: 'warn' }).information).toEqual({ level: 'warn' });
    expect(encode({ levelName: 'warn', information: [1n] }).information).toEqual({ value: ['1n'], level: 'warn' });
    expect(encode({ levelName: 'w"\0', information: { n: 1n } }).information).toEqual({ n: '1n', level: 'w"\u2400' });
    expect(encode({ levelName: 'w\0' }).information).toEqual({ level: 'w\u2400' });
  });

  test("leaves the caller's own level alone", () => {
    const own = { level: 3 };
    expect(encode({ levelName: 'warn', information: own }).information).toEqual({ level: 3, 'loghive.level': 'warn' });
    const safe = encode({ levelName: 'warn', information: { ...own, n: 1n } }).information;
    expect(safe).toEqual({ level: 3, n: '1n', 'loghive.level': 'warn' });
  });

  test("never changes the caller's object", () => {
    const information = Object.freeze({ a: 1 });
    expect(encode({ levelName: 'warn', information }).information).toEqual({ a: 1, level: 'warn' });
    expect(information).toEqual({ a: 1 });
  });
});

describe('hostile values', () => {
  for (const { name, make, expect: check } of hostileValues) {
    test(`in information: ${name}`, () => {
      const text = line({ information: { field: make(), beside: 1 } });
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MIB);
      const { information, message } = parse(text);
      check(information.field);
      expect([message, information.beside]).toEqual(['m', 1]);
    });

    test(`as information and as message: ${name}`, () => {
      const text = line({ message: make(), information: make() });
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MIB);
      expect(text.replaceAll('\\\\', '')).not.toMatch(/\\u0000|[\n\0]/);
      expect(parse(text)).toMatchObject({ message: expect.any(String), information: expect.any(Object) });
    });
  }
});

describe('the limit', () => {
  test('is exact to the byte', () => {
    const bare = Buffer.byteLength(line({ information: { a: '' } }));
    const room = 2048 - bare;
    expect(encode({ information: { a: 'x'.repeat(room) } }, 2048).information.a).toHaveLength(room);
    const over = line({ information: { a: 'x'.repeat(room + 1) } }, 2048);
    expect(Buffer.byteLength(over)).toBeLessThanOrEqual(2048);
    expect(Buffer.byteLength(over)).toBeGreaterThan(2048 - 5);
    expect(parse(over).information.a).toMatch(/^x+…\[cut \d+ characters\]$/);
  });

  test('cuts the longest texts evenly at any depth, and marks how much is missing', () => {
    const { message, information } = encode(
      {
        message: 'm'.repeat(5000),
        information: { a: { b: ['i'.repeat(9000)] }, short: 's'.repeat(300), c: 'c'.repeat(4000) },
      },
      4096,
    );
    const texts = [message, (information.a as { b: string[] }).b[0] as string, information.c as string];
    const kept = texts.map((text) => text.indexOf('…'));
    expect(Math.max(...kept) - Math.min(...kept)).toBeLessThanOrEqual(1);
    expect(texts.map((text, at) => Number(/\[cut (\d+) /.exec(text)?.[1]) + (kept[at] as number))).toEqual([
      5000, 9000, 4000,
    ]);
    expect(information.short).toBe('s'.repeat(300));
  });

  test('cuts a level name and a message as well', () => {
    const text = line({ message: 'm', levelName: 'l'.repeat(100_000) }, 1024);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(1024);
    expect(parse(text).information.level).toMatch(/^l+…\[cut/);
    expect(encode({ message: 'm'.repeat(100_000) }, 1024).message).toMatch(/^m+…\[cut/);
  });
});

describe('additional fields', () => {
  const more = (fields: object) => Object.entries(fields).map(([name, value]) => ({ name, value }));

  test.each<[string, unknown, object, unknown]>([
    ['stand behind those of the record', { order: 7 }, { pid: 1 }, { order: 7, pid: 1 }],
    [
      'give precedence to those of the record',
      { pid: 'mine', none: null },
      { pid: 1, none: 2 },
      { pid: 'mine', none: null },
    ],
    ['fill in for what is undefined', { pid: undefined }, { pid: 1 }, { pid: 1 }],
    ['are all there is', undefined, { pid: 1, at: new Date(0) }, { pid: 1, at: '1970-01-01T00:00:00.000Z' }],
    ['stand beside a value', 'text', { pid: 1 }, { value: 'text', pid: 1 }],
    ['are left out when undefined', {}, { a: undefined, b: 1 }, { b: 1 }],
    ['are made safe', { order: 7 }, { n: 1n, nul: '\0' }, { order: 7, n: '1n', nul: '\u2400' }],
    ['are made safe beside unsafe values', { n: 1n }, { pid: 1 }, { n: '1n', pid: 1 }],
    ['may have any names', {}, { constructor: 1, toString: 2 }, { constructor: 1, toString: 2 }],
  ])('%s', (_, information, fields, expected) => {
    expect(encode({ information, more: more(fields) }).information).toEqual(expected);
  });

  test('give precedence to the name of the level as well', () => {
    const input = { information: {}, levelName: 'notice', more: more({ level: 'mine' }) };
    expect(encode(input).information).toEqual({ level: 'notice' });
  });

  test('may be called __proto__', () => {
    const input = { information: { a: 1 }, more: [{ name: '__proto__', value: 7 }] };
    for (const information of [{ a: 1 }, { a: 1n }]) {
      expect(line({ ...input, information })).toContain('"__proto__":7');
    }
  });

  test('are cut with the others if the record is too long', () => {
    const text = line({ information: { a: 'a'.repeat(3000) }, more: more({ b: 'b'.repeat(3000), pid: 1 }) }, 2048);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(2048);
    expect(parse(text).information).toEqual({
      a: expect.stringMatching(/^a+…\[cut \d+ characters\]$/),
      b: expect.stringMatching(/^b+…\[cut \d+ characters\]$/),
      pid: 1,
    });
  });
});
