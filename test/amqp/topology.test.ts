import amqp, { type Channel } from 'amqplib';
import { describe, expect, test } from 'vitest';
import type { OpenConnection } from '../../src/amqp/open-connection.js';
import { createTopology } from '../../src/amqp/topology.js';
import { delayQueue, failureQueue, logQueue, logQueues, type QueueSettings } from '../../src/wire.js';
import { startDevelopmentBroker } from '../support/development-broker.mjs';
import { requireRabbitmq } from '../support/require-rabbitmq.mjs';
import { useConnection } from '../support/use-connection.js';
import { onEnd, type TestBroker, uniqueName, useBroker } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';

const settings: QueueSettings = {
  type: 'quorum',
  maxLength: 1_000_000,
  maxBytes: 1_073_741_824,
  messageTtlMs: 604_800_000,
};
const shopInfo = logQueue('shop', 'INFO', settings, '3.10.8');

/** The queue arguments of the Python package. */
const PYTHON = { 'x-message-ttl': 604_800_000, 'x-max-length': 1_000_000 };

function useTopology() {
  const notices: string[] = [];
  return { topology: createTopology((sentence) => notices.push(sentence)), notices };
}

async function useLink(url: string): Promise<OpenConnection> {
  const { received, is } = useConnection(url);
  await is('ready');
  return received[0]!.connection!;
}

/** A channel of another client. */
async function useChannel(url: string): Promise<Channel> {
  const connection = await amqp.connect(url);
  onEnd(() => connection.close().catch(() => {}));
  connection.on('error', () => {});
  const channel = await connection.createChannel();
  channel.on('error', () => {});
  return channel;
}

async function useUser(broker: TestBroker, permissions: object): Promise<string> {
  const name = uniqueName('user');
  onEnd(() => broker.admin.deleteUser(name));
  return broker.admin.addUser(name, 'secret', { vhost: broker.vhost, ...permissions });
}

async function argumentsOf(broker: TestBroker): Promise<Record<string, unknown>> {
  return Object.fromEntries((await broker.listQueues()).map((queue) => [queue.name, queue.arguments]));
}

async function arrives(url: string, exchange: string, key: string, queue: string): Promise<boolean> {
  const channel = await useChannel(url);
  channel.publish(exchange, key, Buffer.from('x'));
  return eventually(async () => (await channel.get(queue, { noAck: true })) !== false);
}

describe('on a fresh broker', () => {
  test('everything is declared with the specified arguments', async () => {
    const broker = await useBroker();
    const connection = await useLink(broker.url);
    const { topology, notices } = useTopology();
    const wanted = [
      ...logQueues('shop', settings, broker.version),
      failureQueue('quorum', settings, broker.version),
      delayQueue(1000, 'quorum', broker.version),
    ];
    for (const declaration of wanted) await topology.ensure(connection, declaration);

    const quorum = { 'x-queue-type': 'quorum', 'x-overflow': 'reject-publish' };
    const log = { ...quorum, ...PYTHON, 'x-max-length-bytes': 1_073_741_824 };
    expect(await argumentsOf(broker)).toEqual({
      shop_debug_logs: log,
      shop_info_logs: log,
      shop_warning_logs: log,
      shop_error_logs: log,
      shop_critical_logs: log,
      failure_backoff: quorum,
      failure_backoff_1000: {
        ...quorum,
        'x-message-ttl': 1000,
        'x-dead-letter-strategy': 'at-least-once',
        'x-dead-letter-exchange': 'failure_backoff',
        'x-dead-letter-routing-key': 'failure.backoff',
      },
    });
    expect((await broker.listQueues()).every(({ durable, type }) => durable && type === 'quorum')).toBe(true);
    const channel = await useChannel(broker.url);
    for (const exchange of ['logs_exchange', 'failure_backoff']) {
      await channel.assertExchange(exchange, 'direct', { durable: true });
    }
    expect(notices).toEqual([]);
    expect(await arrives(broker.url, 'logs_exchange', 'shop.error', 'shop_error_logs')).toBe(true);
    expect(await arrives(broker.url, 'failure_backoff', 'failure.backoff', 'failure_backoff')).toBe(true);
  });

  test('many queues at once need no more channels than a broker must allow', async () => {
    const narrow = await startDevelopmentBroker({ channelMax: 8 });
    onEnd(() => narrow.stop());
    const connection = await useLink(narrow.url);
    const { topology, notices } = useTopology();
    const services = Array.from({ length: 20 }, (_, number) => `service-${number}`);
    const wanted = services.flatMap((service) => logQueues(service, settings, narrow.version));
    // Two of its own, as with a publisher: one channel to publish on, and one for the health check.
    await connection.model.createChannel();
    await connection.model.createChannel();
    await Promise.all(wanted.map((declaration) => topology.ensure(connection, declaration)));
    expect(await narrow.listQueues()).toHaveLength(wanted.length);
    expect(notices).toEqual([]);
  });

  test.each(['classic', 'python'] as const)('%s queues have the arguments of their type', async (type) => {
    const broker = await useBroker();
    const { topology, notices } = useTopology();
    await topology.ensure(await useLink(broker.url), logQueue('shop', 'INFO', { ...settings, type }, broker.version));
    const more = { 'x-max-length-bytes': 1_073_741_824, 'x-overflow': 'reject-publish' };
    expect(await argumentsOf(broker)).toEqual({ shop_info_logs: type === 'python' ? PYTHON : { ...PYTHON, ...more } });
    expect(notices).toEqual([]);
  });
});

describe('an existing queue or exchange', () => {
  async function declareAsPython(broker: TestBroker): Promise<void> {
    const channel = await useChannel(broker.url);
    await channel.assertExchange('logs_exchange', 'direct', { durable: true });
    for (const level of ['info', 'error', 'warning']) {
      await channel.assertQueue(`shop_${level}_logs`, { durable: true, arguments: PYTHON });
      await channel.bindQueue(`shop_${level}_logs`, 'logs_exchange', `shop.${level}`);
    }
  }

  test('is used as the Python package has declared it, and reported once by name', async () => {
    const broker = await useBroker();
    await declareAsPython(broker);
    const { topology, notices } = useTopology();
    for (const _link of [1, 2]) {
      const connection = await useLink(broker.url);
      for (const level of ['INFO', 'ERROR'] as const) {
        await topology.ensure(connection, logQueue('shop', level, settings, broker.version));
      }
    }
    expect(notices).toHaveLength(2);
    expect(notices[0]).toMatch(
      /^queue "shop_info_logs" exists with different arguments and is used as it is: PRECONDITION_FAILED - .*'x-(queue-type|max-length-bytes|overflow)'.*\. Delete it while it is empty/,
    );
    expect(notices[1]).toMatch(/^queue "shop_error_logs" exists with different arguments/);
    expect((await argumentsOf(broker)).shop_info_logs).toEqual(PYTHON);
    expect(await arrives(broker.url, 'logs_exchange', 'shop.info', 'shop_info_logs')).toBe(true);
  });

  test("is not reported with queueType 'python' if the Python package has declared it", async () => {
    const broker = await useBroker();
    await declareAsPython(broker);
    const { topology, notices } = useTopology();
    const connection = await useLink(broker.url);
    for (const declaration of logQueues('shop', { ...settings, type: 'python' }, broker.version)) {
      await topology.ensure(connection, declaration);
    }
    expect(notices).toEqual([]);
    expect(Object.values(await argumentsOf(broker))).toEqual(Array(5).fill(PYTHON));
  });

  test('with a different limit is reported with the first different argument', async () => {
    const broker = await useBroker();
    const { topology, notices } = useTopology();
    const connection = await useLink(broker.url);
    await createTopology(() => {}).ensure(
      connection,
      logQueue('shop', 'INFO', { ...settings, maxLength: 5 }, '3.10.8'),
    );
    await topology.ensure(connection, shopInfo);
    expect(notices).toHaveLength(1);
    expect(notices[0]).toMatch(/inequivalent arg 'x-max-length' .* received '?1000000'? but current is '?5'?/);
    expect((await argumentsOf(broker)).shop_info_logs).toMatchObject({ 'x-max-length': 5 });
  });

  test.each(['topic', 'fanout'])('is used as it is if it is a %s exchange, and reported once by name', async (type) => {
    const broker = await useBroker();
    const channel = await useChannel(broker.url);
    await channel.assertExchange('logs_exchange', type, { durable: true });
    const { topology, notices } = useTopology();
    const connection = await useLink(broker.url);
    await topology.ensure(connection, shopInfo);
    topology.forget();
    await topology.ensure(connection, shopInfo);
    expect(notices).toHaveLength(1);
    expect(notices[0]).toMatch(
      new RegExp(`^exchange "logs_exchange" exists with different arguments and is used as it is: .*'type'.*'${type}'`),
    );
    expect(await arrives(broker.url, 'logs_exchange', 'shop.info', 'shop_info_logs')).toBe(true);
  });

  test('is used as it is if it is an exchange that is not durable', async () => {
    const broker = await useBroker();
    const channel = await useChannel(broker.url);
    await channel.assertExchange('logs_exchange', 'direct', { durable: false });
    const { topology, notices } = useTopology();
    await topology.ensure(await useLink(broker.url), shopInfo);
    expect(notices).toHaveLength(1);
    expect(notices[0]).toMatch(/^exchange "logs_exchange" exists .*durable/);
  });

  test('does not block the others if it is exclusive to another connection', async () => {
    const broker = await useBroker();
    const channel = await useChannel(broker.url);
    await channel.assertQueue('shop_info_logs', { exclusive: true });
    const { topology, notices } = useTopology();
    const connection = await useLink(broker.url);
    for (const level of ['INFO', 'ERROR'] as const) {
      await topology.ensure(connection, logQueue('shop', level, settings, broker.version));
    }
    expect(notices).toHaveLength(1);
    expect(notices[0]).toMatch(
      /^queue "shop_info_logs" is exclusive to another connection: RESOURCE_LOCKED .* Close that/,
    );
    expect(await arrives(broker.url, 'logs_exchange', 'shop.error', 'shop_error_logs')).toBe(true);
  });
});

describe('permissions', () => {
  test('only to publish suffice if everything exists', async () => {
    const broker = await useBroker();
    await createTopology(() => {}).ensure(await useLink(broker.url), shopInfo);
    const { topology, notices } = useTopology();
    const url = await useUser(broker, { configure: '', read: 'logs_exchange' });
    await topology.ensure(await useLink(url), shopInfo);
    expect(notices).toEqual([]);
  });

  test('to bind are reported once if they are missing', async () => {
    const broker = await useBroker();
    await createTopology(() => {}).ensure(await useLink(broker.url), shopInfo);
    const { topology, notices } = useTopology();
    const connection = await useLink(await useUser(broker, { configure: '', read: '' }));
    await topology.ensure(connection, shopInfo);
    topology.forget();
    await topology.ensure(connection, shopInfo);
    expect(notices).toHaveLength(1);
    expect(notices[0]).toMatch(
      /^queue "shop_info_logs" could not be bound to exchange "logs_exchange" by key "shop\.info": ACCESS_REFUSED .* grant "write" on the queue and "read" on the exchange\.$/,
    );
  });

  test('to declare are reported once for each name if they are missing', async () => {
    const broker = await useBroker();
    const { topology, notices } = useTopology();
    const connection = await useLink(await useUser(broker, { configure: '' }));
    await topology.ensure(connection, shopInfo);
    topology.forget();
    await topology.ensure(connection, shopInfo);
    expect(notices).toHaveLength(2);
    expect(notices[0]).toMatch(
      /^exchange "logs_exchange" does not exist and the user may not declare it: ACCESS_REFUSED .* Declare it or grant "configure" on it\.$/,
    );
    expect(notices[1]).toMatch(
      /^queue "shop_info_logs" does not exist and the user may not declare it: ACCESS_REFUSED/,
    );
    expect(notices.join()).not.toContain('secret');
  });

  test('only to read suffice except for binding if everything exists', async () => {
    const broker = await useBroker();
    await createTopology(() => {}).ensure(await useLink(broker.url), shopInfo);
    const { topology, notices } = useTopology();
    await topology.ensure(await useLink(await useUser(broker, { configure: '', write: '' })), shopInfo);
    expect(notices).toHaveLength(1);
    expect(notices[0]).toMatch(/could not be bound/);
  });
});

describe('a declared queue', () => {
  test('is remembered for its connection until it is forgotten', async () => {
    const broker = await useBroker();
    const { topology } = useTopology();
    const connection = await useLink(broker.url);
    await topology.ensure(connection, shopInfo);
    const before = connection.bytesRead();
    await topology.ensure(connection, shopInfo);
    expect(connection.bytesRead()).toBe(before);

    await broker.admin.deleteQueue('shop_info_logs', broker.vhost);
    await topology.ensure(connection, shopInfo);
    expect(await broker.listQueues()).toEqual([]);
    topology.forget();
    await topology.ensure(connection, shopInfo);
    expect(await broker.listQueues()).toHaveLength(1);
  });

  test('is declared again on another connection', async () => {
    const broker = await useBroker();
    const { topology } = useTopology();
    await topology.ensure(await useLink(broker.url), shopInfo);
    await broker.admin.deleteQueue('shop_info_logs', broker.vhost);
    await topology.ensure(await useLink(broker.url), shopInfo);
    expect(await broker.listQueues()).toHaveLength(1);
  });

  test('may be declared concurrently', async () => {
    const broker = await useBroker();
    const { topology, notices } = useTopology();
    const connection = await useLink(broker.url);
    const wanted = ['one', 'two', 'one', 'two'].flatMap((service) => logQueues(service, settings, broker.version));
    await Promise.all(wanted.map((declaration) => topology.ensure(connection, declaration)));
    expect(await broker.listQueues()).toHaveLength(10);
    expect(notices).toEqual([]);
  });
});

test('a deleted queue is not declared again before its consumers have been canceled', async () => {
  const broker = await useBroker();
  const connection = await useLink(broker.url);
  const { topology } = useTopology();
  await topology.ensure(connection, shopInfo);
  const reader = await useChannel(broker.url);
  const received: Array<string | null> = [];
  await reader.consume(shopInfo.queue, (message) => received.push(message?.content.toString() ?? null));
  await broker.admin.deleteQueue(shopInfo.queue, broker.vhost);
  topology.forget();
  await topology.ensure(connection, shopInfo);
  // Otherwise, RabbitMQ would have moved the consumer to the new queue, where it holds back messages.
  expect(received).toEqual([null]);
  expect(await broker.listQueues()).toMatchObject([{ name: shopInfo.queue, consumers: 0 }]);
});

test('a lost connection makes a declaration reject, and nothing is reported', async () => {
  const broker = await useBroker();
  const { topology, notices } = useTopology();
  const connection = await useLink(broker.url);
  const ensuring = topology.ensure(connection, shopInfo);
  connection.destroy(new Error('lost'));
  await expect(ensuring).rejects.toThrow();
  await expect(topology.ensure(connection, shopInfo)).rejects.toThrow();
  expect(notices).toEqual([]);
});

test('another kind of refusal is reported once, and retried', async () => {
  const broker = await useBroker();
  const limit = (value: number) =>
    broker.admin.eval(
      `ok = rabbit_vhost_limit:set(<<"${broker.vhost}">>, [{<<"max-queues">>, ${value}}], <<"guest">>)`,
    );
  await limit(0);
  const { topology, notices } = useTopology();
  const connection = await useLink(broker.url);
  for (const _time of [1, 2]) await expect(topology.ensure(connection, shopInfo)).rejects.toThrow();
  expect(notices).toHaveLength(1);
  expect(notices[0]).toMatch(
    /^the broker refused queue "shop_info_logs": PRECONDITION_FAILED - .*limit.* Loghive keeps retrying\.$/,
  );
  await limit(-1);
  await topology.ensure(connection, shopInfo);
  expect(await broker.listQueues()).toMatchObject([{ type: 'quorum' }]);
});

test('a broker that refuses quorum queues gets classic ones, with one warning', async () => {
  const node = await requireRabbitmq();
  onEnd(() => node.stop());
  const { topology, notices } = useTopology();
  const enabled = (is: boolean) => node.eval(`ok = rabbit_feature_flags:mark_as_enabled_locally(quorum_queue, ${is})`);
  await enabled(false);
  // It closes the whole connection instead of the channel.
  await expect(topology.ensure(await useLink(node.url), shopInfo)).rejects.toThrow(/feature flag is disabled/);
  // A node whose flag was enabled from the start cannot declare classic queues without it.
  await enabled(true);
  const connection = await useLink(node.url);
  for (const declaration of [...logQueues('shop', settings, '3.10.8'), delayQueue(1000, 'quorum', '3.10.8')]) {
    await topology.ensure(connection, declaration);
  }
  expect(notices).toHaveLength(1);
  expect(notices[0]).toMatch(
    /^the broker refused a quorum queue \(.*feature flag is disabled\); classic queues are declared/,
  );
  const queues = await node.listQueues();
  expect(queues).toHaveLength(6);
  expect(queues.every(({ type }) => type === 'classic')).toBe(true);
});
