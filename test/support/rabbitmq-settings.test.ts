/** Server settings that affect clients, and the errors that clients get. */
import { readFileSync } from 'node:fs';
import amqp from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Peer } from './amqp/peer.js';
import { startDevelopmentBroker } from './development-broker.mjs';
import { type RabbitmqServer, startRabbitmq } from './rabbitmq.mjs';
import { requireRabbitmqOf } from './rabbitmq-versions.mjs';
import { onEnd } from './use-servers.js';
import { eventually } from './wait.mjs';

const GUEST = { user: 'guest', password: 'guest', vhost: '/' };

async function usePeer({ host, port }: { host: string; port: number }): Promise<Peer> {
  const peer = new Peer(port, host, () => {});
  onEnd(() => peer.destroy());
  await peer.login(GUEST);
  return peer;
}

describe.each([
  ['RabbitMQ with channel_max = 2', () => startRabbitmq({ extraConf: 'channel_max = 2' })],
  ['the development broker with channelMax 2', () => startDevelopmentBroker({ channelMax: 2 })],
] as const)('%s', (_what, start) => {
  test('allows two channels; a third closes the connection with 530, and amqplib does not even request it', async () => {
    const server = await start();
    onEnd(() => server.stop());
    const peer = await usePeer(server);
    expect(peer.received.find(({ method }) => method === 'connection.tune')?.args.channelMax).toBe(2);
    await peer.channel(1);
    await peer.channel(2);
    peer.unopened(3).send('channel.open');
    await peer.end();
    expect(peer.received.at(-1)?.args).toEqual({
      replyCode: 530,
      replyText: 'NOT_ALLOWED - number of channels opened (2) has reached the negotiated channel_max (2)',
      classId: 0,
      methodId: 0,
    });

    const connection = await amqp.connect(server.url);
    onEnd(() => connection.close());
    await connection.createChannel();
    await connection.createChannel();
    await expect(connection.createChannel()).rejects.toThrow('No channels left to allocate');
  });
});

async function useImpatient(server: RabbitmqServer): Promise<Peer> {
  await server.setConsumerTimeout(1000);
  const peer = await usePeer(server);
  const channel = await peer.channel(1);
  await channel.call('queue.declare', { queue: 'q', durable: true, arguments: { 'x-queue-type': 'quorum' } });
  await channel.call('basic.consume', { queue: 'q', consumerTag: 'reader' });
  channel.publish('', 'q', 'x');
  await channel.receive('basic.deliver');
  return peer;
}

test('a message unacknowledged for longer than consumer_timeout closes the channel with 406', async () => {
  const server = await startRabbitmq();
  onEnd(() => server.stop());
  const channel = (await useImpatient(server)).unopened(1);
  await channel.closed();
  expect(channel.received.at(-1)).toMatchObject({
    method: 'channel.close',
    args: { replyCode: 406, replyText: expect.stringMatching(/delivery acknowledgement on channel 1 timed out/) },
  });
  await eventually(async () => expect(await server.listQueues()).toMatchObject([{ ready: 1, unacked: 0 }]));
});

describe('on RabbitMQ 4.3', () => {
  let server: RabbitmqServer;
  beforeAll(async () => {
    // The first run downloads it.
    server = await requireRabbitmqOf('4.3');
  }, 180_000);
  afterAll(() => server?.stop());

  test('the consumer is canceled', async () => {
    const channel = (await useImpatient(server)).unopened(1);
    await channel.receive('basic.cancel');
  });
});

test('a server may open as many files as the hard limit allows, regardless of the soft limit', async () => {
  const server = await startRabbitmq();
  onEnd(() => server.stop());
  const [, soft, hard] = /open files\s+(\d+)\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/limits`, 'utf8')) ?? [];
  expect(Number(soft)).toBe(Math.min(Number(hard), 65_536));
});
