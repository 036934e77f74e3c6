import amqp from 'amqplib';
import { beforeAll, describe, expect, test } from 'vitest';
import { type OutgoingMessage, PublishChannel, type PublishOutcome } from '../../src/amqp/publish-channel.js';
import type { LoghiveError } from '../../src/errors.js';
import { internalLogger } from '../../src/internal-logger.js';
import { freePort } from '../support/ports.mjs';
import { brokerConfigOf } from '../support/use-connection.js';
import { methodFrame, useRelay } from '../support/use-relay.js';
import { onEnd, uniqueName, useBroker, useProxy } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';

const broker = await useBroker();

beforeAll(() => internalLogger.setLevel('CRITICAL'));

interface Used {
  publishChannel: PublishChannel;
  outcomes: PublishOutcome[];
  warnings: LoghiveError[];
  closures: LoghiveError[];
  opened: boolean[];
  publish(message: Partial<OutgoingMessage>, times?: number): void;
}

async function useOutlet(url = broker.url): Promise<Used> {
  const publishChannel = new PublishChannel(brokerConfigOf(url), 'test', false);
  const used: Used = {
    publishChannel,
    outcomes: [],
    warnings: [],
    closures: [],
    opened: [],
    publish(message, times = 1) {
      const whole = { exchange: '', routingKey: '', body: Buffer.from('{}'), properties: {}, ...message };
      for (let i = 0; i < times; i++) publishChannel.publish(whole, (outcome) => used.outcomes.push(outcome));
    },
  };
  publishChannel.events.on('warning', (error) => used.warnings.push(error));
  publishChannel.events.on('channelClosed', (error) => used.closures.push(error));
  publishChannel.events.on('open', (_link, isNewConnection) => used.opened.push(isNewConnection));
  publishChannel.connection.open();
  onEnd(() => publishChannel.connection.close());
  await eventually(() => publishChannel.openConnection !== undefined);
  return used;
}

async function useQueue(args: object = {}, url = broker.url) {
  const connection = await amqp.connect(url);
  connection.on('error', () => {});
  onEnd(() => connection.close().catch(() => {}));
  const channel = await connection.createChannel();
  const queue = uniqueName('queue');
  await channel.assertQueue(queue, { durable: true, arguments: args });
  return { queue, channel };
}

describe('the outcome of a message', () => {
  test('is confirmed if the broker has it, persistent, with its properties', async () => {
    const { publishChannel, outcomes, publish } = await useOutlet();
    const { queue, channel } = await useQueue();
    publish({ routingKey: queue, body: Buffer.from('ä'), properties: { timestamp: 5, headers: { a: 1 } } });
    publish({ routingKey: queue, properties: { messageId: 'own', contentType: 'application/json' } });
    expect(publishChannel.bytesInFlight).toBe(4);
    await eventually(() => outcomes.length === 2);
    expect(outcomes).toEqual(['confirmed', 'confirmed']);
    expect(publishChannel.bytesInFlight).toBe(0);
    const first = await channel.get(queue, { noAck: true });
    const second = await channel.get(queue, { noAck: true });
    if (!first || !second) throw new Error('the queue is empty');
    expect(first.content.toString()).toBe('ä');
    expect(first.properties).toMatchObject({ deliveryMode: 2, timestamp: 5, headers: { a: 1 } });
    expect(second.properties).toMatchObject({ deliveryMode: 2, messageId: 'own', contentType: 'application/json' });
  });

  test('is returned if it is not routed to any queue, although the broker confirms it', async () => {
    const { outcomes, publish } = await useOutlet();
    const { queue } = await useQueue();
    publish({ routingKey: uniqueName('nowhere') });
    publish({ routingKey: queue, properties: { messageId: 'same' } });
    publish({ routingKey: uniqueName('nowhere'), properties: { messageId: 'same' } });
    await eventually(() => outcomes.length === 3);
    expect(outcomes.sort()).toEqual(['confirmed', 'returned', 'returned']);
  });

  test.each(['quorum', 'classic'])('is nacked if the %s queue is full', async (type) => {
    const { publishChannel, outcomes, publish, warnings } = await useOutlet();
    const { queue } = await useQueue({ 'x-queue-type': type, 'x-max-length': 1, 'x-overflow': 'reject-publish' });
    await eventually(async () => {
      outcomes.length = 0;
      publish({ routingKey: queue }, 5);
      await eventually(() => outcomes.length === 5);
      expect(outcomes).toEqual(Array(5).fill('nacked'));
    });
    expect(publishChannel.bytesInFlight).toBe(0);
    // Full queues are reported by the publisher, which knows whose records wait.
    expect(warnings).toEqual([]);
  });

  test('is lost if no connection is open', () => {
    const publishChannel = new PublishChannel(brokerConfigOf(broker.url), 'test', false);
    const outcomes: PublishOutcome[] = [];
    publishChannel.publish({ exchange: '', routingKey: '', body: Buffer.alloc(1), properties: {} }, (o) =>
      outcomes.push(o),
    );
    expect(outcomes).toEqual(['lost']);
    expect(publishChannel.bytesInFlight).toBe(0);
  });

  test('is lost if the connection is lost before the confirm', async () => {
    const proxy = await useProxy(broker.url);
    const { publishChannel, outcomes, publish, opened } = await useOutlet(proxy.url(broker.url));
    const { queue } = await useQueue();
    proxy.delay(60_000);
    publish({ routingKey: queue }, 50);
    expect(publishChannel.bytesInFlight).toBe(100);
    await proxy.reset();
    await proxy.heal();
    await eventually(() => outcomes.length === 50);
    expect(new Set(outcomes)).toEqual(new Set(['lost']));
    expect(publishChannel.bytesInFlight).toBe(0);
    await eventually(() => publishChannel.openConnection !== undefined);
    expect(opened).toEqual([true, true]);
    publish({ routingKey: queue });
    await eventually(() => outcomes.length === 51);
    expect(outcomes.at(-1)).toBe('confirmed');
  });

  test('is lost after a graceful close, as long as the channel of the next connection is not open', async () => {
    const { publishChannel, outcomes, publish, warnings } = await useOutlet();
    const { queue } = await useQueue();
    let linkWhenReady: unknown = 'not asked';
    publishChannel.connection.events.on('ready', () => {
      linkWhenReady = publishChannel.openConnection;
      publish({ routingKey: queue });
    });
    await publishChannel.connection.close();
    publishChannel.connection.open();
    await eventually(() => publishChannel.openConnection !== undefined);
    expect(linkWhenReady).toBeUndefined();
    publish({ routingKey: queue });
    await eventually(() => outcomes.length === 2);
    expect(outcomes).toEqual(['lost', 'confirmed']);
    expect(warnings).toEqual([]);
  });

  test('is lost if the connection is broken and its peer does not close it', async () => {
    const relay = await useRelay(broker.url);
    const { publishChannel, outcomes, publish } = await useOutlet(relay.url);
    const { queue } = await useQueue();
    relay.fallSilent();
    publish({ routingKey: queue }, 5);
    // A second Connection.OpenOk.
    relay.sendToClient(methodFrame(10, 41, Buffer.from([0])));
    await eventually(() => outcomes.length === 5);
    expect(new Set(outcomes)).toEqual(new Set(['lost']));
    expect(publishChannel.bytesInFlight).toBe(0);
  });
});

describe('a channel that the broker closed', () => {
  test('because the exchange is missing is reopened, and messages in flight are lost', async () => {
    const { publishChannel, outcomes, publish, warnings, closures, opened } = await useOutlet();
    const { queue } = await useQueue();
    publish({ exchange: 'not_there', routingKey: 'x' });
    publish({ routingKey: queue }, 5);
    await eventually(() => closures.length === 1 && outcomes.length === 6);
    expect(outcomes).toEqual(Array(6).fill('lost'));
    expect(closures[0]).toMatchObject({ code: 'LOGHIVE_BROKER_REFUSED' });
    expect(closures[0]!.message).toMatch(/^the broker refused a message: .*no exchange 'not_there'/);
    expect(warnings).toEqual(closures);
    await eventually(() => publishChannel.openConnection !== undefined);
    expect(opened).toEqual([true, false]);
    publish({ routingKey: queue });
    await eventually(() => outcomes.length === 7);
    expect(outcomes.at(-1)).toBe('confirmed');
  });

  test('repeatedly for the same reason is reported once, until publishing has worked', async () => {
    const { publishChannel, outcomes, publish, warnings, closures } = await useOutlet();
    const { queue } = await useQueue();
    const provoke = async (times: number) => {
      for (let time = 0; time < times; time++) {
        const before = closures.length;
        await eventually(() => publishChannel.openConnection !== undefined);
        publish({ exchange: 'not_there', routingKey: 'x' });
        await eventually(() => closures.length === before + 1);
      }
    };
    await provoke(3);
    expect(warnings).toHaveLength(1);
    await eventually(() => publishChannel.openConnection !== undefined);
    outcomes.length = 0;
    publish({ routingKey: queue });
    await eventually(() => outcomes[0] === 'confirmed');
    await provoke(2);
    expect(warnings).toHaveLength(2);
  });

  test('because the user may not write is reported, and works after the permission is granted', async () => {
    const name = uniqueName('user');
    const url = await broker.admin.addUser(name, 'secret', { vhost: broker.vhost, write: '' });
    onEnd(() => broker.admin.deleteUser(name));
    const { publishChannel, outcomes, publish, warnings } = await useOutlet(url);
    const { queue } = await useQueue();
    publish({ routingKey: queue });
    await eventually(() => warnings.length === 1);
    expect(warnings[0]!.message).toMatch(/^the broker refused a message: .*ACCESS_REFUSED/);
    expect(warnings[0]!.message).not.toContain('secret');
    await broker.admin.setPermissions(name, broker.vhost);
    await eventually(() => {
      if (publishChannel.openConnection) publish({ routingKey: queue });
      return outcomes.includes('confirmed');
    });
  });
});

test('an unreachable broker is reported once, and again when the reason changes', async () => {
  const port = await freePort();
  const publishChannel = new PublishChannel(brokerConfigOf(`amqp://u:secret@127.0.0.1:${port}`), 'test', false);
  onEnd(() => publishChannel.connection.close());
  const warnings: string[] = [];
  let failures = 0;
  publishChannel.events.on('warning', (error) => warnings.push(error.message));
  publishChannel.connection.events.on('failed', () => failures++);
  publishChannel.connection.open();
  await eventually(() => {
    publishChannel.connection.retryNow();
    return failures >= 5;
  });
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatch(/ECONNREFUSED/);
  expect(warnings[0]).not.toContain('secret');
});

test('topology problems are warnings of the publish channel', async () => {
  const { publishChannel, warnings } = await useOutlet();
  const { queue } = await useQueue();
  const declaration = { queue, exchange: uniqueName('exchange'), routingKey: 'x', arguments: { 'x-max-length': 5 } };
  await publishChannel.topology.ensure(publishChannel.openConnection!, declaration);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]!.message).toMatch(`queue "${queue}" exists with different arguments and is used as it is`);
});
