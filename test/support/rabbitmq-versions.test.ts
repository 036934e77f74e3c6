import { existsSync, readdirSync, readFileSync } from 'node:fs';
import amqp, { type Channel, type GetMessage } from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RabbitmqServer } from './rabbitmq.mjs';
import { RABBITMQ_VERSIONS, requireRabbitmqOf } from './rabbitmq-versions.mjs';
import { onEnd, uniqueName } from './use-servers.js';
import { eventually } from './wait.mjs';

test('an unknown version is rejected with the available ones', async () => {
  await expect(requireRabbitmqOf('3.5')).rejects.toThrow('unknown RabbitMQ version 3.5. Available: 3.10, 4.0, 4.3');
});

/** The differences that docs/development-broker.md lists. */
const FACTS: Record<string, { drops: boolean; nackCounts: boolean; mebibytes: number }> = {
  '3.10': { drops: false, nackCounts: true, mebibytes: 128 },
  '4.0': { drops: true, nackCounts: true, mebibytes: 16 },
  '4.3': { drops: true, nackCounts: false, mebibytes: 16 },
};

describe.each(RABBITMQ_VERSIONS)('RabbitMQ %s', (version) => {
  const { drops, nackCounts, mebibytes } = FACTS[version]!;
  let node: RabbitmqServer;
  beforeAll(async () => {
    // The first run downloads it.
    node = await requireRabbitmqOf(version);
  }, 180_000);
  afterAll(() => node?.stop());

  async function useChannel(vhost: string) {
    const connection = await amqp.connect(await node.addVhost(vhost));
    connection.on('error', () => {});
    onEnd(() => connection.close().catch(() => {}));
    return connection.createConfirmChannel();
  }

  test('has that version, and at-least-once dead-lettering works', async () => {
    expect(node.version).toMatch(new RegExp(`^${version.replace('.', '\\.')}\\.`));
    expect(await node.featureFlags()).toContain('stream_queue');
  });

  test('confirmed messages survive a SIGKILL, and counters and lists are correct', async () => {
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

  test('a policy sets the delivery limit of a queue that was declared without one', async () => {
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

  /**
   * Publishes a message and requeues it `times` times.
   *
   * @returns the number of messages in the queue afterwards.
   */
  async function leftAfter(times: number, requeue: (channel: Channel, message: GetMessage) => void, limits = {}) {
    const vhost = uniqueName('returned');
    const channel = await useChannel(vhost);
    await channel.assertQueue('q', { arguments: { 'x-queue-type': 'quorum', ...limits } });
    channel.sendToQueue('q', Buffer.from('x'), { persistent: true });
    await channel.waitForConfirms();
    for (let time = 0; time < times; time++) {
      requeue(channel, (await eventually(() => channel.get('q'))) as GetMessage);
    }
    // When the queue answers this, it has processed everything before.
    await channel.checkQueue('q');
    return (await node.listQueues(vhost))[0]?.messages;
  }
  const nack = (channel: Channel, message: GetMessage) => channel.nack(message);
  const reject = (channel: Channel, message: GetMessage) => channel.reject(message, true);

  test(`a quorum queue without a limit ${drops ? 'drops' : 'keeps'} a message that was requeued 21 times`, async () => {
    expect(await leftAfter(21, reject)).toBe(drops ? 0 : 1);
  });

  test(`a delivery limit of -1 ${drops ? 'disables it' : 'drops a message that was requeued once'}`, async () => {
    expect(await leftAfter(drops ? 21 : 1, reject, { 'x-delivery-limit': -1 })).toBe(drops ? 1 : 0);
  });

  test(`basic.nack ${nackCounts ? 'counts' : 'does not count'} against a delivery limit, basic.reject does`, async () => {
    expect(await leftAfter(4, nack, { 'x-delivery-limit': 3 })).toBe(nackCounts ? 0 : 1);
    expect(await leftAfter(4, reject, { 'x-delivery-limit': 3 })).toBe(0);
  });

  test.each<[string, (channel: Channel) => Promise<unknown>]>([
    [
      'queues that are neither durable nor exclusive',
      (channel) => channel.assertQueue('transient', { durable: false }),
    ],
    ['a prefetch for a whole channel', (channel) => channel.prefetch(1, true)],
    ['lazy queues', (channel) => channel.assertQueue('lazy', { arguments: { 'x-queue-mode': 'lazy' } })],
  ])('accepts %s', async (_what, ask) => {
    await ask(await useChannel(uniqueName('old')));
  });

  test(`accepts messages of up to ${mebibytes} MiB`, async () => {
    expect(await node.eval('{ok, Bytes} = application:get_env(rabbit, max_message_size), Bytes')).toBe(
      String(mebibytes * 1024 * 1024),
    );
  });

  test('rabbitmqctl works', async () => {
    expect(await node.ctl('status')).toContain(node.version);
  });

  test('stop leaves no process and no folder behind', async () => {
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
