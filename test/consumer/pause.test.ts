/** While PostgreSQL cannot store: messages are held, because each return counts against a delivery limit. */
import { connect, type GetMessage } from 'amqplib';
import { expect, test } from 'vitest';
import { type ConsumerHooks, createConsumer } from '../../consumer/index.js';
import { onEnd, uniqueName, useBroker, useDatabase, useProxy } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';

async function useServers() {
  const [broker, database] = await Promise.all([useBroker(), useDatabase()]);
  const proxy = await useProxy(database.url);
  const connection = await connect(broker.url);
  onEnd(() => connection.close().catch(() => {}));
  const channel = await connection.createConfirmChannel();
  async function send(count: number) {
    for (let n = 0; n < count; n++) {
      const record = { service: 'shop', level: 'INFO', message: `m${n}`, timestamp: new Date().toISOString() };
      channel.publish('logs_exchange', 'shop.info', Buffer.from(JSON.stringify(record)), { persistent: true });
    }
    await channel.waitForConfirms();
  }
  async function useConsumer(hooks: ConsumerHooks = {}, url = broker.url) {
    const consumer = createConsumer(['shop'], { url, databaseUrl: proxy.url(database.url), hooks });
    onEnd(() => consumer.stop());
    await consumer.start();
    return consumer;
  }
  const queue = async () => (await broker.listQueues()).find(({ name }) => name === 'shop_info_logs');
  const stored = async () =>
    (await database.query('select count(*)::int as n, count(distinct message)::int as different from logs.records'))[0];
  /** Everything is delivered and none acknowledged. */
  const areHeld = async (count: number) => (await queue())?.unacked === count;
  /** Nacked as often as if so many consumers had died with them. */
  async function returned(count: number, times: number) {
    for (let time = 0; time < times; time++) {
      const messages = await eventually(async (): Promise<GetMessage[] | null> => {
        const got: GetMessage[] = [];
        while (got.length < count) {
          const message = await channel.get('shop_info_logs');
          if (!message) break;
          got.push(message);
        }
        if (got.length === count) return got;
        for (const message of got) channel.nack(message);
        return null;
      });
      for (const message of messages ?? []) channel.nack(message);
    }
  }
  return { broker, proxy, channel, send, useConsumer, queue, stored, areHeld, returned };
}

test('what is in hand is held while storage is paused, and none of it is returned to the broker', async () => {
  const { proxy, send, useConsumer, stored, areHeld } = await useServers();
  const consumer = await useConsumer();
  await proxy.refuse();
  await proxy.reset();
  await send(20);
  await eventually(() => consumer.status().state === 'paused');
  // What comes now is taken as well, as far as the prefetch goes, and waits behind it.
  await send(20);
  await eventually(() => areHeld(40));
  // While a subscription is renewed with a larger prefetch, a quorum queue takes back what was on its way to the old one.
  const { redelivered } = consumer.status().counts;
  await proxy.heal();
  await eventually(async () => (await stored()).n === 40, { withinMs: 30_000 });
  await eventually(() => areHeld(0));
  expect(consumer.status()).toMatchObject({ counts: { redelivered, stored: 40, duplicates: 0 }, inHand: 0 });
}, 60_000);

test('what cannot be stored for long is given back once, and nothing is taken until storage works again', async () => {
  const { proxy, send, useConsumer, queue, stored } = await useServers();
  const consumer = await useConsumer({ requeueAfterMs: 200 });
  await proxy.refuse();
  await proxy.reset();
  await send(20);
  await eventually(async () => {
    const { ready, consumers } = (await queue())!;
    return ready === 20 && consumers === 0 && consumer.status().state === 'paused';
  });
  await proxy.heal();
  await eventually(async () => (await stored()).n === 20, { withinMs: 30_000 });
  expect(consumer.status().counts).toMatchObject({ redelivered: 20, stored: 20, rounds: 0 });
}, 60_000);

test('what is in hand when the channel ends is not stored from memory: it comes again', async () => {
  const { broker, proxy, send, useConsumer, stored, areHeld } = await useServers();
  const consumer = await useConsumer();
  await proxy.refuse();
  await proxy.reset();
  await send(10);
  await eventually(() => areHeld(10));
  await broker.closeConnections();
  await eventually(() => consumer.status().broker.state === 'ready', { withinMs: 30_000 });
  await eventually(() => areHeld(10));
  await proxy.heal();
  await eventually(async () => (await stored()).n === 10, { withinMs: 30_000 });
  expect(consumer.status().counts).toMatchObject({ stored: 10, duplicates: 0 });
}, 60_000);

test('a message that came back twice is published anew before it is looked at, and then stored', async () => {
  const { send, useConsumer, stored, returned, areHeld } = await useServers();
  await (await useConsumer()).stop();
  await send(5);
  await returned(5, 1);
  await send(5);
  await returned(10, 1);
  const consumer = await useConsumer();
  await eventually(async () => (await stored()).n === 10);
  await eventually(() => areHeld(0));
  expect(consumer.status().counts).toMatchObject({ rounds: 5, stored: 10 });
});

test('a message that cannot be published anew is stored without that', async () => {
  const { broker, send, useConsumer, stored, returned, areHeld } = await useServers();
  await (await useConsumer()).stop();
  await send(3);
  await returned(3, 2);
  const user = uniqueName('user');
  // The default exchange is what messages are published anew through.
  const url = await broker.admin.addUser(user, 'pw', { vhost: broker.vhost, write: '^(?!amq\\.default).+$' });
  onEnd(() => broker.admin.deleteUser(user));
  const consumer = await useConsumer({}, url);
  await eventually(async () => (await stored()).different === 3);
  await eventually(() => areHeld(0));
  expect(consumer.status().counts).toMatchObject({ rounds: 0, stored: 3 });
});
