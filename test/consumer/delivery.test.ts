import type { ConsumeMessage } from 'amqplib';
import { describe, expect, test } from 'vitest';
import { countHeader, MAX_MESSAGE_BYTES, returnsOf, takeApart } from '../../consumer/delivery.js';
import { recordId } from '../../consumer/record-id.js';
import { isUuid, uuidv7 } from '../../src/uuid.js';

const QUEUE = 'shop_info_logs';
const FRAME = 'application/x-ndjson';
const ID = '01993f0e-0000-7000-8000-000000000001';

interface Shape {
  contentType?: string;
  headers?: Record<string, unknown>;
  timestamp?: unknown;
  deliveryTag?: number;
  routingKey?: string;
}

/** A message as amqplib hands it over. */
function messageOf(content: string | Buffer, shape: Shape = {}): ConsumeMessage {
  const { contentType = 'application/json', deliveryTag = 7, routingKey = 'shop.info' } = shape;
  const fields = { consumerTag: 'c', deliveryTag, redelivered: false, exchange: 'logs_exchange', routingKey };
  const properties = { contentType, headers: shape.headers, timestamp: shape.timestamp };
  return { content: Buffer.from(content), fields, properties } as unknown as ConsumeMessage;
}

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

const context = { newId: recordId };
const take = (content: string | Buffer, shape?: Shape, queue = QUEUE) =>
  takeApart(queue, messageOf(content, shape), context);

describe('what a message holds', () => {
  test('one record, with its bytes as they came', () => {
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
    expect(delivery.items).toEqual([
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

  test('a frame: one record a line', () => {
    const lines = ['a', 'b', 'c'].map((message, n) => record({ id: uuidv7(1_700_000_000_000_000 + n), message }));
    const delivery = take(lines.join('\n'), { contentType: FRAME });
    expect(delivery.items.map(({ record }) => record.message)).toEqual(['a', 'b', 'c']);
    expect(delivery.items.map(({ raw }) => raw.toString())).toEqual(lines);
    expect(delivery.records).toBe(3);
  });

  test('a lone record that is spread over lines is not taken for a frame', () => {
    const delivery = take(JSON.stringify(JSON.parse(record()), null, 2));
    expect(delivery.items).toHaveLength(1);
    expect(delivery.letters).toEqual([]);
  });

  test('a bad line goes by itself, with its bytes, and the good ones around it stay', () => {
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

  test('a frame without a record is a dead letter, so that its message is not acknowledged in silence', () => {
    const delivery = take('\n \n', { contentType: FRAME });
    expect(delivery.items).toEqual([]);
    expect(delivery.letters).toMatchObject([{ raw: Buffer.from('\n \n'), reason: 'a frame without a record' }]);
  });

  test('an empty message as well', () => {
    expect(take('').letters).toMatchObject([{ raw: Buffer.alloc(0), code: 'invalid' }]);
  });

  test('more than 64 MiB are not parsed, exactly 64 MiB are', () => {
    const tooLarge = take(Buffer.alloc(MAX_MESSAGE_BYTES + 1, 0x20), { contentType: FRAME });
    expect(tooLarge.letters).toMatchObject([{ reason: expect.stringContaining('67108865 bytes') }]);
    expect(tooLarge.letters[0]?.raw).toHaveLength(MAX_MESSAGE_BYTES + 1);
    const body = Buffer.alloc(MAX_MESSAGE_BYTES, 0x0a);
    body.write(record());
    expect(take(body, { contentType: FRAME }).items).toHaveLength(1);
  });
});

describe('the AMQP timestamp', () => {
  const local = record({ id: undefined, timestamp: '2026-01-31 12:30:45.123456' });

  test('tells the offset of a local time, as Python clients send it', () => {
    // 10:30:45Z in epoch seconds: the record's clock is two hours ahead of UTC.
    const [item] = take(local, { timestamp: 1_769_855_445 }).items;
    expect(item?.record.timestamp).toBe('2026-01-31T10:30:45.123456Z');
    expect(isUuid(item?.record.id)).toBe(true);
  });

  test('that is not a number counts as none, and the local time as UTC', () => {
    const [item] = take(local, { timestamp: '1769855445' }).items;
    expect(item?.record.timestamp).toBe('2026-01-31T12:30:45.123456Z');
  });
});

describe('what was tried before', () => {
  test('comes back from the failure queue with its attempt and the queue that it was first taken from, and is handled alone', () => {
    const headers = { 'x-loghive-attempt': 3, 'x-loghive-origin': 'shop_error_logs' };
    const delivery = take('not json', { headers }, 'failure_backoff');
    expect(delivery).toMatchObject({ queue: 'failure_backoff', origin: 'shop_error_logs', attempt: 3, alone: true });
    expect(delivery.letters).toMatchObject([{ queue: 'shop_error_logs', attempts: 3 }]);
  });

  test.each([
    ['in the failure queue without our headers', {}, 'failure_backoff'],
    ['with an attempt behind it', { 'x-loghive-attempt': 1 }, QUEUE],
    ['republished because it came back too often', { 'x-loghive-rounds': 1 }, QUEUE],
  ])('is handled alone: %s', (_, headers, queue) => {
    expect(take(record(), { headers }, queue).alone).toBe(true);
  });

  test.each([-1, 0, 1.5, '3', null, true, Number.NaN, { n: 3 }])('a foreign %j in a header counts as none', (value) => {
    expect(countHeader(value)).toBe(0);
    const headers = { 'x-loghive-attempt': value, 'x-loghive-rounds': value, 'x-loghive-origin': value };
    expect(take(record(), { headers })).toMatchObject({
      attempt: 0,
      alone: false,
      origin: typeof value === 'string' ? value : QUEUE,
    });
  });
});

describe('how often a message came back', () => {
  const returns = (headers?: Record<string, unknown>) => returnsOf(messageOf(record(), headers ? { headers } : {}));

  test('is zero without headers, and on the first delivery', () => {
    expect(returns()).toBe(0);
    expect(returns({})).toBe(0);
  });

  test('is counted by RabbitMQ 3.x in x-delivery-count', () => {
    expect(returns({ 'x-delivery-count': 10 })).toBe(10);
  });

  test('is counted by RabbitMQ 4.x in x-acquired-count where the consumer vanished or gave it back', () => {
    expect(returns({ 'x-acquired-count': 10 })).toBe(10);
    expect(returns({ 'x-delivery-count': 2, 'x-acquired-count': 10 })).toBe(10);
    expect(returns({ 'x-delivery-count': 10, 'x-acquired-count': 2 })).toBe(10);
  });
});

describe('what lies in the queue of announcements', () => {
  const announced = (content: string | Buffer, contentType = 'application/json') =>
    take(content, { contentType, routingKey: 'loghive.services' }, 'loghive_services');

  test('is a service, whatever content type it says', () => {
    for (const contentType of ['application/json', FRAME, 'text/plain']) {
      const delivery = announced('{"service":"shop"}', contentType);
      expect(delivery).toMatchObject({ announced: ['shop'], items: [], letters: [], records: 1, alone: false });
    }
  });

  test('is a dead letter where it names none', () => {
    const delivery = announced('{"service":"a shop"}');
    expect(delivery).toMatchObject({ announced: [], items: [], records: 1 });
    expect(delivery.letters).toMatchObject([{ code: 'invalid', queue: 'loghive_services', raw: expect.any(Buffer) }]);
    expect(announced(Buffer.alloc(MAX_MESSAGE_BYTES + 1, ' ')).letters[0]!.reason).toMatch(/are not parsed$/);
  });

  test('is no announcement in any other queue', () => {
    expect(take('{"service":"shop"}')).toMatchObject({ announced: [], items: [], letters: [{ code: 'invalid' }] });
  });
});
