import { describe, expect, test } from 'vitest';
import { PublishChannel, type PublishOutcome } from '../../src/amqp/publish-channel.js';
import { internalLogger } from '../../src/internal-logger.js';
import { brokerConfigOf, useConnection } from '../support/use-connection.js';
import { onEnd, uniqueName, useBroker, useProxy } from '../support/use-servers.js';
import { eventually, sleep } from '../support/wait.mjs';

const broker = await useBroker();
internalLogger.setLevel('CRITICAL');

async function useOutlet(url: string, socketTimeoutMs: number) {
  const publishChannel = new PublishChannel(brokerConfigOf(url, { socketTimeoutMs }), 'test', false);
  const lost: string[] = [];
  publishChannel.events.on('lost', (error) => lost.push(error.message));
  publishChannel.connection.open();
  onEnd(() => publishChannel.connection.close());
  const connection = await eventually(() => publishChannel.openConnection ?? null);
  const queue = uniqueName('queue');
  const channel = await connection!.model.createChannel();
  await channel.assertQueue(queue, { durable: true });
  await channel.close();
  return { publishChannel, lost, queue };
}

describe('the health check', () => {
  test('leaves an idle connection alone', async () => {
    const proxy = await useProxy(broker.url);
    const { events, is } = useConnection(proxy.url(broker.url), { socketTimeoutMs: 200 });
    await is('ready');
    const before = proxy.bytesDown;
    // Several times the allowed silence.
    await sleep(1500);
    expect(proxy.bytesDown).toBeGreaterThan(before);
    expect(events()).toEqual(['ready']);
  });

  test('detects a silent peer, and the connection is reopened', async () => {
    const proxy = await useProxy(broker.url);
    const { received, events, is } = useConnection(proxy.url(broker.url), { socketTimeoutMs: 500 });
    await is('ready');
    proxy.halfOpen();
    await eventually(() => events().includes('lost'), { withinMs: 5500 });
    expect(received[1]!.error).toMatchObject({ code: 'LOGHIVE_BROKER_LOST' });
    expect(received[1]!.error!.message).toMatch(`connection to 127.0.0.1:${proxy.port} ended: no response for `);
    await proxy.heal();
    await is('ready', 20_000);
  });

  test('also detects it while the application keeps publishing', async () => {
    const proxy = await useProxy(broker.url);
    const { publishChannel, lost, queue } = await useOutlet(proxy.url(broker.url), 500);
    const body = Buffer.from('{}');
    const outcomes: PublishOutcome[] = [];
    const publish = () =>
      publishChannel.publish({ exchange: '', routingKey: queue, body, properties: {} }, (outcome) =>
        outcomes.push(outcome),
      );
    publish();
    await eventually(() => outcomes.length === 1);
    proxy.halfOpen();
    await eventually(
      () => {
        publish();
        return lost.length === 1;
      },
      { withinMs: 5500, everyMs: 20 },
    );
    expect(outcomes.shift()).toBe('confirmed');
    await eventually(() => new Set(outcomes).size === 1 && outcomes[0] === 'lost');
  });

  test('leaves a slow connection alone', async () => {
    const proxy = await useProxy(broker.url);
    const { publishChannel, lost, queue } = await useOutlet(proxy.url(broker.url), 300);
    // A frame takes 2 s each way, a multiple of the timeout.
    proxy.throttle(32_768, { direction: 'up' });
    const body = Buffer.alloc(65_536, 'x');
    const outcomes: PublishOutcome[] = [];
    const message = { exchange: '', routingKey: queue, body, properties: {} };
    for (let i = 0; i < 3; i++) publishChannel.publish(message, (outcome) => outcomes.push(outcome));
    await eventually(() => outcomes.length === 3, { withinMs: 18_000 });
    expect(outcomes).toEqual(['confirmed', 'confirmed', 'confirmed']);
    expect(lost).toEqual([]);
  });

  test('does not blame the peer for a blocked event loop', async () => {
    const { connection, events, is } = useConnection(broker.url, { socketTimeoutMs: 200 });
    await is('ready');
    const { connectedAt } = connection.status();
    for (let round = 0; round < 3; round++) {
      const end = performance.now() + 600;
      while (performance.now() < end);
      await sleep(20);
    }
    await sleep(300);
    expect(events()).toEqual(['ready']);
    expect(connection.status().connectedAt).toBe(connectedAt);
  });
});
