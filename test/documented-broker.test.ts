/** What the documents say about RabbitMQ: permissions, an example message, a Python program, policies. */
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from 'amqplib';
import { expect, test, vi } from 'vitest';
import { createConsumer } from '../consumer/index.js';
import { LoggerClient } from '../src/index.js';
import { internalLogger } from '../src/internal-logger.js';
import { loghive } from './cli/run-loghive.js';
import { onEnd, uniqueName, useBroker, useDatabase } from './support/use-servers.js';
import { eventually } from './support/wait.mjs';

const documentOf = (name: string) => readFileSync(path.resolve(import.meta.dirname, '..', name), 'utf8');

test('the permissions in docs/production.md suffice for a producer, a consumer and its commands', {
  timeout: 60_000,
}, async () => {
  const [broker, database] = await Promise.all([useBroker(), useDatabase()]);
  const warning = vi.spyOn(internalLogger, 'warning').mockImplementation(() => {});
  onEnd(() => warning.mockRestore());
  async function urlOf(role: string) {
    const line = new RegExp(`^rabbitmqctl set_permissions ${role} '(.*)' '(.*)' '(.*)'$`, 'm').exec(
      documentOf('docs/production.md'),
    );
    const [, configure, write, read] = line!;
    const user = uniqueName(role);
    onEnd(() => broker.admin.deleteUser(user));
    return broker.admin.addUser(user, 'pw', { vhost: broker.vhost, configure, write, read });
  }
  const consumerUrl = await urlOf('consumer');
  const logger = new LoggerClient({ service: 'shop', url: await urlOf('shop') });
  onEnd(() => logger.close());
  logger.info('first');
  await logger.flush();
  const consumer = createConsumer([], { url: consumerUrl, databaseUrl: database.url, retryDelaysMs: [100] });
  onEnd(() => consumer.stop());
  await consumer.start();
  const messages = async () => (await database.query('select message from logs.records')).map((row) => row.message);
  await eventually(async () => expect(await messages()).toEqual(['first']));
  // A record that PostgreSQL refuses temporarily passes through the retry queues.
  await database.query(`create function logs.no() returns trigger language plpgsql as $$
    begin if new.message = 'no' then raise exception 'no' using errcode = 'P0001'; end if; return new; end $$`);
  await database.query('create trigger n before insert on logs.records for each row execute function logs.no()');
  logger.info('no');
  await eventually(() => consumer.status().counts.deadLetters === 1);
  expect(consumer.status()).toMatchObject({ counts: { retried: 1 }, notices: [], health: 'ok' });
  expect(warning.mock.calls.flat()).toEqual([expect.stringContaining('1 dead letter from')]);

  const servers = ['--url', consumerUrl, '--database-url', database.url];
  await database.query('drop trigger n on logs.records');
  expect(await loghive(['dead-letters', 'replay', ...servers])).toMatchObject({ code: 0, stderr: [] });
  await eventually(async () => expect(await messages()).toContain('no'));
  await Promise.all([logger.close(), consumer.stop()]);
  const removed = await loghive(['services', 'remove', 'shop', '--delete-queues', '--yes', ...servers]);
  expect(removed).toMatchObject({ code: 0, stderr: [] });
  expect((await broker.listQueues()).filter(({ name }) => name.startsWith('shop_'))).toEqual([]);
});

test('the example message of docs/wire-format.md is stored', async () => {
  const [broker, database] = await Promise.all([useBroker(), useDatabase()]);
  const consumer = createConsumer(['shop'], { url: broker.url, databaseUrl: database.url });
  onEnd(() => consumer.stop());
  await consumer.start();
  const section = /## Publish from another language\n(.*?)\n## /s.exec(documentOf('docs/wire-format.md'))![1]!;
  const [body, properties] = [...section.matchAll(/```json\n(.*?)```/gs)].map(([, json]) => json!);
  const { content_type, delivery_mode, timestamp, ...others } = JSON.parse(properties!);
  expect(others).toEqual({});
  const connection = await connect(broker.url);
  onEnd(() => connection.close());
  const channel = await connection.createConfirmChannel();
  const published = { contentType: content_type, deliveryMode: delivery_mode, timestamp, mandatory: true };
  for (let time = 0; time < 2; time++) channel.publish('logs_exchange', 'shop.info', Buffer.from(body!), published);
  await channel.waitForConfirms();
  await eventually(() => consumer.status().counts.stored + consumer.status().counts.duplicates === 2);
  const { id, service, level, message, information } = JSON.parse(body!);
  expect(await database.query('select id, service, level, message, information from logs.records')).toEqual([
    { id, service, level, message, information },
  ]);
});

/** A substitute for pika, which is not available everywhere: it prints what would be published. */
const PIKA = `
import json
class URLParameters:
    def __init__(self, url): self.url = url
class BasicProperties:
    def __init__(self, **properties): self.properties = properties
class Channel:
    def confirm_delivery(self): pass
    def basic_publish(self, exchange, routing_key, body, properties, mandatory):
        print(json.dumps([exchange, routing_key, body, properties.properties, mandatory]))
class BlockingConnection:
    def __init__(self, parameters): pass
    def channel(self):
        channel = Channel()
        channel.connection = self
        return channel
    def close(self): pass
`;

test('the Python program of docs/wire-format.md publishes a record that is stored', async () => {
  const [, code] = /```python\n(.*?)```/s.exec(documentOf('docs/wire-format.md'))!;
  const folder = mkdtempSync(path.join(tmpdir(), 'loghive-python-'));
  onEnd(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(path.join(folder, 'pika.py'), PIKA);
  writeFileSync(path.join(folder, 'publish.py'), code!);
  const { status, stdout } = spawnSync('python3', [path.join(folder, 'publish.py')], { encoding: 'utf8' });
  // Without Python, the same message is used, so that at least the consumer is tested.
  const record = {
    id: randomUUID(),
    service: 'shop',
    level: 'INFO',
    message: 'order placed',
    information: { order: 7 },
  };
  const timestamped = { ...record, timestamp: new Date().toISOString().replace('Z', '123+00:00') };
  const properties = { content_type: 'application/json', delivery_mode: 2, timestamp: Math.floor(Date.now() / 1000) };
  const fallback = ['logs_exchange', 'shop.info', JSON.stringify(timestamped), properties, true];
  const [exchange, key, body, { content_type, delivery_mode, timestamp }, mandatory] =
    status === null ? fallback : JSON.parse(stdout);
  expect([exchange, key, mandatory]).toEqual(['logs_exchange', 'shop.info', true]);

  const [broker, database] = await Promise.all([useBroker(), useDatabase()]);
  const consumer = createConsumer(['shop'], { url: broker.url, databaseUrl: database.url });
  onEnd(() => consumer.stop());
  await consumer.start();
  const connection = await connect(broker.url);
  onEnd(() => connection.close());
  const channel = await connection.createConfirmChannel();
  channel.publish(exchange, key, Buffer.from(body), {
    contentType: content_type,
    deliveryMode: delivery_mode,
    timestamp,
    mandatory,
  });
  await channel.waitForConfirms();
  await eventually(() => consumer.status().counts.stored === 1);
  const published = JSON.parse(body);
  expect(await database.query('select id, service, level, message, information from logs.records')).toEqual([
    { id: published.id, service: 'shop', level: 'INFO', message: 'order placed', information: { order: 7 } },
  ]);
});

test('RabbitMQ uses the lower limit of policy and argument, and a policy overrides "reject-publish"', async () => {
  const broker = await useBroker();
  const { vhost } = broker;
  await broker.admin.setPolicy('short', '^short_', { 'max-length': 1 }, { vhost });
  await broker.admin.setPolicy('long', '^long_', { 'max-length': 1000 }, { vhost });
  await broker.admin.setPolicy('drop', '^drop_', { 'max-length': 1, overflow: 'drop-head' }, { vhost });
  const connection = await connect(broker.url);
  onEnd(() => connection.close());
  /** How many of 20 messages are confirmed, and how many are in the queue. Limits are soft: a few more are accepted. */
  const sent = async (queue: string, maxLength: number) => {
    const channel = await connection.createConfirmChannel();
    const own = { 'x-queue-type': 'quorum', 'x-overflow': 'reject-publish', 'x-max-length': maxLength };
    await channel.assertQueue(queue, { durable: true, arguments: own });
    let confirmed = 0;
    for (let n = 0; n < 20; n++) {
      const isConfirmed = await new Promise((resolve) => {
        channel.sendToQueue(queue, Buffer.from('x'), {}, (error) => resolve(error === null));
      });
      if (isConfirmed) confirmed += 1;
    }
    return { confirmed, kept: (await channel.checkQueue(queue)).messageCount };
  };
  const short = await sent('short_queue', 1000);
  expect(short.confirmed).toBeLessThan(10);
  expect(short.kept).toBe(short.confirmed);
  const long = await sent('long_queue', 1);
  expect(long.confirmed).toBeLessThan(10);
  // All were confirmed, and most were dropped.
  const dropped = await sent('drop_queue', 1000);
  expect(dropped.confirmed).toBe(20);
  expect(dropped.kept).toBeLessThan(10);
});
