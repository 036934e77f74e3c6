/** Protection of the broker's memory: publishers are blocked, and clients that do not read get no more messages. */
import type { ChannelModel } from 'amqplib';
import { describe, expect, test } from 'vitest';
import type { DevelopmentBroker } from '../../../../cli/embedded/broker/index.js';
import { eventually } from '../../../support/wait.mjs';
import { methodFrame, opening, publishFrames, usePeer } from './peer.js';
import { useChannel, useClient, useDevelopmentBroker } from './use-development-broker.js';

const MIB = 1024 * 1024;

function blocking(connection: ChannelModel): string[] {
  const events: string[] = [];
  connection.on('blocked', (reason) => events.push(`blocked: ${reason}`));
  connection.on('unblocked', () => events.push('unblocked'));
  return events;
}

const ready = (broker: DevelopmentBroker) => broker.listQueues()[0]?.ready ?? 0;

describe('while publishing is blocked', () => {
  test('a publishing connection is notified and not read; one that only consumes continues', async () => {
    const broker = await useDevelopmentBroker();
    const publisher = await useClient(broker.url);
    const events = blocking(publisher);
    const channel = await publisher.createConfirmChannel();
    await channel.assertQueue('q');
    channel.sendToQueue('q', Buffer.from('before'));
    await channel.waitForConfirms();
    broker.block('low on memory');
    expect(events).toEqual([]);
    channel.sendToQueue('q', Buffer.from('the one that blocks'));
    await eventually(() => expect(events).toEqual(['blocked: low on memory']));
    expect(broker.listConnections()).toMatchObject([{ state: 'blocked' }]);

    // As with RabbitMQ, it is not read completely.
    channel.sendToQueue('q', Buffer.from('one more'));
    const taker = await useChannel(broker.url);
    const message = await taker.get('q', { noAck: true });
    expect(message).toMatchObject({ content: Buffer.from('before') });
    expect(ready(broker)).toBe(0);

    broker.unblock();
    await channel.waitForConfirms();
    expect(events).toEqual(['blocked: low on memory', 'unblocked']);
    expect(ready(broker)).toBe(2);
  });
});

test('publishers are blocked above the memory limit until enough is consumed', async () => {
  const broker = await useDevelopmentBroker({ memoryBytes: MIB });
  const publisher = await useClient(broker.url);
  const events = blocking(publisher);
  const channel = await publisher.createConfirmChannel();
  await channel.assertQueue('q');
  let confirmed = 0;
  for (let n = 0; n < 64; n++) channel.sendToQueue('q', Buffer.alloc(64 * 1024), {}, () => confirmed++);
  await eventually(() => expect(events).toEqual(['blocked: low on memory']));
  expect(confirmed).toBeLessThan(64);

  const taker = await useChannel(broker.url);
  await taker.consume('q', (message) => message && taker.ack(message));
  await channel.waitForConfirms();
  expect(confirmed).toBe(64);
  expect(events.at(-1)).toBe('unblocked');
});

test('a consumer that does not read gets little more than its socket buffers', async () => {
  const broker = await useDevelopmentBroker();
  const channel = await useChannel(broker.url);
  await channel.assertQueue('q');
  for (let n = 0; n < 300; n++) channel.sendToQueue('q', Buffer.alloc(128 * 1024));
  await channel.waitForConfirms();

  const peer = await usePeer(broker.port);
  peer.socket.pause();
  const consume = {
    ticket: 0,
    queue: 'q',
    consumerTag: 'c',
    noLocal: false,
    noAck: false,
    exclusive: false,
    nowait: false,
  };
  peer.socket.write(Buffer.concat([opening(), methodFrame(1, 'basic.consume', { ...consume, arguments: [] })]));
  await eventually(() => expect(broker.listQueues()).toMatchObject([{ consumers: 1 }]));
  // The kernel buffers some megabytes; the rest stays in the queue.
  await channel.checkQueue('q');
  expect(ready(broker)).toBeGreaterThan(100);

  peer.socket.resume();
  await eventually(() => expect(peer.received.bodyBytes).toBe(300 * 128 * 1024));
  expect(broker.listQueues()).toMatchObject([{ ready: 0, unacked: 300 }]);
});

test('a client that sends requests without reading replies is not read any more', async () => {
  const broker = await useDevelopmentBroker();
  const channel = await useChannel(broker.url);
  await channel.assertQueue('q');
  const size = 64 * 1024;
  for (let n = 0; n < 1000; n++) channel.sendToQueue('q', Buffer.alloc(size));
  await channel.waitForConfirms();

  const peer = await usePeer(broker.port);
  peer.socket.pause();
  const get = methodFrame(1, 'basic.get', { ticket: 0, queue: 'q', noAck: true });
  peer.socket.write(opening());
  for (let n = 0; n < 1000; n++) {
    // One write each, so that the broker does not receive all of them in one chunk.
    peer.socket.write(get);
    if (n % 50 === 0) await channel.checkQueue('q');
  }
  peer.socket.write(publishFrames(1, 'after', 'x'));
  expect(ready(broker)).toBeGreaterThan(100);
  peer.socket.resume();
  await eventually(() => expect(peer.received.bodyBytes).toBe(1000 * size));
});

test('a message above the size limit closes its channel before it arrives', async () => {
  const broker = await useDevelopmentBroker({ maxMessageBytes: 1000 });
  const channel = await useChannel(broker.url);
  const errors: string[] = [];
  channel.on('error', ({ message }) => errors.push(message));
  channel.sendToQueue('q', Buffer.alloc(1001));
  await eventually(() =>
    expect(errors).toEqual([expect.stringMatching(/406 .*message size 1001 is larger than configured max size 1000/)]),
  );
});
