import amqp from 'amqplib';
import { expect, test } from 'vitest';
import { type DevelopmentBrokerProcess, startDevelopmentBroker } from './development-broker.mjs';
import { onEnd } from './use-servers.js';
import { eventually } from './wait.mjs';

async function useBroker(): Promise<DevelopmentBrokerProcess> {
  const broker = await startDevelopmentBroker();
  onEnd(() => broker.stop());
  return broker;
}

test('a development broker in its own process is administered like RabbitMQ', async () => {
  const broker = await useBroker();
  const url = await broker.addVhost('shop');
  const connection = await amqp.connect(url);
  const events: string[] = [];
  connection.on('close', (error) => events.push(String(error?.message)));
  for (const name of ['blocked', 'unblocked']) connection.on(name, () => events.push(name));
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => {});
  for (const name of ['kept', 'deleted']) await channel.assertQueue(name);
  channel.sendToQueue('nowhere', Buffer.from('returned'), { mandatory: true });
  await channel.waitForConfirms();
  expect(await broker.counters('shop')).toMatchObject({ returned: 1, redelivered: 0 });

  await broker.deleteQueue('deleted', 'shop');
  expect(await broker.listQueues('shop')).toMatchObject([{ name: 'kept', messages: 0 }]);
  expect(await broker.listQueues()).toEqual([]);

  await broker.setVmWatermark(1);
  channel.sendToQueue('kept', Buffer.from('one'));
  await eventually(() => expect(events).toEqual(['blocked']));
  await broker.setVmWatermark();
  await eventually(() => expect(events).toEqual(['blocked', 'unblocked']));

  expect(await broker.listConnections()).toHaveLength(1);
  expect(await broker.closeConnections()).toBe(1);
  await eventually(() => expect(events[2]).toContain('320 (CONNECTION-FORCED)'));
});

test('a failed request is reported as an error, and the broker keeps running', async () => {
  const broker = await useBroker();
  await expect(broker.addVhost(undefined as unknown as string)).rejects.toThrow('failed to addVhost');
  expect(await broker.listConnections()).toEqual([]);
});
