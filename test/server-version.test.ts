/**
 * What Loghive declares depends on the version in the server properties. RabbitMQ 4.x is not available everywhere, so
 * a proxy changes that one digit.
 */
import net, { type AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { startConsumer } from '../consumer/index.js';
import { LoghiveTransport } from '../transports/winston.js';
import { onEnd, type TestBroker, uniqueName, useBroker, useDatabase } from './support/use-servers.js';
import { eventually } from './support/wait.mjs';

/** The field of connection.start's server properties: name, type (long string), four bytes of length. */
const VERSION_FIELD = Buffer.from('\x07versionS');
const LENGTH_BYTES = 4;

function changeMajor(chunk: Buffer, major: 3 | 4): void {
  const at = chunk.indexOf(VERSION_FIELD);
  if (at !== -1) chunk.write(String(major), at + VERSION_FIELD.length + LENGTH_BYTES);
}

/** The broker's URL through a proxy that reports version `3.…` or `4.…` regardless of the server. */
async function urlOfVersion(broker: TestBroker, major: 3 | 4): Promise<string> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((client) => {
    const upstream = net.connect(broker.port, broker.host);
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => {}));
    // The server's first data, a few hundred bytes on loopback, arrives as one chunk.
    upstream.once('data', (chunk) => {
      changeMajor(chunk, major);
      client.write(chunk);
      upstream.pipe(client);
    });
    client.pipe(upstream);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onEnd(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const url = new URL(broker.url);
  url.port = String((server.address() as AddressInfo).port);
  return url.href;
}

async function deliveryLimits(broker: TestBroker, queues: number): Promise<Record<string, unknown>> {
  const declared = await eventually(async () => {
    const found = (await broker.listQueues()).filter(({ type }) => type === 'quorum');
    expect(found).toHaveLength(queues);
    return found;
  });
  return Object.fromEntries(declared.map((queue) => [queue.name, queue.arguments['x-delivery-limit'] ?? 'none']));
}

describe.each([
  [3, 'none'],
  [4, -1],
] as const)('with a server that says it is RabbitMQ %i the delivery limit of quorum queues is %j', (major, limit) => {
  test('in the queue that a producer declares', async () => {
    const broker = await useBroker();
    const transport = new LoghiveTransport({ service: 'shop', url: await urlOfVersion(broker, major) });
    onEnd(() => transport.close());
    transport.log({ level: 'info', message: 'hello' }, () => {});
    await transport.flush();
    expect(await deliveryLimits(broker, 1)).toEqual({ shop_info_logs: limit });
  });

  test('in all queues that a consumer declares', async () => {
    const [broker, database] = await Promise.all([useBroker(), useDatabase()]);
    const service = uniqueName('shop');
    const url = await urlOfVersion(broker, major);
    const options = { url, databaseUrl: database.url, retryDelaysMs: [1000, 60_000] };
    const consumer = await startConsumer([service], options);
    onEnd(() => consumer.stop());
    const own = ['debug', 'info', 'warning', 'error', 'critical'].map((level) => `${service}_${level}_logs`);
    const names = [...own, 'failure_backoff', 'failure_backoff_1000', 'failure_backoff_60000'];
    expect(await deliveryLimits(broker, names.length)).toEqual(Object.fromEntries(names.map((name) => [name, limit])));
  });
});
