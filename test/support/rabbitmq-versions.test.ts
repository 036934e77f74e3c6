import { existsSync, readdirSync, readFileSync } from 'node:fs';
import amqp from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RabbitmqServer } from './rabbitmq.mjs';
import { RABBITMQ_VERSIONS, requireRabbitmqOf } from './rabbitmq-versions.mjs';
import { onEnd } from './use-servers.js';
import { eventually } from './wait.mjs';

test('a version that nobody knows is refused with those that there are', async () => {
  await expect(requireRabbitmqOf('3.5')).rejects.toThrow('there is no RabbitMQ 3.5 for tests, but 4.0 and 4.3');
});

describe.each(RABBITMQ_VERSIONS)('RabbitMQ %s', (version) => {
  let node: RabbitmqServer;
  beforeAll(async () => {
    // The first time it is fetched.
    node = await requireRabbitmqOf(version);
  }, 180_000);
  afterAll(() => node?.stop());

  async function useChannel(vhost: string) {
    const connection = await amqp.connect(await node.addVhost(vhost));
    connection.on('error', () => {});
    onEnd(() => connection.close().catch(() => {}));
    return connection.createConfirmChannel();
  }

  test('is of that version, and at-least-once dead-lettering works', async () => {
    expect(node.version).toMatch(new RegExp(`^${version.replace('.', '\\.')}\\.`));
    expect(await node.featureFlags()).toContain('stream_queue');
  });

  test('confirmed messages survive a SIGKILL, and what was counted and listed is right', async () => {
    const channel = await useChannel('durable');
    await channel.assertQueue('q', { arguments: { 'x-queue-type': 'quorum' } });
    for (let i = 0; i < 100; i++) channel.sendToQueue('q', Buffer.from(String(i)), { persistent: true });
    channel.sendToQueue('nobody', Buffer.from('x'), { mandatory: true });
    await channel.waitForConfirms();
    expect(await node.counters()).toMatchObject({ returned: 1, redelivered: 0 });
    await node.sync();
    await node.restart('SIGKILL');
    await eventually(async () => {
      expect(await node.listQueues('durable')).toMatchObject([{ name: 'q', type: 'quorum', ready: 100, unacked: 0 }]);
    });
  });

  test('a policy limits the deliveries of a queue that was declared without a limit', async () => {
    const channel = await useChannel('limited');
    await node.setPolicy('limit', '^q$', { 'delivery-limit': 1 }, { vhost: 'limited' });
    await channel.assertQueue('q', { arguments: { 'x-queue-type': 'quorum' } });
    channel.sendToQueue('q', Buffer.from('x'));
    await channel.waitForConfirms();
    for (let times = 1; times <= 2; times++) {
      const message = await eventually(() => channel.get('q'));
      if (message) channel.reject(message, true);
    }
    await eventually(async () => expect((await node.counters()).overDeliveryLimit).toBe(1));
    expect(await node.listQueues('limited')).toMatchObject([{ messages: 0 }]);
  });

  test('rabbitmqctl works', async () => {
    expect(await node.ctl('status')).toContain(node.version);
  });

  test('stop leaves no process and no folder', async () => {
    const { dir } = node;
    await node.stop();
    expect(existsSync(dir)).toBe(false);
    const left = readdirSync('/proc').filter((pid) => {
      try {
        return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(dir);
      } catch {
        return false;
      }
    });
    expect(left).toEqual([]);
  });
});
