import { connect } from 'amqplib';
import { describe, expect, test } from 'vitest';
import { connectTo, type OpenConnection } from '../../src/amqp/open-connection.js';
import { createTopology } from '../../src/amqp/topology.js';
import { LOGS_EXCHANGE, logQueue, type QueueDeclaration } from '../../src/wire.js';
import { brokerConfigOf } from '../support/use-connection.js';
import { onEnd, uniqueName, useBroker } from '../support/use-servers.js';

const broker = await useBroker();
const others = await connect(broker.url);
onEnd(() => others.close());
const channel = await others.createChannel();
const config = brokerConfigOf(broker.url);
const connection: OpenConnection = await connectTo(config.hosts[0]!, config, {
  connectionName: 'a test',
  keepsProcessAlive: false,
});
onEnd(() => connection.destroy(new Error('the test is over')));
connection.model.on('error', () => {});

const SETTINGS = { type: 'quorum', maxLength: 1_000_000, maxBytes: 2 ** 30, messageTtlMs: 604_800_000 } as const;
const OURS = logQueue('x', 'INFO', SETTINGS, broker.version).arguments;

async function learnt(declared: Record<string, unknown>, topology = createTopology(() => {})) {
  const queue = uniqueName('q');
  await channel.assertQueue(queue, { durable: true, arguments: declared });
  const declaration: QueueDeclaration = { queue, exchange: LOGS_EXCHANGE, routingKey: queue, arguments: OURS };
  return topology.ensure(connection, declaration);
}

describe('the arguments of an existing queue', () => {
  test.each([
    ['none at all', {}],
    ['a stream', { 'x-queue-type': 'stream' }],
    ['a stream with limits', { 'x-queue-type': 'stream', 'x-max-length-bytes': 1_000_000, 'x-max-age': '7D' }],
    ['a delivery limit alone', { 'x-queue-type': 'quorum', 'x-delivery-limit': 3 }],
    ['a delivery limit besides ours', { ...OURS, 'x-delivery-limit': 20 }],
    [
      'everything else',
      {
        'x-queue-type': 'quorum',
        'x-delivery-limit': 7,
        'x-message-ttl': 1000,
        'x-max-length': 10,
        'x-max-length-bytes': 100_000,
        'x-overflow': 'drop-head',
        'x-dead-letter-exchange': "somebody's 'dlx'",
        'x-dead-letter-routing-key': 'key',
        'x-single-active-consumer': true,
        'x-expires': 600_000,
      },
    ],
    ['a priority', { 'x-max-priority': 5, 'x-message-ttl': 1000 }],
  ])('are learnt from what the broker refuses: %s', async (_what, declared) => {
    const found = await learnt(declared);
    expect({ ...found, ...declared }).toEqual(found);
    // RabbitMQ does not compare arguments that streams do not use.
    const compared = Object.keys(OURS).filter((name) => found?.['x-queue-type'] !== 'stream' || name in declared);
    for (const name of compared) expect(name in found!).toBe(name in declared);
  });

  test('are the declared ones if this client has declared it', async () => {
    const queue = uniqueName('q');
    const declaration = { queue, exchange: LOGS_EXCHANGE, routingKey: queue, arguments: OURS };
    expect(await createTopology(() => {}).ensure(connection, declaration)).toEqual(OURS);
  });

  test('are found out for each of many queues, including different types', async () => {
    const topology = createTopology(() => {});
    const kinds = [{ 'x-queue-type': 'stream' }, {}, { 'x-queue-type': 'quorum', 'x-delivery-limit': 3 }];
    for (const declared of [...kinds, ...kinds.reverse(), ...kinds]) {
      const found = await learnt(declared, topology);
      expect(found?.['x-queue-type']).toBe((declared as { 'x-queue-type'?: string })['x-queue-type']);
      expect(found?.['x-delivery-limit']).toBe((declared as { 'x-delivery-limit'?: number })['x-delivery-limit']);
    }
  });

  test('are unknown if this user may not declare it', async () => {
    const name = uniqueName('user');
    const url = await broker.admin.addUser(name, 'secret', { vhost: broker.vhost, configure: '' });
    onEnd(() => broker.admin.deleteUser(name));
    const { hosts } = brokerConfigOf(url);
    const limited = await connectTo(hosts[0]!, config, { connectionName: 'a test', keepsProcessAlive: false });
    limited.model.on('error', () => {});
    onEnd(() => limited.destroy(new Error('the test is over')));
    const queue = uniqueName('q');
    await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'stream' } });
    const declaration = { queue, exchange: LOGS_EXCHANGE, routingKey: queue, arguments: OURS };
    expect(await createTopology(() => {}).ensure(limited, declaration)).toBeUndefined();
  });
});
