/** The development broker as a client sees it. */
import { expect, test } from 'vitest';
import { eventually } from '../../../support/wait.mjs';
import { useChannel, useDevelopmentBroker } from './use-development-broker.js';

test('a confirmed message is delivered, and removed once it is acknowledged', async () => {
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

test('redeliveries, returns and dropped messages are counted per virtual host', async () => {
  const broker = await useDevelopmentBroker();
  broker.addVhost('other');
  const channel = await useChannel(broker.url);
  await channel.assertQueue('short', { arguments: { 'x-max-length': 1 } });
  await channel.assertQueue('strict', { arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 1 } });
  channel.sendToQueue('nowhere', Buffer.from('returned'), { mandatory: true });
  channel.sendToQueue('nowhere', Buffer.from('dropped'));
  for (const text of ['one', 'two']) channel.sendToQueue('short', Buffer.from(text));
  channel.sendToQueue('strict', Buffer.from('three'));
  await channel.waitForConfirms();
  for (let time = 0; time < 2; time++) {
    const message = await channel.get('strict');
    if (message) channel.nack(message);
  }
  expect(await channel.get('strict')).toBe(false);
  const counts = { redelivered: 1, returned: 1, unroutable: 1, overLength: 1, overDeliveryLimit: 1 };
  expect(broker.messageCounts()).toEqual(counts);
  expect(broker.messageCounts('other')).toMatchObject({ redelivered: 0, returned: 0 });
});
