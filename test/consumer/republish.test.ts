import { connect, type GetMessage } from 'amqplib';
import { expect, test } from 'vitest';
import { createRepublisher } from '../../consumer/republish.js';
import { startDevelopmentBroker } from '../support/development-broker.mjs';
import { startRabbitmq } from '../support/rabbitmq.mjs';
import { brokerConfigOf } from '../support/use-connection.js';
import { onEnd, useBroker } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';
import { messageOf } from './message.js';

/** Republishes to `shop_info_logs`, which the channel consumes. */
async function useRepublisher(url: string) {
  const connection = await connect(url);
  onEnd(() => connection.close());
  const channel = await connection.createConfirmChannel();
  for (const queue of ['shop_info_logs', 'copies']) await channel.assertQueue(queue);
  const republisher = createRepublisher(
    {
      broker: brokerConfigOf(url),
      queues: { type: 'classic', maxLength: 1000, maxBytes: 1_048_576, messageTtlMs: 60_000 },
      retryDelaysMs: [],
    },
    () => {},
    () => {},
  );
  onEnd(() => republisher.close());
  republisher.open();
  await eventually(() => republisher.isReady);
  return { channel, republisher };
}

test('a message is republished unchanged, except for its user name, which the broker would refuse, and CC and BCC, which would make further copies', async () => {
  const broker = await useBroker();
  const { channel, republisher } = await useRepublisher(broker.url);

  const taken = {
    content: Buffer.from('{}'),
    fields: { consumerTag: 'c', deliveryTag: 1, redelivered: true, exchange: '', routingKey: 'shop_info_logs' },
    properties: {
      contentType: 'application/json',
      userId: 'somebody',
      appId: 'shop',
      headers: { CC: ['copies'], BCC: ['copies'], own: 'header', 'x-delivery-count': 10 },
    },
    // biome-ignore lint/suspicious/noExplicitAny: amqplib's type wants every property, most of them undefined
  } as any;
  expect(await republisher.requeueAsNew('shop_info_logs', taken)).toBe(true);

  const { properties } = (await channel.get('shop_info_logs', { noAck: true })) as GetMessage;
  expect(properties).toMatchObject({ contentType: 'application/json', appId: 'shop', userId: undefined });
  expect(properties.headers).toEqual({
    own: 'header',
    'x-loghive-rounds': 1,
    'x-loghive-first-round': expect.any(Number),
  });
  expect(await channel.get('copies', { noAck: true })).toBe(false);
});

test.each([
  ['RabbitMQ', () => startRabbitmq({ extraConf: 'frame_max = 8192' })],
  ['the development broker', () => startDevelopmentBroker({ frameMax: 8192 })],
])(
  'headers that only just fit into a frame of %s are left out of the copy, which has two more, and the connection stays',
  async (_name, start) => {
    const server = await start();
    onEnd(() => server.stop());
    const { channel, republisher } = await useRepublisher(server.url);
    const { connectedAt } = republisher.status();
    for (const bytes of [7000, ...Array.from({ length: 24 }, (_, n) => 8192 - 100 + 4 * n)]) {
      const headers = { long: 'x'.repeat(bytes), compression: 'gzip' };
      const taken = messageOf('{}', { headers });
      expect(await republisher.requeueAsNew('shop_info_logs', taken)).toBe(true);
      const { properties } = (await channel.get('shop_info_logs', { noAck: true })) as GetMessage;
      const fits = properties.headers?.long !== undefined;
      expect(properties.headers).toEqual({
        ...(fits ? headers : { compression: 'gzip' }),
        'x-loghive-rounds': 1,
        'x-loghive-first-round': expect.any(Number),
      });
      if (bytes === 7000) expect(fits).toBe(true);
    }
    expect(republisher.status()).toMatchObject({ state: 'ready', connectedAt });
  },
);
