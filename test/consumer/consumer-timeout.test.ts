/**
 * RabbitMQ requeues messages that are unacknowledged for longer than `consumer_timeout` (default 30 minutes). Before
 * 4.3 it closes the channel, from then on it cancels the subscription. (4.3.6 continues to deliver to that, over which
 * amqplib closes the connection, and it closes the channel over messages still held by an earlier subscription.)
 */
import { connect } from 'amqplib';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startConsumer } from '../../consumer/index.js';
import { internalLogger } from '../../src/internal-logger.js';
import { uuidv7 } from '../../src/uuid.js';
import type { RabbitmqServer } from '../support/rabbitmq.mjs';
import { requireRabbitmqOf } from '../support/rabbitmq-versions.mjs';
import { onEnd, uniqueName, useDatabase } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';

const QUEUE = 'shop_info_logs';
const EARLIER = 200;
const RECORDS = 20;

describe.each([
  ['3.10', /^the channel was closed: .*delivery acknowledgement on channel \d+ timed out.* It will be reopened\.$/],
  [
    '4.3',
    /^the broker canceled the subscription to queue "shop_info_logs": .* or \d+ messages of it were unacknowledged for longer than the broker's consumer_timeout\. Loghive declares it and subscribes again\.$/,
  ],
])('RabbitMQ %s', (version, words) => {
  let node: RabbitmqServer;
  beforeAll(async () => {
    // The first run downloads the server.
    node = await requireRabbitmqOf(version);
    await node.setConsumerTimeout(1000);
  }, 180_000);
  afterAll(() => node?.stop());

  test('cancels a message held while the table is locked; the reason is logged and all records are stored once', async () => {
    const warned = vi.spyOn(internalLogger, 'warning').mockImplementation(() => {});
    onEnd(() => warned.mockRestore());
    const database = await useDatabase();
    const vhost = uniqueName('vhost');
    const url = await node.addVhost(vhost);
    const consumer = await startConsumer(['shop'], { url, databaseUrl: database.url, writeTimeoutMs: 1000 });
    onEnd(() => consumer.stop());
    const connection = await connect(url);
    onEnd(() => connection.close());
    const channel = await connection.createConfirmChannel();
    async function send(count: number) {
      for (let n = 0; n < count; n++) {
        const nowMs = Date.now();
        const timestamp = new Date(nowMs).toISOString();
        const record = { id: uuidv7(nowMs * 1000 + n), service: 'shop', level: 'INFO', message: 'm', timestamp };
        channel.publish('logs_exchange', 'shop.info', Buffer.from(JSON.stringify(record)), { persistent: true });
      }
      await channel.waitForConfirms();
    }
    const left = async () => (await node.listQueues(vhost)).find(({ name }) => name === QUEUE)?.messages;
    const stored = async () => (await database.query('select count(*)::int as n from logs.records'))[0].n;

    // The prefetch then exceeds all later loads, so the subscription is not renewed for a larger one.
    await send(EARLIER);
    await eventually(async () => expect([await stored(), await left()]).toEqual([EARLIER, 0]));
    await eventually(() => consumer.status().inHand === 0);

    const other = new pg.Client({ connectionString: database.url });
    await other.connect();
    onEnd(() => other.end());
    await other.query('begin; lock table logs.records in access exclusive mode');
    await send(RECORDS);
    // Each was delivered three times and republished meanwhile, so that no delivery limit drops it.
    await eventually(() => consumer.status().counts.redelivered >= 2 * RECORDS, { withinMs: 60_000 });
    expect(warned.mock.calls.map(([line]) => line)).toContainEqual(expect.stringMatching(words));
    expect(consumer.status().counts.deadLetters).toBe(0);

    await other.query('rollback');
    await eventually(async () => expect([await stored(), await left()]).toEqual([EARLIER + RECORDS, 0]), {
      withinMs: 60_000,
    });
    await eventually(() => consumer.status().health === 'ok' && consumer.status().inHand === 0, { withinMs: 30_000 });
    await send(10);
    await eventually(async () => expect([await stored(), await left()]).toEqual([EARLIER + RECORDS + 10, 0]));
    expect(await database.query('select 1 from logs.dead_letters')).toEqual([]);
  }, 180_000);
});
