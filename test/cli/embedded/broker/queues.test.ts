/** Queues and exchanges as clients see them. test/cli/embedded/conformance compares them with RabbitMQ literally. */
import type { ConfirmChannel, ConsumeMessage, GetMessage, Options } from 'amqplib';
import { describe, expect, test } from 'vitest';
import { eventually } from '../../../support/wait.mjs';
import { useChannel, useClient, useDevelopmentBroker } from './use-development-broker.js';

const QUORUM = { 'x-queue-type': 'quorum' };

async function useQueue(name: string, settings: Record<string, unknown> = {}) {
  const broker = await useDevelopmentBroker();
  const channel = await useChannel(broker.url);
  await channel.assertQueue(name, { durable: true, arguments: settings });
  return { broker, channel, info: () => broker.listQueues().find((queue) => queue.name === name) };
}

async function publish(channel: ConfirmChannel, queue: string, texts: string[], options?: Options.Publish) {
  for (const text of texts) channel.sendToQueue(queue, Buffer.from(text), options);
  await channel.waitForConfirms();
}

const numbers = (count: number) => Array.from({ length: count }, (_, n) => String(n));

async function takeAll(channel: ConfirmChannel, queue: string): Promise<string[]> {
  const taken: string[] = [];
  for (;;) {
    const message = await channel.get(queue, { noAck: true });
    if (!message) return taken;
    taken.push(`${message.content}${message.fields.redelivered ? ' again' : ''}`);
  }
}

/** Whether each publish was confirmed. */
function confirmed(channel: ConfirmChannel, queue: string, count: number): Promise<boolean[]> {
  return Promise.all(
    numbers(count).map(
      (text) =>
        new Promise<boolean>((resolve) =>
          channel.sendToQueue(queue, Buffer.from(text), {}, (error) => resolve(!error)),
        ),
    ),
  );
}

/** How the channel closes. */
function endOf(channel: ConfirmChannel): Promise<string> {
  return new Promise((resolve) => channel.once('error', ({ message }) => resolve(message)));
}

describe('a requeued message', () => {
  test.each([
    ['a classic queue, to where it was', {}, ['0 again', '1 again', '2 again', '3', '4']],
    ['a quorum queue, to its end', QUORUM, ['3', '4', '2 again', '0 again', '1 again']],
    [
      'a quorum queue with a delivery limit, before all others',
      { ...QUORUM, 'x-delivery-limit': 3 },
      ['2 again', '0 again', '1 again', '3', '4'],
    ],
  ])('returns in %s', async (_how, settings, order) => {
    const { channel } = await useQueue('q', settings);
    await publish(channel, 'q', numbers(5));
    const taken: GetMessage[] = [];
    for (let n = 0; n < 3; n++) taken.push((await channel.get('q')) as GetMessage);
    for (const n of [2, 0, 1]) channel.nack(taken[n]!, false, true);
    expect(await takeAll(channel, 'q')).toEqual(order);
  });

  test('returns in order when the channel closes, however many there are', async () => {
    const { broker, channel } = await useQueue('q');
    const all = numbers(20_000);
    await publish(channel, 'q', all);
    const other = await useClient(broker.url);
    const reader = await other.createChannel();
    await reader.consume('q', () => {});
    await eventually(() => expect(broker.listQueues()).toMatchObject([{ ready: 0, unacked: all.length }]));
    await reader.close();
    const taken: string[] = [];
    await channel.consume('q', (message) => message && taken.push(message.content.toString()), { noAck: true });
    await eventually(() => expect(taken).toHaveLength(all.length));
    expect(taken).toEqual(all);
  });

  test('is counted in a header by a quorum queue', async () => {
    const { channel } = await useQueue('q', QUORUM);
    await publish(channel, 'q', ['x'], { headers: { mine: 1 } });
    const seen: unknown[] = [];
    await channel.consume('q', (message) => {
      if (message === null) return;
      seen.push([message.fields.redelivered, message.properties.headers]);
      if (seen.length < 3) channel.nack(message);
      else channel.ack(message);
    });
    await eventually(() => expect(seen).toHaveLength(3));
    expect(seen).toEqual([
      [false, { mine: 1 }],
      [true, { mine: 1, 'x-delivery-count': 1 }],
      [true, { mine: 1, 'x-delivery-count': 2 }],
    ]);
  });
});

describe('a consumer', () => {
  test('never has more unacknowledged messages than its prefetch, and gets more as it acknowledges', async () => {
    const { channel, info } = await useQueue('q');
    await publish(channel, 'q', numbers(10));
    const taken: ConsumeMessage[] = [];
    await channel.prefetch(4);
    await channel.consume('q', (message) => message && taken.push(message));
    await eventually(() => expect(taken).toHaveLength(4));
    expect(info()).toMatchObject({ ready: 6, unacked: 4 });
    channel.ack(taken[1]!, true);
    await eventually(() => expect(taken).toHaveLength(6));
    expect(info()).toMatchObject({ ready: 4, unacked: 4 });
    channel.ackAll();
    await eventually(() => expect(taken).toHaveLength(10));
  });

  test('takes turns with the others', async () => {
    const { channel } = await useQueue('q');
    const taken: string[] = [];
    for (const name of ['a', 'b', 'c']) await channel.consume('q', () => taken.push(name), { noAck: true });
    await publish(channel, 'q', numbers(9));
    await eventually(() => expect(taken.join('')).toBe('abcabcabc'));
  });

  test('shares a global prefetch with the other consumers of its channel', async () => {
    const { channel, info } = await useQueue('q');
    await channel.prefetch(3, true);
    for (let n = 0; n < 2; n++) await channel.consume('q', () => {});
    await publish(channel, 'q', numbers(10));
    await eventually(() => expect(info()).toMatchObject({ ready: 7, unacked: 3 }));
    channel.ackAll();
    await eventually(() => expect(info()).toMatchObject({ ready: 4, unacked: 3 }));
  });

  test('is notified when its queue is deleted', async () => {
    const { channel } = await useQueue('q');
    let cancelled = false;
    await channel.consume('q', (message) => {
      cancelled = message === null;
    });
    await channel.deleteQueue('q');
    await eventually(() => cancelled);
  });

  test('loses its channel if it acknowledges an unknown delivery', async () => {
    const { channel } = await useQueue('q');
    const end = endOf(channel);
    channel.ack({ fields: { deliveryTag: 7 } } as ConsumeMessage);
    expect(await end).toContain('PRECONDITION_FAILED - unknown delivery tag 7');
  });
});

describe('a full queue', () => {
  const limits = { 'x-max-length': 5, 'x-overflow': 'reject-publish' };
  test('refuses further messages', async () => {
    const { channel } = await useQueue('q', limits);
    expect(await confirmed(channel, 'q', 8)).toEqual([...Array(5).fill(true), ...Array(3).fill(false)]);
    expect(await takeAll(channel, 'q')).toEqual(numbers(5));
  });

  test('of type quorum accepts one more, and resumes below four fifths', async () => {
    const { channel } = await useQueue('q', { ...limits, ...QUORUM });
    expect(await confirmed(channel, 'q', 8)).toEqual([...Array(6).fill(true), false, false]);
    await channel.get('q', { noAck: true });
    expect(await confirmed(channel, 'q', 1)).toEqual([false]);
    await channel.get('q', { noAck: true });
    expect(await confirmed(channel, 'q', 3)).toEqual([true, true, false]);
  });

  test('drops its oldest messages unless its overflow is reject-publish', async () => {
    const { channel } = await useQueue('q', { 'x-max-length-bytes': 3 });
    await publish(channel, 'q', numbers(6));
    expect(await takeAll(channel, 'q')).toEqual(['3', '4', '5']);
  });
});

describe('a dead letter', () => {
  test('records where and how often it died, and keeps its properties', async () => {
    const { channel } = await useQueue('q', { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' });
    await channel.assertQueue('dead');
    const properties = {
      contentType: 'a/b',
      messageId: 'm',
      timestamp: 5,
      headers: { z: 1, a: { '!': 'long', value: 2 } },
    };
    await publish(channel, 'q', ['x'], { ...properties, expiration: '60000' });
    for (const count of [1, 2]) {
      channel.reject((await channel.get('q')) as GetMessage, false);
      const dead = (await channel.get('dead', { noAck: true })) as GetMessage;
      expect(dead.properties).toMatchObject({ contentType: 'a/b', messageId: 'm', timestamp: 5 });
      expect(dead.properties.expiration).toBeUndefined();
      expect(dead.properties.headers).toMatchObject({
        z: 1,
        a: 2,
        'x-first-death-queue': 'q',
        'x-first-death-reason': 'rejected',
        'x-first-death-exchange': '',
        'x-death': [
          {
            count,
            reason: 'rejected',
            queue: 'q',
            exchange: '',
            'routing-keys': ['q'],
            'original-expiration': '60000',
          },
        ],
      });
      channel.sendToQueue('q', dead.content, { ...properties, headers: dead.properties.headers });
      await channel.waitForConfirms();
    }
  });

  test('is dead-lettered in order when it expires', async () => {
    const { channel, info } = await useQueue('q', {
      'x-message-ttl': 50,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': 'dead',
    });
    await channel.assertQueue('dead');
    await publish(channel, 'q', numbers(3));
    await eventually(() => expect(info()).toMatchObject({ messages: 0 }));
    expect(await takeAll(channel, 'dead')).toEqual(numbers(3));
  });

  test('waits for its queue with at-least-once dead-lettering', async () => {
    const atLeastOnce = { ...QUORUM, 'x-dead-letter-strategy': 'at-least-once', 'x-overflow': 'reject-publish' };
    const { broker, channel } = await useQueue('q', {
      ...atLeastOnce,
      'x-message-ttl': 1,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': 'dead',
    });
    await publish(channel, 'q', numbers(2));
    await eventually(() => expect(broker.listQueues()).toMatchObject([{ messages: 0 }]));
    await channel.assertQueue('dead', { durable: true, arguments: { ...QUORUM, 'x-overflow': 'reject-publish' } });
    await eventually(() => expect(broker.listQueues()).toMatchObject([{ messages: 0 }, { messages: 2 }]));
  });

  test('is dead-lettered at its delivery limit', async () => {
    const { channel } = await useQueue('q', {
      ...QUORUM,
      'x-delivery-limit': 1,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': 'dead',
    });
    await channel.assertQueue('dead');
    await publish(channel, 'q', ['x']);
    for (let n = 0; n < 2; n++) channel.nack((await channel.get('q')) as GetMessage);
    const dead = (await channel.get('dead', { noAck: true })) as GetMessage;
    expect(dead.properties.headers?.['x-death']).toMatchObject([{ reason: 'delivery_limit', count: 1 }]);
  });

  test('is dropped if it would circulate forever', async () => {
    const { channel, info } = await useQueue('q', {
      'x-message-ttl': 1,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': 'q',
    });
    await publish(channel, 'q', ['x']);
    await eventually(() => expect(info()).toMatchObject({ messages: 0 }));
    expect(await takeAll(channel, 'q')).toEqual([]);
  });
});

test.each(['x-dead-letter-exchange', 'x-dead-letter-routing-key'])(
  'a queue is refused when its %s is too long to be one',
  async (name) => {
    const { channel } = await useQueue('q');
    const settings = { 'x-dead-letter-exchange': '', [name]: 'x'.repeat(256) };
    await expect(channel.assertQueue('long', { arguments: settings })).rejects.toThrow(
      /PRECONDITION_FAILED - invalid arg '.*' for queue 'long' in vhost '\/': not_a_short_string/,
    );
  },
);

describe('an unused queue', () => {
  test('is deleted with its connection if exclusive, and no other connection may use it', async () => {
    const broker = await useDevelopmentBroker();
    const owner = await useClient(broker.url);
    const { queue } = await (await owner.createChannel()).assertQueue('', { exclusive: true });
    expect(queue).toMatch(/^amq\.gen-/);
    const other = await useChannel(broker.url);
    await expect(other.checkQueue(queue)).rejects.toThrow(/405 .*cannot obtain exclusive access to locked queue/);
    await owner.close();
    await eventually(() => expect(broker.listQueues()).toEqual([]));
  });

  test('is deleted with its last consumer, or after being unused for its x-expires', async () => {
    const broker = await useDevelopmentBroker();
    const channel = await useChannel(broker.url);
    await channel.assertQueue('auto', { autoDelete: true });
    await channel.assertQueue('unused', { arguments: { 'x-expires': 50 } });
    const { consumerTag } = await channel.consume('auto', () => {});
    await channel.cancel(consumerTag);
    await eventually(() => expect(broker.listQueues()).toEqual([]));
  });
});

test('messages are delivered byte for byte: properties, headers of every type, multi-frame bodies', async () => {
  const { channel } = await useQueue('q');
  const headers = {
    text: 'Grüße',
    whole: 7,
    fraction: 2.5,
    big: 9007199254740991,
    yes: true,
    nothing: null,
    list: [1, 'x', { y: 2.5 }],
    time: { '!': 'timestamp', value: 1_700_000_000 },
    bytes: Buffer.from([0, 255, 128]),
  };
  const properties = {
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    deliveryMode: 2,
    priority: 3,
    correlationId: 'c',
    replyTo: 'r',
    messageId: 'm',
    timestamp: 1_700_000_001,
    type: 't',
    userId: 'guest',
    appId: 'a',
  };
  const body = Buffer.alloc(300_000, 'ä');
  channel.sendToQueue('q', body, { ...properties, headers });
  channel.sendToQueue('q', Buffer.alloc(0));
  await channel.waitForConfirms();
  const message = (await channel.get('q', { noAck: true })) as GetMessage;
  expect(message.content.equals(body)).toBe(true);
  expect(message.properties).toMatchObject(properties);
  expect(message.properties.headers).toEqual(headers);
  expect(await takeAll(channel, 'q')).toEqual(['']);
});

test('an unroutable mandatory message is returned before it is confirmed', async () => {
  const { channel } = await useQueue('q');
  const events: string[] = [];
  channel.on('return', ({ fields, content }) =>
    events.push(`${Object.values(fields).slice(0, 2).join(' ')} ${content}`),
  );
  channel.publish('', 'nowhere', Buffer.from('x'), { mandatory: true }, () => events.push('confirmed'));
  await channel.waitForConfirms();
  expect(events).toEqual(['312 NO_ROUTE x', 'confirmed']);
});

describe('an unsupported feature closes the connection with 540', () => {
  type Ask = (channel: ConfirmChannel) => unknown;
  test.each<[string, Ask]>([
    ['another exchange than a direct one', (channel) => channel.assertExchange('x', 'topic')],
    ['an alternate exchange', (channel) => channel.assertExchange('x', 'direct', { alternateExchange: 'y' })],
    ['a binding between exchanges', (channel) => channel.bindExchange('amq.direct', 'amq.direct', 'x')],
    ['a stream', (channel) => channel.assertQueue('x', { durable: true, arguments: { 'x-queue-type': 'stream' } })],
    ['priorities', (channel) => channel.assertQueue('x', { maxPriority: 5 })],
    [
      'a single active consumer',
      (channel) => channel.assertQueue('x', { arguments: { 'x-single-active-consumer': true } }),
    ],
    [
      'a consumer of a priority',
      async (channel) => {
        await channel.assertQueue('x');
        await channel.consume('x', () => {}, { priority: 1 });
      },
    ],
    [
      'a global prefetch on a quorum queue',
      async (channel) => {
        await channel.assertQueue('x', { durable: true, arguments: QUORUM });
        await channel.prefetch(1, true);
        await channel.consume('x', () => {});
      },
    ],
    ['copies', (channel) => channel.publish('', 'x', Buffer.from(''), { CC: 'y' })],
  ])('%s', async (_what, ask) => {
    const { url } = await useDevelopmentBroker();
    const connection = await useClient(url);
    const ended = new Promise<string>((resolve) => connection.once('error', ({ message }) => resolve(message)));
    const channel = await connection.createConfirmChannel();
    channel.on('error', () => {});
    Promise.resolve(ask(channel)).catch(() => {});
    expect(await ended).toMatch(/540 \(NOT-IMPLEMENTED\)/);
  });
});
