/** A republished message keeps its meaning, and can be published whatever its properties are. */
import { connect, type GetMessage, type MessageProperties, type Options } from 'amqplib';
import { describe, expect, test } from 'vitest';
import { copiedProperties, minimalProperties, timestampOf } from '../../consumer/copied-properties.js';
import { onEnd, useBroker } from '../support/use-servers.js';

const of = (properties: Record<string, unknown>) => properties as unknown as MessageProperties;

const broker = await useBroker();

/** As the next consumer receives it. */
async function published(properties: Options.Publish): Promise<MessageProperties> {
  const connection = await connect(broker.url);
  onEnd(() => connection.close().catch(() => {}));
  const ended = new Promise<never>((_, reject) => connection.on('error', reject));
  const channel = await connection.createConfirmChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  channel.sendToQueue(queue, Buffer.from('m'), properties);
  await Promise.race([channel.waitForConfirms(), ended]);
  const message = (await channel.get(queue, { noAck: true })) as GetMessage;
  return message.properties;
}

describe('the properties of a copy', () => {
  test('are those of the message, with the number of times it was republished', async () => {
    const properties = {
      contentType: 'application/json',
      contentEncoding: 'gzip',
      correlationId: 'c',
      replyTo: 'r',
      expiration: '60000',
      messageId: 'm',
      timestamp: 1_700_000_000,
      type: 't',
      appId: 'a',
      priority: 3,
      headers: { compression: 'application/x-gzip', own: { list: [1, 'x', null, true] } },
    };
    expect(await published(copiedProperties(of(properties), { 'x-loghive-rounds': 2 }))).toMatchObject({
      ...properties,
      headers: { ...properties.headers, 'x-loghive-rounds': 2 },
    });
  });

  test('omit those that the broker sets, refuses, or would make further copies for', () => {
    const headers = {
      'x-delivery-count': 2,
      'x-acquired-count': 2,
      CC: ['a'],
      BCC: ['b'],
      'x-loghive-rounds': 1,
      own: 1,
    };
    const copied = copiedProperties(of({ userId: 'somebody', clusterId: 'c', deliveryMode: 1, headers }), {
      'x-loghive-rounds': 2,
    });
    expect(copied).toEqual({ headers: { own: 1, 'x-loghive-rounds': 2 } });
  });

  test.each([
    ['not a number', Number.NaN],
    ['infinite', Number.POSITIVE_INFINITY],
    ['infinitely small', Number.NEGATIVE_INFINITY],
    ['below every integer of 64 bits', -1e300],
    ['above every integer of 64 bits', 1e300],
    ['2^63', 2 ** 63],
    ['-2^63', -(2 ** 63)],
    ['a fraction beyond 2^50', 2 ** 50 + 0.5],
    ['an integer that no number holds exactly', 2n ** 63n - 1n],
    ['a decimal', { '!': 'decimal', value: { places: 2, digits: 314 } }],
    ['a timestamp', { '!': 'timestamp', value: 5 }],
    ['bytes', Buffer.from([0, 255])],
    ['a table without a prototype', Object.assign(Object.create(null), { a: 1 })],
    ['a lone surrogate', '\ud800'],
    ['deep', [[[[{ a: [{ b: Number.NaN }] }]]]]],
  ])('can be published with a header that is %s', async (_what, value) => {
    const { headers } = await published(
      copiedProperties(of({ headers: { h: value, own: 1 } }), { 'x-loghive-rounds': 1 }),
    );
    expect(headers).toMatchObject({ own: 1, 'x-loghive-rounds': 1 });
    expect(headers).toHaveProperty('h');
  });

  test.each([
    ['a name', { headers: { ['\ufffd'.repeat(100)]: 1 } }],
    ['a content type', { contentType: '\ufffd'.repeat(100) }],
    ['a message id', { messageId: '\ufffd'.repeat(100) }],
    ['a timestamp', { timestamp: 2 ** 64 }],
  ])('leave out %s that became too long when it was read', async (_what, properties) => {
    const copied = await published(copiedProperties(of(properties), { 'x-loghive-rounds': 1 }));
    expect(copied.headers).toEqual({ 'x-loghive-rounds': 1 });
    expect(copied).toMatchObject({ contentType: undefined, timestamp: undefined });
  });

  test('are only those needed to read the body if the headers cannot be encoded', async () => {
    const properties = {
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      timestamp: 5,
      headers: { compression: 'application/x-gzip', large: 'x'.repeat(100_000) },
    };
    expect(await published(minimalProperties(of(properties), { 'x-loghive-rounds': 3 }))).toMatchObject({
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      timestamp: 5,
      headers: { compression: 'application/x-gzip', 'x-loghive-rounds': 3 },
    });
    expect(minimalProperties(of({ headers: { compression: 5 } }), { 'x-loghive-rounds': 1 })).toEqual({
      headers: { 'x-loghive-rounds': 1 },
    });
  });

  test.each([Number.NaN, -1, 0.5, 2 ** 60, 'yesterday', undefined])('have no timestamp of %s', (timestamp) => {
    expect(timestampOf(of({ timestamp }))).toEqual({});
  });
});
