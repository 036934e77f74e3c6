import { connect } from 'amqplib';
import { describe, expect, test } from 'vitest';
import { type ConsumerOptions, createConsumer } from '../../../consumer/index.js';
import { onEnd, uniqueName, useBroker, useDatabase } from '../../support/use-servers.js';
import { eventually } from '../../support/wait.mjs';

const [broker, database] = await Promise.all([useBroker(), useDatabase()]);

async function useConsumer(service: string, url: string, options: ConsumerOptions = {}) {
  const consumer = createConsumer([service], { url, databaseUrl: database.url, ...options });
  onEnd(() => consumer.stop());
  await consumer.start();
  return consumer;
}

async function useChannel() {
  const connection = await connect(broker.url);
  onEnd(() => connection.close().catch(() => {}));
  return { connection, channel: await connection.createConfirmChannel() };
}

async function useUser(permissions: { configure?: string; read?: string }) {
  const name = uniqueName('user');
  const url = await broker.admin.addUser(name, 'secret', { vhost: broker.vhost, ...permissions });
  onEnd(() => broker.admin.deleteUser(name));
  return { url, grantAll: () => broker.admin.setPermissions(name, broker.vhost) };
}

async function log(service: string, level: string) {
  const { channel } = await useChannel();
  const record = { service, level: level.toUpperCase(), message: 'hello', timestamp: new Date().toISOString() };
  channel.publish('logs_exchange', `${service}.${level}`, Buffer.from(JSON.stringify(record)), { persistent: true });
  await channel.waitForConfirms();
}

async function isStored(service: string, level: string) {
  const { count } = (
    await database.query('SELECT count(*)::int FROM logs.records WHERE service = $1 AND level = $2', [
      service,
      level.toUpperCase(),
    ])
  )[0];
  return count === 1;
}

describe('a queue that the broker refuses to consume from', () => {
  test('may not be read: the others are consumed, and it too once the permission is granted', async () => {
    const service = uniqueName('svc');
    await (await useConsumer(service, broker.url)).stop();
    const user = await useUser({ read: `^(?!${service}_error_logs$).*` });
    const consumer = await useConsumer(service, user.url);
    await log(service, 'info');
    await eventually(() => isStored(service, 'info'));
    await eventually(() => consumer.status().health === 'degraded');
    expect(consumer.status().notices).toEqual([
      expect.stringMatching(
        new RegExp(`^cannot consume from queue "${service}_error_logs": .*Grant the user "read" on it`),
      ),
    ]);

    await log(service, 'error');
    await user.grantAll();
    await eventually(() => isStored(service, 'error'));
    expect(consumer.status()).toMatchObject({ health: 'ok', notices: [] });
  });

  test('is exclusive to another connection: it is consumed when that ends', async () => {
    const service = uniqueName('svc');
    const owner = await useChannel();
    await owner.channel.assertQueue(`${service}_debug_logs`, { exclusive: true, durable: true });
    const consumer = await useConsumer(service, broker.url);
    await log(service, 'info');
    await eventually(() => isStored(service, 'info'));
    expect(consumer.status().notices.join()).toContain('another connection');

    await owner.connection.close();
    await eventually(async () => (await broker.listQueues()).some(({ name }) => name === `${service}_debug_logs`));
    await log(service, 'debug');
    await eventually(() => isStored(service, 'debug'));
  });

  test('does not exist and may not be declared: it is consumed once another client declares it', async () => {
    const service = uniqueName('svc');
    await (await useConsumer(service, broker.url)).stop();
    const { channel } = await useChannel();
    await channel.deleteQueue(`${service}_warning_logs`);
    const user = await useUser({ configure: '' });
    const consumer = await useConsumer(service, user.url);
    await log(service, 'info');
    await eventually(() => isStored(service, 'info'));
    await eventually(() => consumer.status().notices.join().includes('Declare it'));

    await channel.assertQueue(`${service}_warning_logs`, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
    await channel.bindQueue(`${service}_warning_logs`, 'logs_exchange', `${service}.warning`);
    await log(service, 'warning');
    await eventually(() => isStored(service, 'warning'));
  });

  test("has another client's exclusive consumer: it is consumed when that ends", async () => {
    const service = uniqueName('svc');
    // On quorum queues RabbitMQ ignores "exclusive".
    const classic = { queueType: 'classic' } as const;
    await (await useConsumer(service, broker.url, classic)).stop();
    const owner = await useChannel();
    await owner.channel.consume(`${service}_info_logs`, () => {}, { exclusive: true });
    const consumer = await useConsumer(service, broker.url, classic);
    await log(service, 'error');
    await eventually(() => isStored(service, 'error'));
    const notice = () => consumer.status().notices.find((each) => each.includes(`queue "${service}_info_logs"`));
    await eventually(() => notice() !== undefined);
    expect(notice()).toMatch(/^cannot consume from queue .*exclusive.* Another client consumes it exclusively/);
    expect(notice()).not.toContain('Grant');

    await owner.connection.close();
    await log(service, 'info');
    await eventually(() => isStored(service, 'info'));
    expect(notice()).toBeUndefined();
  });
});

describe('a queue that another client declared', () => {
  const declared = async (service: string, queueArguments: Record<string, unknown>) => {
    const { channel } = await useChannel();
    await channel.assertExchange('logs_exchange', 'direct', { durable: true });
    await channel.assertQueue(`${service}_info_logs`, { durable: true, arguments: queueArguments });
    await channel.bindQueue(`${service}_info_logs`, 'logs_exchange', `${service}.info`);
    return channel;
  };

  test('as a stream is not consumed, but the others are; redeclared, it is consumed', async () => {
    const service = uniqueName('svc');
    const channel = await declared(service, { 'x-queue-type': 'stream' });
    await log(service, 'info');
    const consumer = await useConsumer(service, broker.url);
    await log(service, 'error');
    await eventually(() => isStored(service, 'error'));
    expect(consumer.status().health).toBe('degraded');
    expect(consumer.status().notices).toContainEqual(
      expect.stringMatching(new RegExp(`^queue "${service}_info_logs" is a stream, .*Delete the stream`)),
    );
    expect(await isStored(service, 'info')).toBe(false);

    await channel.deleteQueue(`${service}_info_logs`);
    await eventually(async () => (await broker.listQueues()).some(({ name }) => name === `${service}_info_logs`));
    await eventually(() => !consumer.status().notices.some((notice) => notice.includes('is a stream')));
    await log(service, 'info');
    await eventually(() => isStored(service, 'info'));
  });

  test.each([
    [20, /has a delivery limit of 20 and no dead-letter exchange/],
    [1, /has a delivery limit of 1, which is too low/],
  ])('with a delivery limit of %i is consumed, and health reports it', async (limit, words) => {
    const service = uniqueName('svc');
    await declared(service, { 'x-queue-type': 'quorum', 'x-delivery-limit': limit });
    const consumer = await useConsumer(service, broker.url);
    await log(service, 'info');
    await eventually(() => isStored(service, 'info'));
    expect(consumer.status().health).toBe('degraded');
    expect(consumer.status().notices).toContainEqual(expect.stringMatching(words));
  });
});
