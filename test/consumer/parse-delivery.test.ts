import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { MAX_MESSAGE_BYTES } from '../../consumer/content.js';
import { deliveryOf } from '../../consumer/delivery.js';
import { MAX_LINES, parseDelivery } from '../../consumer/parse-delivery.js';
import { MAX_VALUES, recordId } from '../../consumer/parse-record.js';
import { LocalOffsets } from '../../src/time/local-offset.js';
import { isUuid, uuidv7 } from '../../src/uuid.js';
import { FRAME, messageOf, QUEUE, type Shape } from './message.js';

const ID = '01993f0e-0000-7000-8000-000000000001';

function record(fields: Record<string, unknown> = {}): string {
  const timestamp = '2026-01-31T10:30:45.123456Z';
  return JSON.stringify({
    id: ID,
    service: 'shop',
    level: 'INFO',
    message: 'm',
    information: { n: 1 },
    timestamp,
    ...fields,
  });
}

const context = { newId: recordId, localOffsets: new LocalOffsets(() => {}) };
const take = (content: string | Buffer, shape?: Shape, queue = QUEUE) =>
  parseDelivery(deliveryOf(queue, messageOf(content, shape)), context);

describe('the content of a message', () => {
  test('is one record, with its bytes as delivered', () => {
    const body = record();
    const delivery = take(body);
    expect(delivery).toMatchObject({
      queue: QUEUE,
      origin: QUEUE,
      tag: 7,
      records: 1,
      bytes: body.length,
      attempt: 0,
      alone: false,
    });
    expect(delivery.letters).toEqual([]);
    const items = delivery.items.map(({ raw, record: { id, timestamp, service, level, message, information } }) => ({
      raw,
      record: { id, timestamp, service, level, message, information },
    }));
    expect(items).toEqual([
      {
        raw: Buffer.from(body),
        record: {
          id: ID,
          timestamp: '2026-01-31T10:30:45.123456Z',
          service: 'shop',
          level: 'INFO',
          message: 'm',
          information: '{"n":1}',
        },
      },
    ]);
  });

  test('is a frame with one record per line', () => {
    const lines = ['a', 'b', 'c'].map((message, n) => record({ id: uuidv7(1_700_000_000_000_000 + n), message }));
    const delivery = take(lines.join('\n'), { contentType: FRAME });
    expect(delivery.items.map(({ record }) => record.message)).toEqual(['a', 'b', 'c']);
    expect(delivery.items.map(({ raw }) => raw.toString())).toEqual(lines);
    expect(delivery.records).toBe(3);
  });

  test('is one record if it is spread over several lines', () => {
    const delivery = take(JSON.stringify(JSON.parse(record()), null, 2));
    expect(delivery.items).toHaveLength(1);
    expect(delivery.letters).toEqual([]);
  });

  test('has a bad line: only that is a dead letter, with its bytes', () => {
    const bad = Buffer.from([0x7b, 0xff, 0x7d]);
    const body = Buffer.concat([Buffer.from(`${record()}\n`), bad, Buffer.from(`\n${record()}\nnot json`)]);
    const headers = { 'x-loghive-attempt': 2, own: 'header' };
    const delivery = take(body, { contentType: FRAME, headers, routingKey: 'shop.info' });
    expect(delivery.items).toHaveLength(2);
    expect(delivery.records).toBe(4);
    const shared = { code: 'invalid', attempts: 2, queue: QUEUE, routingKey: 'shop.info', headers };
    expect(delivery.letters).toEqual([
      { ...shared, raw: bad, reason: 'it is not valid UTF-8' },
      { ...shared, raw: Buffer.from('not json'), reason: expect.stringContaining('it is not JSON') },
    ]);
  });

  test('is a frame without records: a dead letter, so that it is not acknowledged silently', () => {
    const delivery = take('\n \n', { contentType: FRAME });
    expect(delivery.items).toEqual([]);
    expect(delivery.letters).toMatchObject([{ raw: Buffer.from('\n \n'), reason: 'a frame without a record' }]);
  });

  test('is empty: a dead letter', () => {
    expect(take('').letters).toMatchObject([{ raw: Buffer.alloc(0), code: 'invalid' }]);
  });

  test('is parsed up to exactly 64 MiB', () => {
    const tooLarge = take(Buffer.alloc(MAX_MESSAGE_BYTES + 1, 0x20), { contentType: FRAME });
    expect(tooLarge.letters).toMatchObject([{ reason: expect.stringContaining('67108865 bytes') }]);
    expect(tooLarge.letters[0]?.raw).toHaveLength(MAX_MESSAGE_BYTES + 1);
    const body = Buffer.alloc(MAX_MESSAGE_BYTES, 0x0a);
    body.write(record());
    expect(take(body, { contentType: FRAME }).items).toHaveLength(1);
  });
});

describe('content that costs too much to parse', () => {
  test('is the rest of a frame after 100,000 lines: one dead letter', () => {
    const line = record();
    const rest = `${line}\r\nnot json\n\n${line}\n`;
    const lines = `${line}\n\n`.repeat(10) + '1\n'.repeat(MAX_LINES - 10);
    const delivery = take(`\n${lines}\n${rest}`, { contentType: FRAME });
    expect([delivery.items.length, delivery.letters.length]).toEqual([10, 99_991]);
    expect(delivery.letters.at(-1)).toMatchObject({
      raw: Buffer.from(rest),
      reason: 'the rest of a frame of more than 100000 lines, which is the limit for parsing',
    });
    const most = take(lines + '\n\r\n'.repeat(10), { contentType: FRAME });
    expect([most.items.length, most.letters.length]).toEqual([10, 99_990]);
  });

  test.each([
    ['empty objects', '{},', '{}'],
    ['empty lists', '[],', '[]'],
    ['numbers', '1,', '1'],
    ['NaN', 'NaN,', '1'],
    ['texts', '"",', '""'],
    ['fields', '{"a":1},', '{}'],
  ])('of a record is more than a million values: %s', (_, value, last) => {
    const of = (count: number) =>
      Buffer.from(record({ information: ['V'] }).replace('"V"', value.repeat(count) + last));
    const each = value.match(/[,:[{]/g)!.length;
    const body = of(Math.ceil(MAX_VALUES / each));
    const { items, letters } = take(body);
    expect(items).toEqual([]);
    expect(letters.map(({ reason }) => reason)).toEqual([
      'it contains more than 1048576 values, which is the limit for parsing',
    ]);
    expect(letters[0]?.raw.equals(body)).toBe(true);
    expect(take(of(Math.floor(MAX_VALUES / each) - 20)).items).toHaveLength(1);
  });

  test('is not a long text, whatever it contains', () => {
    const message = '{},'.repeat(1_000_000);
    expect(take(record({ message })).items).toMatchObject([{ record: { message } }]);
  });

  test('affects only its own line in a frame', () => {
    const body = `${record()}\n[${'{},'.repeat(MAX_VALUES)}{}]\n${record()}`;
    const delivery = take(body, { contentType: FRAME });
    expect([delivery.items.length, delivery.letters.length]).toEqual([2, 1]);
  });

  test('is non-ASCII text of more than 32 MiB', () => {
    for (const start of ['€', '\\u20ac']) {
      const body = Buffer.from(`{"service":"shop","level":"INFO","message":"${start}${'x'.repeat(33 * 1024 * 1024)}"}`);
      expect(take(body, { timestamp: 1 })).toMatchObject({
        items: [],
        letters: [{ reason: expect.stringMatching(/^the record has 346\d+ bytes and non-ASCII characters;/) }],
      });
    }
  });

  test('includes the headers of many dead letters: only the first ones keep them', () => {
    const headers = { 'x-loghive-attempt': 1, trace: 'x'.repeat(100_000) };
    const { letters } = take('1\n'.repeat(50_000), { contentType: FRAME, headers });
    expect(letters).toHaveLength(50_000);
    expect(letters[0]).toMatchObject({ headers, attempts: 1 });
    expect(letters.at(-1)).toMatchObject({ headers: {}, attempts: 1 });
    expect(JSON.stringify(letters.map((letter) => letter.headers)).length).toBeLessThan(17 * 1024 * 1024);
    const small = take('1\n'.repeat(50_000), { contentType: FRAME, headers: { own: 'header' } }).letters;
    expect(small.at(-1)).toMatchObject({ headers: { own: 'header' } });
  });
});

describe('messages of other languages', () => {
  test('may be a frame with a charset in its type, in capitals, with Windows line breaks and a byte order mark', () => {
    const delivery = take(`\ufeff${record()}\r\n${record()}\r\n`, {
      contentType: 'Application/X-NDJSON; charset=utf-8',
    });
    expect(delivery.items.map(({ raw }) => raw.toString())).toEqual([record(), record()]);
    expect(delivery.letters).toEqual([]);
  });

  test('may be a compressed frame, of which a bad line is a dead letter with its own bytes', () => {
    const body = gzipSync(`${record()}\nnot json\n${record()}`);
    const delivery = take(body, { contentType: FRAME, contentEncoding: 'gzip' });
    expect(delivery.items).toHaveLength(2);
    expect(delivery.letters).toMatchObject([{ raw: Buffer.from('not json') }]);
    expect(delivery.bytes).toBe(2 * record().length + 10);
  });

  test('become dead letters with their bytes as delivered if they are not compressed as declared', () => {
    const body = Buffer.from(`${record()}\n${record()}`);
    const delivery = take(body, { contentType: FRAME, contentEncoding: 'gzip' });
    expect(delivery).toMatchObject({ items: [], letters: [{ raw: body, code: 'invalid' }], records: 1 });
  });

  test.each([
    ['no content type', { contentType: undefined }],
    ['text', { contentType: 'text/plain' }],
    ['a type that is none', { contentType: 7 }],
    ['an encoding that is none', { contentEncoding: { a: 1 } }],
    ['a header that is none', { headers: { compression: ['gzip'] } }],
  ])('a record with %s', (_, shape) => {
    expect(take(`${record()}\r\n`, shape).items).toHaveLength(1);
  });

  test.each([
    ['a list of records', `[${record()}]`],
    ['two records without a type that says so', `${record()}\n${record()}`],
    ['a level as a number', record({ level: 30 })],
  ])('become dead letters if their form could only be guessed: %s', (_, body) => {
    expect(take(body)).toMatchObject({ items: [], letters: [{ raw: Buffer.from(body) }] });
  });
});

describe('a dead letter', () => {
  const bad = '{"service":"shop","message":"5 €"}';
  const latin = 'application/json; charset=latin1';

  test.each<[string, Buffer, Shape]>([
    ['gzip', gzipSync(bad), { contentEncoding: 'gzip' }],
    ['deflate', deflateSync(bad), { contentEncoding: 'deflate' }],
    ['brotli', brotliCompressSync(bad), { contentEncoding: 'br' }],
    ['a header of kombu', gzipSync(bad), { headers: { compression: 'application/x-gzip' } }],
    ['latin1', Buffer.from(bad.replace('€', '£'), 'latin1'), { contentType: latin }],
    ['UTF-16', Buffer.from(bad, 'utf16le'), { contentType: 'application/json; charset=utf-16le' }],
    ['a byte order mark', Buffer.from(`\ufeff${bad}`), {}],
    ['no type', Buffer.from(bad), { contentType: undefined }],
    ['a frame without records', gzipSync('\n'), { contentType: FRAME, contentEncoding: 'gzip' }],
    ['an unknown charset', Buffer.from(bad), { contentType: 'application/json; charset=x' }],
  ])('of a message has the body as delivered and the headers needed to read it: %s', (_, body, shape) => {
    const { contentType, contentEncoding, headers } = { contentType: 'application/json', ...shape } as Shape;
    const { letters, items } = take(body, shape);
    expect(items).toEqual([]);
    expect(letters).toMatchObject([{ raw: body }]);
    expect(letters[0]?.headers).toEqual({
      ...headers,
      ...(contentType === undefined ? {} : { 'x-loghive-content-type': contentType }),
      ...(contentEncoding === undefined ? {} : { 'x-loghive-content-encoding': contentEncoding }),
    });
  });

  test('may be an announcement', () => {
    const body = gzipSync('{"service":"a shop"}');
    const { letters } = take(body, { contentEncoding: 'gzip' }, 'loghive_services');
    expect(letters).toMatchObject([{ raw: body, headers: { 'x-loghive-content-encoding': 'gzip' } }]);
  });

  test('of a line in a frame is that line in UTF-8, without the encoding of the frame', () => {
    const contentType = `${FRAME}; charset=latin1`;
    const body = gzipSync(Buffer.from(`${record()}\n${bad.replace('€', '£')}`, 'latin1'));
    const { letters, items } = take(body, { contentType, contentEncoding: 'gzip', headers: { a: 1 } });
    expect(items).toHaveLength(1);
    expect(letters).toMatchObject([{ raw: Buffer.from(bad.replace('€', '£')) }]);
    expect(letters[0]?.headers).toEqual({ a: 1 });
  });
});

describe('the AMQP timestamp', () => {
  const local = record({ id: undefined, timestamp: '2026-01-31 12:30:45.123456' });

  test('determines the offset of a local time, as Python clients send it', () => {
    // 10:30:45Z in epoch seconds: the record's clock is two hours ahead of UTC.
    const [item] = take(local, { timestamp: 1_769_855_445 }).items;
    expect(item?.record.timestamp).toBe('2026-01-31T10:30:45.123456Z');
    expect(isUuid(item?.record.id)).toBe(true);
  });

  test('may be in milliseconds', () => {
    const [item] = take(local, { timestamp: 1_769_855_445_999 }).items;
    expect(item?.record.timestamp).toBe('2026-01-31T10:30:45.123456Z');
  });

  test('is ignored if it is not a number, and the local time counts as UTC', () => {
    const [item] = take(local, { timestamp: '1769855445' }).items;
    expect(item?.record.timestamp).toBe('2026-01-31T12:30:45.123456Z');
  });
});

test('a retried message that cannot be parsed is a dead letter of its original queue', () => {
  const headers = { 'x-loghive-attempt': 3, 'x-loghive-origin': 'shop_error_logs' };
  expect(take('not json', { headers }, 'failure_backoff').letters).toMatchObject([
    { queue: 'shop_error_logs', attempts: 3, headers },
  ]);
});

describe('a message in the queue of announcements', () => {
  const announced = (content: string | Buffer, contentType = 'application/json') =>
    take(content, { contentType, routingKey: 'loghive.services' }, 'loghive_services');

  test('is a service, whatever its content type', () => {
    for (const contentType of ['application/json', FRAME, 'text/plain']) {
      const delivery = announced('\ufeff{"service":"shop"}', contentType);
      expect(delivery).toMatchObject({ announced: ['shop'], items: [], letters: [], records: 1, alone: false });
    }
  });

  test('is a dead letter if it names none', () => {
    const delivery = announced('{"service":"a shop"}');
    expect(delivery).toMatchObject({ announced: [], items: [], records: 1 });
    expect(delivery.letters).toMatchObject([{ code: 'invalid', queue: 'loghive_services', raw: expect.any(Buffer) }]);
    for (const bytes of [100_000, MAX_MESSAGE_BYTES + 1]) {
      expect(announced(Buffer.alloc(bytes, ' ')).letters).toMatchObject([
        { reason: expect.stringMatching(/the limit (?:for parsing )?is \d+$/) },
      ]);
    }
  });

  test('is not an announcement in another queue', () => {
    expect(take('{"service":"shop"}')).toMatchObject({ announced: [], items: [], letters: [{ code: 'invalid' }] });
  });
});
