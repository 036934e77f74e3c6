/** The development broker as a client meets it. */
import { expect, test } from 'vitest';
import { eventually } from '../../../support/wait.mjs';
import { useChannel, useDevelopmentBroker } from './use-development-broker.js';

test('what is published with a confirm is delivered, and gone once it is acknowledged', async () => {
  const broker = await useDevelopmentBroker();
  const channel = await useChannel(broker.url);
  await channel.assertExchange('logs', 'direct', { durable: true });
  await channel.assertQueue('shop', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  await channel.bindQueue('shop', 'logs', 'shop.info');
  for (const text of ['one', 'two']) channel.publish('logs', 'shop.info', Buffer.from(text), { persistent: true });
  await channel.waitForConfirms();
  expect(broker.listQueues()).toMatchObject([{ name: 'shop', type: 'quorum', ready: 2, unacked: 0 }]);

  const taken: string[] = [];
  await channel.consume('shop', (message) => {
    if (message === null) return;
    taken.push(message.content.toString());
    channel.ack(message);
  });
  await eventually(() => expect(taken).toEqual(['one', 'two']));
  await eventually(() => expect(broker.listQueues()).toMatchObject([{ messages: 0, consumers: 1 }]));
});
