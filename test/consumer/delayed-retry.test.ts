/** A record waits in its delay queue while the broker restarts: it returns, and is stored or dead-lettered once. */
import { connect } from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startConsumer } from '../../consumer/index.js';
import { uuidv7 } from '../../src/uuid.js';
import type { RabbitmqServer } from '../support/rabbitmq.mjs';
import { requireRabbitmqOf } from '../support/rabbitmq-versions.mjs';
import { onEnd, uniqueName, useDatabase } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';

/** Longer than the broker takes to restart. */
const DELAY_MS = 15_000;
const DELAY_QUEUE = `failure_backoff_${DELAY_MS}`;

describe.each(['3.10', '4.3'])('RabbitMQ %s', (version) => {
  let node: RabbitmqServer;
  beforeAll(async () => {
    // The first run downloads the server.
    node = await requireRabbitmqOf(version);
  }, 180_000);
  afterAll(() => node?.stop());

  test.each([
    ['is restarted', 'SIGTERM'],
    ['is killed', 'SIGKILL'],
  ] as const)(
    'a delayed retry survives a broker that %s',
    async (_what, signal) => {
      const database = await useDatabase();
      const vhost = uniqueName('vhost');
      const url = await node.addVhost(vhost);
      const options = { url, databaseUrl: database.url, retryDelaysMs: [DELAY_MS] };
      const consumer = await startConsumer(['shop'], options);
      onEnd(() => consumer.stop());
      await database.query("alter table logs.records add constraint decent check (message not like 'bad%')");
      const connection = await connect(url);
      connection.on('error', () => {});
      onEnd(() => connection.close().catch(() => {}));
      const channel = await connection.createConfirmChannel();
      for (const message of ['good', 'bad for now', 'bad for good']) {
        const nowMs = Date.now();
        const timestamp = new Date(nowMs).toISOString();
        const record = { id: uuidv7(nowMs * 1000), service: 'shop', level: 'INFO', message, timestamp };
        channel.publish('logs_exchange', 'shop.info', Buffer.from(JSON.stringify(record)), { persistent: true });
      }
      await channel.waitForConfirms();
      const queues = async () => {
        const all = await node.listQueues(vhost);
        return Object.fromEntries(
          all.filter(({ messages }) => messages > 0).map(({ name, messages }) => [name, messages]),
        );
      };
      await eventually(async () => expect(await queues()).toEqual({ [DELAY_QUEUE]: 2 }));
      await node.sync();

      await node.kill(signal);
      await database.query(`alter table logs.records drop constraint decent;
      alter table logs.records add constraint decent check (message <> 'bad for good')`);
      await node.start();
      await eventually(async () => expect(await queues()).toEqual({ [DELAY_QUEUE]: 2 }));

      const given = () =>
        database.query('select attempts, queue, convert_from(raw, $1) as raw from logs.dead_letters', ['UTF8']);
      await eventually(async () => expect(await given()).toHaveLength(1), { withinMs: 60_000 });
      await eventually(async () => expect(await queues()).toEqual({}));
      const [{ raw, ...letter }] = await given();
      expect(letter).toEqual({ attempts: 2, queue: 'shop_info_logs' });
      expect(JSON.parse(raw)).toMatchObject({ message: 'bad for good' });
      expect(await database.query('select message from logs.records order by message')).toEqual([
        { message: 'bad for now' },
        { message: 'good' },
      ]);
      expect(consumer.status().counts).toMatchObject({ stored: 2, retried: 2, deadLetters: 1 });
    },
    120_000,
  );
});
