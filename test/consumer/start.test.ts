/** Starting a consumer, and stopping it by the signal passed to `start()`. */
import { getEventListeners, once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { connect } from 'amqplib';
import { describe, expect, test } from 'vitest';
import { createConsumer, type StartOptions, startConsumer } from '../../consumer/index.js';
import { onEnd, useBroker, useDatabase } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';

const NOWHERE = { url: 'amqp://127.0.0.1:1', databaseUrl: 'postgres://127.0.0.1:1/db' };

describe('a signal that is aborted', () => {
  test('before the start makes it reject with the reason, without connecting', async () => {
    const consumer = createConsumer(['shop'], NOWHERE);
    await expect(consumer.start({ signal: AbortSignal.abort('too late') })).rejects.toBe('too late');
    expect(consumer.status()).toMatchObject({ state: 'stopped', broker: { state: 'closed' } });
    expect(consumer.status().broker).not.toHaveProperty('lastError');
  });

  test('while the servers are down makes the start reject with the reason', async () => {
    const abort = new AbortController();
    const consumer = createConsumer(['shop'], NOWHERE);
    const started = consumer.start({ signal: abort.signal });
    await eventually(() => consumer.status().reason !== undefined);
    abort.abort(new Error('the deployment was called off'));
    await expect(started).rejects.toThrow('the deployment was called off');
    expect(consumer.status().state).toBe('stopped');
  });

  test("while the start fails for another reason makes it reject with the signal's reason", async () => {
    const server = createServer().listen(0, '127.0.0.1');
    onEnd(() => server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const abort = new AbortController();
    const consumer = createConsumer(['shop'], { ...NOWHERE, httpPort: port });
    const started = consumer.start({ signal: abort.signal });
    abort.abort('called off');
    await expect(started).rejects.toBe('called off');
    expect(consumer.status().state).toBe('stopped');
  });

  test('makes startConsumer() reject as well', async () => {
    const abort = new AbortController();
    const started = startConsumer(['shop'], { ...NOWHERE, signal: abort.signal });
    abort.abort();
    await expect(started).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('stops a running consumer like stop(): unacknowledged messages are stored first', async () => {
    const [broker, database] = await Promise.all([useBroker(), useDatabase()]);
    const abort = new AbortController();
    const options = { url: broker.url, databaseUrl: database.url, batchLingerMs: 60_000, signal: abort.signal };
    const consumer = await startConsumer(['shop'], options);
    onEnd(() => consumer.stop());
    const connection = await connect(broker.url);
    onEnd(() => connection.close());
    const channel = await connection.createConfirmChannel();
    const record = { service: 'shop', level: 'INFO', message: 'm', timestamp: new Date().toISOString() };
    channel.publish('logs_exchange', 'shop.info', Buffer.from(JSON.stringify(record)), { persistent: true });
    await eventually(() => consumer.status().inHand === 1);
    abort.abort();
    expect(consumer.status().state).toBe('stopping');
    await consumer.stop();
    expect(consumer.status()).toMatchObject({ state: 'stopped', counts: { stored: 1 } });
  });

  test('has no listener left once the consumer has stopped', async () => {
    const { signal } = new AbortController();
    const consumer = createConsumer(['shop'], NOWHERE);
    const started = consumer.start({ signal });
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    await consumer.stop();
    await started;
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});

test.each<[unknown, string]>([
  ['now', 'consumer.start: the options are text, expected an object.'],
  [{ sigal: new AbortController().signal }, 'consumer.start: unknown option "sigal". Did you mean "signal"?'],
  [
    { signal: new AbortController() },
    'consumer.start: option "signal" is an object, expected an AbortSignal, such as that of an AbortController.',
  ],
  [
    { signal: null },
    'consumer.start: option "signal" is null, expected an AbortSignal, such as that of an AbortController.',
  ],
])('a start with %j is refused, and can be made again', async (options, message) => {
  const consumer = createConsumer(['shop'], NOWHERE);
  await expect(consumer.start(options as StartOptions)).rejects.toMatchObject({
    code: 'LOGHIVE_INVALID_OPTION',
    message,
  });
  expect(consumer.status().state).toBe('created');
  const started = consumer.start();
  await consumer.stop();
  await started;
});
