import { connect, type GetMessage } from 'amqplib';
import { expect, test } from 'vitest';
import { deliveryOf } from '../../consumer/delivery.js';
import { createRepublisher } from '../../consumer/republish.js';
import { brokerConfigOf } from '../support/use-connection.js';
import { onEnd, useBroker } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';

test('another round is the message as it was, without the name of its user, which the broker would refuse, and without CC and BCC, which would make further copies', async () => {
  const broker = await useBroker();
  const connection = await connect(broker.url);
  onEnd(() => connection.close());
  const channel = await connection.createConfirmChannel();
  for (const queue of ['shop_info_logs', 'copies']) await channel.assertQueue(queue);
  const republisher = createRepublisher(
    {
      broker: brokerConfigOf(broker.url),
      queues: { type: 'classic', maxLength: 1000, maxBytes: 1_048_576, messageTtlMs: 60_000 },
      retryDelaysMs: [],
    },
    () => {},
    () => {},
  );
  onEnd(() => republisher.close());
  republisher.open();
  await eventually(() => republisher.isReady);

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
  expect(await republisher.anotherRound(deliveryOf('shop_info_logs', taken))).toBe(true);

  const { properties } = (await channel.get('shop_info_logs', { noAck: true })) as GetMessage;
  expect(properties).toMatchObject({ contentType: 'application/json', appId: 'shop', userId: undefined });
  expect(properties.headers).toEqual({ own: 'header', 'x-loghive-rounds': 1 });
  expect(await channel.get('copies', { noAck: true })).toBe(false);
});
