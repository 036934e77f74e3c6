import { beforeAll, describe, expect, test } from 'vitest';
import { PublishChannel, type PublishOutcome } from '../../src/amqp/publish-channel.js';
import type { LoghiveError } from '../../src/errors.js';
import { internalLogger } from '../../src/internal-logger.js';
import type { RabbitmqServer } from '../support/rabbitmq.mjs';
import { requireRabbitmq } from '../support/require-rabbitmq.mjs';
import { brokerConfigOf, useConnection } from '../support/use-connection.js';
import { methodFrame, useRelay } from '../support/use-relay.js';
import { onEnd, uniqueName } from '../support/use-servers.js';
import { eventually, sleep } from '../support/wait.mjs';

// A separate node, because its memory alarm blocks every publisher.
let node: RabbitmqServer;
beforeAll(async () => {
  node = await requireRabbitmq();
  onEnd(() => node.stop());
  internalLogger.setLevel('CRITICAL');
});

async function block() {
  await node.setVmWatermark(1);
  onEnd(() => node.setVmWatermark());
}

/** A connection that has published, because only publishing connections are blocked. */
async function useBlocked(settings = {}, options = {}) {
  const used = useConnection(node.url, settings, options);
  await used.is('ready');
  const connection = used.received[0]!.connection!;
  const channel = await connection.model.createChannel();
  channel.on('error', () => {});
  await block();
  // Only a publish after the alarm has reached the connection blocks it.
  await eventually(() => {
    channel.publish('', 'nowhere', Buffer.from('x'));
    return used.connection.status().state === 'blocked';
  });
  return used;
}

describe('a connection that the broker blocks', () => {
  test('before listeners could be added is blocked, and ready when it is unblocked', async () => {
    const relay = await useRelay(node.url, methodFrame(10, 60, Buffer.from('\x03low')));
    const { is, events } = useConnection(relay.url);
    await is('blocked');
    expect(events()).toEqual(['ready', 'blocked']);
    relay.sendToClient(methodFrame(10, 61));
    await is('ready');
    expect(events()).toEqual(['ready', 'blocked', 'unblocked']);
  });

  test('is blocked, and ready again when it is unblocked', async () => {
    const { connection, events, is } = await useBlocked({ socketTimeoutMs: 200 });
    expect(connection.status().host).toBe(`127.0.0.1:${node.port}`);
    // The health check must not mistake the broker's not reading for silence.
    await sleep(1200);
    expect(events()).toEqual(['ready', 'blocked']);
    await node.setVmWatermark();
    await is('ready');
    expect(events()).toEqual(['ready', 'blocked', 'unblocked']);
    await sleep(600);
    expect(connection.status().state).toBe('ready');
  });

  test('is reopened after blockedTimeoutMs', async () => {
    const { received, events } = await useBlocked({ blockedTimeoutMs: 400 });
    await eventually(() => events().length === 4);
    expect(events()).toEqual(['ready', 'blocked', 'lost', 'ready']);
    expect(received[2]!.error!.message).toBe(
      `connection to 127.0.0.1:${node.port} ended: the broker blocked it for 400 ms. Loghive reconnects.`,
    );
  });

  test('that is unblocked in time is not reopened', async () => {
    const { events, is } = await useBlocked({ blockedTimeoutMs: 1500 });
    await node.setVmWatermark();
    await is('ready');
    await sleep(1800);
    expect(events()).toEqual(['ready', 'blocked', 'unblocked']);
  });

  test('closes immediately, and leaves no socket behind', async () => {
    const { connection, received } = await useBlocked({}, { keepsProcessAlive: true });
    const { stream } = (received[0]!.connection!.model as unknown as { connection: { stream: { destroyed: boolean } } })
      .connection;
    const begun = performance.now();
    await connection.close();
    expect(performance.now() - begun).toBeLessThan(1500);
    expect(connection.status().state).toBe('closed');
    expect(stream.destroyed).toBe(true);
  });
});

test('a publish channel publishes nothing while it is blocked, reports it, and resumes afterwards', async () => {
  const publishChannel = new PublishChannel(brokerConfigOf(node.url, { blockedTimeoutMs: 60_000 }), 'test', false);
  onEnd(() => publishChannel.connection.close());
  const warnings: LoghiveError[] = [];
  publishChannel.events.on('warning', (error) => warnings.push(error));
  let unblocked = 0;
  publishChannel.events.on('unblocked', () => unblocked++);
  publishChannel.connection.open();
  await eventually(() => publishChannel.openConnection !== undefined);
  const queue = uniqueName('queue');
  const channel = await publishChannel.openConnection!.model.createChannel();
  await channel.assertQueue(queue, { durable: true });
  await block();

  const outcomes: PublishOutcome[] = [];
  const message = { exchange: '', routingKey: queue, body: Buffer.from('{}'), properties: {} };
  let published = 0;
  await eventually(() => {
    if (!publishChannel.openConnection) return true;
    publishChannel.publish(message, (outcome) => outcomes.push(outcome));
    published++;
    return false;
  });
  // The message that made the broker block the connection is not confirmed.
  expect(outcomes.length).toBeLessThan(published);
  expect(publishChannel.bytesInFlight).toBe((published - outcomes.length) * message.body.length);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]!.code).toBe('LOGHIVE_RECORDS_WAIT');
  expect(warnings[0]!.message).toMatch(
    /^the broker blocks publishers: .*memory.*\. Records are buffered until it unblocks them\.$/,
  );

  await node.setVmWatermark();
  await eventually(() => unblocked === 1 && outcomes.length === published);
  expect(new Set(outcomes)).toEqual(new Set(['confirmed']));
  expect(publishChannel.openConnection).toBeDefined();
});
