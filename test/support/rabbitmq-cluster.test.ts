import amqp from 'amqplib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RabbitmqCluster, startRabbitmqCluster } from './rabbitmq-cluster.mjs';
import { onEnd } from './use-servers.js';
import { eventually } from './wait.mjs';

let cluster: RabbitmqCluster;
beforeAll(async () => {
  cluster = await startRabbitmqCluster();
});
afterAll(() => cluster?.stop());

test('messages confirmed by a quorum queue survive the death of its leader, which comes back as a follower', async () => {
  await cluster.addVhost('led');
  const [first, second] = cluster.members;
  const connection = await amqp.connect(first.vhostUrl('led'));
  connection.on('error', () => {});
  onEnd(() => connection.close().catch(() => {}));
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue('q', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  channel.sendToQueue('q', Buffer.from('x'), { persistent: true });
  await channel.waitForConfirms();
  await eventually(() => cluster.isWhole('led'));
  const leader = await cluster.leaderOf('q', 'led');
  expect(leader).toBe(first);

  await first.sync();
  await first.kill();
  expect(cluster.running()).toBe(second);
  await eventually(async () => expect(await second.listQueues('led')).toMatchObject([{ name: 'q', ready: 1 }]));
  expect(await cluster.isWhole('led')).toBe(false);

  await first.start();
  await eventually(() => cluster.isWhole('led'));
  expect(await cluster.leaderOf('q', 'led')).not.toBe(first);
});
