/** Decoding of message properties from any bytes. amqplib's own decoder would close the connection. */
import { describe, expect, test } from 'vitest';
import { readContentHeader } from '../../src/amqp/content-header.js';
import { seeded } from '../suite/random.mjs';

const u16 = (value: number) => Buffer.from([value >> 8, value & 0xff]);
const u32 = (value: number) => Buffer.from([value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff]);
const short = (text: string | Buffer) => Buffer.concat([Buffer.from([Buffer.from(text).length]), Buffer.from(text)]);
const long = (bytes: Buffer | string) => Buffer.concat([u32(Buffer.from(bytes).length), Buffer.from(bytes)]);
const field = (name: string | Buffer, type: string, value: Buffer = Buffer.alloc(0)) =>
  Buffer.concat([short(name), Buffer.from(type), value]);
const table = (...fields: Buffer[]) => long(Buffer.concat(fields));
const list = (...values: Buffer[]) => long(Buffer.concat(values));
const int64 = (value: bigint) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
};
const double = (value: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes;
};
const float = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatBE(value);
  return bytes;
};

/** Class, weight, size of the body, flags, properties. */
const header = (flags: number, ...properties: Buffer[]) =>
  Buffer.concat([u16(60), u16(0), int64(5n), u16(flags), ...properties]);
const headersOf = (...fields: Buffer[]) =>
  readContentHeader(header(0x2000, table(...fields))).properties.headers as Record<string, unknown>;

/** Each level is a table or list that holds nothing but the next one. */
function nested(depth: number, kind: 'F' | 'A'): Buffer {
  let content = Buffer.alloc(0);
  for (let level = 1; level < depth; level++) {
    const value = Buffer.concat([Buffer.from(kind), long(content)]);
    content = kind === 'F' ? Buffer.concat([short('t'), value]) : value;
  }
  return field('deep', kind, long(content));
}

describe('the properties of a message', () => {
  test('are empty without flags', () => {
    expect(readContentHeader(header(0))).toEqual({ size: 5, properties: {}, weight: 0 });
  });

  test('are those of class basic, by name', () => {
    const names = ['type/json', 'gzip', 'corr', 'reply', '100', 'mid'];
    const payload = header(
      0xfffc,
      short(names[0]!),
      short(names[1]!),
      table(field('a', 'S', long('b'))),
      Buffer.from([2]),
      Buffer.from([7]),
      ...names.slice(2).map(short),
      int64(1_700_000_000n),
      ...['t', 'u', 'app', 'cluster'].map(short),
    );
    expect(readContentHeader(payload)).toMatchObject({
      size: 5,
      properties: {
        contentType: 'type/json',
        contentEncoding: 'gzip',
        headers: { a: 'b' },
        deliveryMode: 2,
        priority: 7,
        correlationId: 'corr',
        replyTo: 'reply',
        expiration: '100',
        messageId: 'mid',
        timestamp: 1_700_000_000,
        type: 't',
        userId: 'u',
        appId: 'app',
        clusterId: 'cluster',
      },
    });
  });

  test.each([
    ['b', Buffer.from([0xff]), -1],
    ['B', Buffer.from([0xff]), 255],
    ['s', u16(0xffff), -1],
    ['u', u16(0xffff), 65_535],
    ['I', u32(0xffffffff), -1],
    ['i', u32(0xffffffff), 4_294_967_295],
    ['l', int64(-5n), -5],
    ['L, as py-amqp writes it', int64(3_000_000_000n), 3_000_000_000],
    ['l that no number holds exactly', int64(2n ** 63n - 1n), 2n ** 63n - 1n],
    ['L that no number holds exactly', int64(-(2n ** 63n)), -(2n ** 63n)],
    ['f', float(0.5), 0.5],
    ['d', double(0.1), 0.1],
    ['d that is not a number', double(Number.NaN), Number.NaN],
    ['d without end', double(Number.NEGATIVE_INFINITY), Number.NEGATIVE_INFINITY],
    ['t', Buffer.from([1]), true],
    ['S', long('ä'), 'ä'],
    ['S that is not UTF-8', long(Buffer.from([0xff])), '\ufffd'],
    ['x', long(Buffer.from([1, 2])), Buffer.from([1, 2])],
    ['T', int64(5n), { '!': 'timestamp', value: 5 }],
    ['D', Buffer.concat([Buffer.from([2]), u32(314)]), { '!': 'decimal', value: { places: 2, digits: 314 } }],
    ['V', Buffer.alloc(0), null],
    ['F', table(field('a', 't', Buffer.from([0]))), { a: false }],
    ['A', list(Buffer.from('V'), Buffer.concat([Buffer.from('S'), long('x')])), [null, 'x']],
  ])('have headers of type %s', (type, bytes, value) => {
    expect(headersOf(field('h', type[0]!, bytes), field('after', 't', Buffer.from([1])))).toEqual({
      h: value,
      after: true,
    });
  });

  test.each(['F', 'A'] as const)(
    'mark headers of type %s that are nested too deep, and later ones are read',
    (kind) => {
      const headers = headersOf(nested(12_000, kind), field('after', 't', Buffer.from([1])));
      expect(headers.after).toBe(true);
      expect(JSON.stringify(headers.deep)).toContain('nested more than 32 levels deep');
    },
  );

  test.each([
    ['a name without a value', field('h', '')],
    ['a value that is cut off', field('h', 'I', Buffer.from([1]))],
    ['a text that is longer than its table', field('h', 'S', u32(1000))],
    ['a table that is longer than the one it lies in', field('h', 'F', u32(0xffffffff))],
    ['a name that is longer than its table', Buffer.from([200, 0x61])],
  ])('contain the headers before %s, and the properties after them', (_what, broken) => {
    const payload = header(0x3000, table(field('before', 't', Buffer.from([1])), broken), Buffer.from([2]));
    const { properties } = readContentHeader(payload);
    expect(properties.headers).toMatchObject({ before: true });
    expect(properties.deliveryMode).toBe(2);
  });

  test('contain the type of an unknown value', () => {
    const headers = headersOf(field('before', 'V'), field('h', 'Z', u32(5)), field('after', 'V'));
    expect(headers).toEqual({ before: null, h: '…[a value of unknown type "Z", and all values after it]' });
  });

  test('end where the frame ends', () => {
    expect(readContentHeader(header(0x8000 | 0x2000, short('a/b'), u32(100))).properties).toMatchObject({
      contentType: 'a/b',
      headers: undefined,
    });
  });

  test.each([
    ['without further data', [], {}],
    ['with another property after it', [u16(0), short('a/b')], { contentType: 'a/b' }],
    ['without end', [u16(1), u16(1)], {}],
  ])('may have more words of flags, %s', (_what, rest, properties) => {
    expect(readContentHeader(header(0x8001, ...rest))).toMatchObject({ size: 5, properties });
  });

  test('may be arbitrary bytes', () => {
    const random = seeded('content header');
    for (let n = 0; n < 5000; n++) {
      const bytes = Buffer.from(Array.from({ length: Math.floor(random() * 80) }, () => Math.floor(random() * 256)));
      expect(() => readContentHeader(header(Math.floor(random() * 65_536), bytes))).not.toThrow();
    }
  });

  test('are at most a thousand values, however many the frame has', () => {
    // Five bytes each on the wire, two hundred in memory.
    const tables = Array.from({ length: 26_000 }, () => Buffer.concat([Buffer.from('F'), u32(0)]));
    const headers = headersOf(field('many', 'A', list(...tables)), field('after', 'V'));
    const many = headers.many as unknown[];
    expect(many).toHaveLength(1000);
    expect(many.at(-2)).toEqual({});
    expect([many.at(-1), headers.after]).toEqual(['…[more than 1000 values]', '…[more than 1000 values]']);
  });

  test('are weighed by their memory use', () => {
    const weightOf = (...fields: Buffer[]) => readContentHeader(header(0x2000, table(...fields))).weight;
    expect(readContentHeader(header(0)).weight).toBe(0);
    expect(weightOf(field('a', 'S', long('x'.repeat(30_000))))).toBeGreaterThan(60_000);
    expect(weightOf(...Array.from({ length: 500 }, (_, n) => field(`${n}`, 'V')))).toBeGreaterThan(100_000);
  });

  test('may have names of the object prototype', () => {
    const headers = headersOf(field('__proto__', 'F', table(field('admin', 't', Buffer.from([1])))));
    expect(Object.keys(headers)).toEqual(['__proto__']);
    expect((headers as { admin?: unknown }).admin).toBeUndefined();
  });
});
