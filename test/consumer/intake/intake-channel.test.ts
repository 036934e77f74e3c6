import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { IntakeChannel } from '../../../consumer/intake/intake-channel.js';
import { createTopology } from '../../../src/amqp/topology.js';
import { LoghiveError } from '../../../src/errors.js';
import { FAILURE_QUEUE, failureQueue, logQueues, type QueueSettings } from '../../../src/wire.js';
import { useConnection } from '../../support/use-connection.js';
import { useBroker, useProxy } from '../../support/use-servers.js';
import { eventually } from '../../support/wait.mjs';

const SETTINGS: QueueSettings = {
  type: 'classic',
  maxLength: 1000,
  maxBytes: 1024 * 1024,
  messageTtlMs: 60_000,
};

async function useSession({ answerMs, ...settings }: { heartbeatS?: number; answerMs?: number } = {}) {
  // Each test has its own queues, so that leftover messages do not affect the next one.
  const broker = await useBroker();
  const proxy = await useProxy(broker.url);
  const { received, is } = useConnection(proxy.url(broker.url), settings);
  await is('ready');
  const connection = received[0]!.connection!;
  const lost: string[] = [];
  const refused: string[] = [];
  const topology = createTopology(() => {});
  const declaration = failureQueue('classic', SETTINGS, connection.serverVersion);
  const tags: number[] = [];
  const session = new IntakeChannel(connection, topology, [declaration], {
    prefetchBytes: 1024 * 1024,
    batchRecords: 1000,
    isSevere: () => false,
    onMessage: (_, __, message) => {
      tags.push(message.fields.deliveryTag);
      return 1;
    },
    onLost: (_, error) => lost.push(error.message),
    onHazard: () => {},
    onRefused: ({ queue }, _, endsConnection) => refused.push(endsConnection ? `${queue} on any connection` : queue),
    ...(answerMs === undefined ? {} : { answerMs }),
  });
  const consumers = async () => (await broker.listQueues()).reduce((sum, queue) => sum + queue.consumers, 0);
  const subscribedTo = async (queue: string) =>
    (await broker.listQueues()).some(({ name, consumers: count }) => name === queue && count > 0);
  const declarations = (...services: string[]) =>
    services.flatMap((service) => logQueues(service, SETTINGS, connection.serverVersion));
  return { proxy, session, lost, refused, topology, consumers, subscribedTo, connection, tags, declarations };
}

describe('an intake channel', () => {
  test('consumes from its queues until it is ended', async () => {
    const { session, lost, consumers } = await useSession();
    await session.open();
    expect(await consumers()).toBe(1);
    await session.end();
    await eventually(async () => (await consumers()) === 0);
    expect(session.isEnded).toBe(true);
    expect(lost).toEqual([]);
  });

  test('finishes ending if the connection is lost before the broker answers', async () => {
    const { proxy, session, lost } = await useSession();
    await session.open();
    proxy.halfOpen();
    const ended = session.end();
    await proxy.reset();
    await ended;
    expect(session.isEnded).toBe(true);
    expect(lost).toEqual([]);
  });

  test('leaves no channel open when ended before that was opened', async () => {
    const { session, consumers } = await useSession();
    const opened = session.open();
    await session.end();
    await opened;
    expect(await consumers()).toBe(0);
  });

  test('is lost when its connection is lost while it opens its channel', async () => {
    const { session, lost, consumers } = await useSession();
    const opened = session.open();
    session.lose(new Error('gone'));
    await opened;
    expect(session.isEnded).toBe(true);
    expect(lost).toEqual(['gone']);
    expect(await consumers()).toBe(0);
  });

  test('reports that it is lost when there is no connection to open a channel on', async () => {
    const { proxy, session, lost } = await useSession();
    await proxy.reset();
    await session.open();
    expect(session.isEnded).toBe(true);
    expect(lost).toHaveLength(1);
  });

  test('consumes from a queue that is added at any moment, and from each queue once', async () => {
    const { session, lost, consumers, declarations } = await useSession();
    const more = declarations('shop', 'till');
    const [first, second] = [more.slice(0, 5), more.slice(5)];
    const opened = session.open();
    session.add(first);
    await opened;
    expect(await consumers()).toBe(6);
    session.add([...more, ...more]);
    await eventually(async () => (await consumers()) === 1 + first.length + second.length);
    expect(lost).toEqual([]);
  });

  test('blames no queue if the channel closes for another reason while subscribing', async () => {
    const { session, connection, lost, refused, topology, declarations } = await useSession();
    await session.open();
    const [declaration] = declarations('shop');
    await topology.ensure(connection, declaration!);
    // The broker's answers are held back: the subscription is in flight when the broker closes the channel over the
    // acknowledgement.
    connection.pauseReading();
    session.add([declaration!]);
    session.acknowledge([999]);
    connection.resumeReading();
    await eventually(() => session.isEnded);
    expect(lost).toEqual([expect.stringContaining('unknown delivery tag 999')]);
    expect(refused).toEqual([]);
  });

  test('blames no queue if the connection is lost while declaring', async () => {
    const { proxy, session, connection, refused, declarations } = await useSession();
    await session.open();
    connection.pauseReading();
    session.add(declarations('shop', 'till'));
    await proxy.reset();
    connection.resumeReading();
    session.lose(new Error('gone'));
    await eventually(() => session.isEnded);
    expect(refused).toEqual([]);
  });

  test('blames the queue that is being subscribed to when the broker ends the connection over it', async () => {
    const { session, connection, lost, refused, topology, declarations } = await useSession();
    await session.open();
    const [declaration] = declarations('shop');
    await topology.ensure(connection, declaration!);
    // What RabbitMQ does at a quorum queue without a majority of its nodes. The answer to the subscription never comes.
    connection.pauseReading();
    session.add([declaration!]);
    // Until `basic.consume` is sent.
    await sleep(100);
    const words =
      'Connection closed: 541 (INTERNAL-ERROR) with message "INTERNAL_ERROR - failed consuming from quorum queue"';
    const cause = Object.assign(new Error(words), { code: 541 });
    session.lose(new LoghiveError('LOGHIVE_BROKER_LOST', 'connection ended', { cause }));
    expect(lost).toEqual(['connection ended.']);
    expect(refused).toEqual([`${declaration!.queue} on any connection`]);
  });

  test('ends the connection, and blames the queue, when the broker does not answer about it', async () => {
    const { session, connection, lost, refused, declarations } = await useSession({ answerMs: 300 });
    await session.open();
    const [declaration] = declarations('shop');
    connection.pauseReading();
    session.add([declaration!]);
    await eventually(() => refused.length > 0);
    expect(refused).toEqual([`${declaration!.queue} on any connection`]);
    await eventually(() => session.isEnded);
    expect(lost).toHaveLength(1);
  });

  test('consumes from a queue that was added last before many that were added earlier', async () => {
    const { session, lost, consumers, subscribedTo, declarations } = await useSession();
    const many = declarations(...Array.from({ length: 20 }, (_, n) => `old${n}`));
    const [last] = declarations('new');
    session.add(many);
    const opened = session.open();
    await eventually(async () => (await consumers()) >= 3);
    session.add([last!], 1);
    const before = await consumers();
    await eventually(() => subscribedTo(last!.queue));
    expect(await consumers()).toBeLessThan(before + 20);
    await opened;
    expect(await consumers()).toBe(102);
    expect(lost).toEqual([]);
  });

  test('consumes messages behind an unacknowledged one, even if that arrived together with the subscription', async () => {
    const { session, connection, tags } = await useSession();
    const publishing = await connection.model.createConfirmChannel();
    await publishing.assertQueue(FAILURE_QUEUE, {
      arguments: failureQueue('classic', SETTINGS, connection.serverVersion).arguments,
    });
    for (let sent = 0; sent < 40; sent++) publishing.sendToQueue(FAILURE_QUEUE, Buffer.from('m'));
    await publishing.waitForConfirms();
    await session.open();
    await eventually(() => tags.length === 40);
  });

  test('keeps unacknowledged messages within its byte budget when messages become larger', async () => {
    const { session, connection, tags, lost } = await useSession();
    await session.open();
    const publishing = await connection.model.createConfirmChannel();
    const send = (bytes: number) => publishing.sendToQueue(FAILURE_QUEUE, Buffer.alloc(bytes));

    const takeAll = async (count: number) => {
      let taken = 0;
      await eventually(() => {
        taken += tags.length;
        session.acknowledge(tags.splice(0));
        return taken === count;
      });
    };

    for (let sent = 0; sent < 400; sent++) send(100);
    await takeAll(400);
    for (let sent = 0; sent < 40; sent++) send(256 * 1024);
    await eventually(() => connection.isReadingPaused);
    expect(session.unacknowledged).toBeLessThanOrEqual(6);

    await takeAll(40);
    expect(connection.isReadingPaused).toBe(false);
    expect(lost).toEqual([]);
  });

  test('keeps its connection while it does not read, however many small messages are in its buffer', async () => {
    const { session, connection, tags, lost } = await useSession({ heartbeatS: 1 });
    await session.open();
    const publishing = await connection.model.createConfirmChannel();
    for (let sent = 0; sent < 400; sent++) publishing.sendToQueue(FAILURE_QUEUE, Buffer.alloc(10));
    let taken = 0;
    await eventually(() => {
      taken += tags.length;
      session.acknowledge(tags.splice(0));
      return taken === 400;
    });
    for (let sent = 0; sent < 400; sent++) publishing.sendToQueue(FAILURE_QUEUE, Buffer.alloc(4096));
    await eventually(() => connection.isReadingPaused);
    // The connection counts as dead after two intervals without a sign of life.
    await sleep(5000);
    expect(lost).toEqual([]);
    expect(session.unacknowledged).toBeGreaterThan(100);
  });
});
