/** Worker threads, each with the whole pipeline. They run the built package, because a thread cannot run TypeScript. */
import path from 'node:path';
import { connect } from 'amqplib';
import pg from 'pg';
import { expect, test, vi } from 'vitest';
import type { CreateConsumerOptions, LoghiveConsumer } from '../../consumer/index.js';
import { evaluateInWorker } from '../support/evaluate-in-worker.js';
import { fetched, seriesOf } from '../support/scrape.js';
import { onEnd, uniqueName, useBroker, useDatabase, useProxy } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';

const BUILT = path.join(import.meta.dirname, '..', '..', 'dist', 'esm');
const { createConsumer }: typeof import('../../consumer/index.js') = await import(`${BUILT}/consumer/index.js`);
const { internalLogger }: typeof import('../../src/internal-logger.js') = await import(
  `${BUILT}/src/internal-logger.js`
);

type Consumer = LoghiveConsumer & { killWorker(id: number): Promise<void> };

async function usePool(options: CreateConsumerOptions = {}, services: string[] = ['shop']) {
  const [broker, database] = await Promise.all([useBroker(), useDatabase()]);
  const connection = await connect(broker.url);
  onEnd(() => connection.close().catch(() => {}));
  const channel = await connection.createConfirmChannel();
  const proxy = await useProxy(database.url);
  const at = { url: broker.url, databaseUrl: proxy.url(database.url), workers: 2, batchLingerMs: 10 };
  const consumer = createConsumer(services, { ...at, ...options }) as Consumer;
  onEnd(() => consumer.stop());
  let sent = 0;
  /** Each has an id, so that it is stored once however often it is delivered. */
  function send(count: number, service = 'shop') {
    for (let n = 0; n < count; n++) {
      const id = `01993f0e-0000-7000-8000-${(++sent).toString(16).padStart(12, '0')}`;
      const record = { id, service, level: 'INFO', message: `m${sent}`, timestamp: '2026-01-31T10:30:45.123456Z' };
      channel.publish('logs_exchange', `${service}.info`, Buffer.from(JSON.stringify(record)), { persistent: true });
    }
    return channel.waitForConfirms();
  }
  const count = async () => (await database.query('select count(*)::int as n from logs.records'))[0].n as number;
  const queue = async (name = 'shop_info_logs') => (await broker.listQueues()).find((each) => each.name === name);
  return { broker, database, proxy, channel, consumer, send, count, queue };
}

test('worker threads share the messages of one queue, and their counts are summed', async () => {
  const { consumer, send, count } = await usePool({ batchSize: 10 });
  await consumer.start();
  const { workers } = consumer.status();
  expect(workers.map(({ id }) => id)).toEqual([1, 2]);
  for (let round = 0; round < 20; round++) await send(50);
  await eventually(async () => (await count()) === 1000);
  await eventually(() => consumer.status().counts.stored === 1000 && consumer.status().inHand === 0);
  for (const worker of consumer.status().workers) expect(worker.counts.stored).toBeGreaterThan(0);
  expect(consumer.status()).toMatchObject({ state: 'running', health: 'ok', notices: [] });
  await consumer.stop();
  expect(consumer.status()).toMatchObject({ state: 'stopped', counts: { stored: 1000, duplicates: 0 } });
});

test('worker threads that die are replaced, and every record is stored once', async () => {
  const { consumer, send, count } = await usePool({ batchSize: 20 });
  await consumer.start();
  let sent = 0;
  for (let death = 0; death < 6; death++) {
    await send(500);
    sent += 500;
    await consumer.killWorker(1 + (death % 2));
  }
  await eventually(async () => (await count()) === sent, { withinMs: 30_000 });
  await eventually(
    () => consumer.status().workers.every(({ state, restarts }) => state === 'running' && restarts > 0),
    {
      withinMs: 60_000,
    },
  );
  await send(100);
  await eventually(async () => (await count()) === sent + 100);
  await eventually(() => consumer.status().inHand === 0);
}, 120_000);

test('a worker thread that keeps dying causes a notice, and the other continues', async () => {
  const { consumer, send, count } = await usePool();
  await consumer.start();
  // A quorum queue whose declaration is interrupted is refused for a moment, which is another notice.
  const bothConsume = () => consumer.status().workers.every(({ queues }) => queues.taken === 5);
  await eventually(bothConsume);
  for (let death = 1; death <= 3; death++) {
    await consumer.killWorker(1);
    await eventually(() => consumer.status().workers[0]!.restarts === death, { withinMs: 30_000 });
    await eventually(bothConsume);
  }
  expect(consumer.status().health).toBe('degraded');
  expect(consumer.status().notices).toEqual([
    'worker 1 has died 3 times in a row, most recently because: a test terminated it',
  ]);
  await send(10);
  await eventually(async () => (await count()) === 10);
}, 120_000);

test('a worker thread that hangs on a message is terminated after a while, and everything is stored once', async () => {
  const errorLog = vi.spyOn(internalLogger, 'error').mockImplementation(() => {});
  onEnd(() => errorLog.mockRestore());
  const { consumer, database, send, count, queue } = await usePool({ hooks: { checkEveryMs: 500 } });
  await consumer.start();
  const other = new pg.Client({ connectionString: database.url });
  await other.connect();
  onEnd(() => other.end());
  await other.query('begin; lock table logs.records in access exclusive mode');
  // Otherwise the first worker could take all of them.
  await eventually(async () => (await queue())?.consumers === 2);
  await send(100);
  await eventually(() => consumer.status().workers.every(({ inHand }) => inHand > 0));
  await evaluateInWorker('loghive worker 1', 'for (;;);');
  await other.query('rollback');
  await eventually(() => consumer.status().workers[0]!.state === 'silent');
  expect((await queue())?.unacked).toBeGreaterThan(0);

  await eventually(() => consumer.status().workers[0]!.restarts === 1, { withinMs: 30_000 });
  expect(errorLog.mock.calls.map(([line]) => line)).toEqual([
    'worker 1 died: it did not respond for 6 s. The broker redelivers its unacknowledged messages, and a new worker replaces it.',
  ]);
  await eventually(async () => expect([await count(), (await queue())?.messages]).toEqual([100, 0]));
  await eventually(() => consumer.status().health === 'ok' && consumer.status().inHand === 0);
  expect(consumer.status().workers.map(({ state, restarts }) => [state, restarts])).toEqual([
    ['running', 1],
    ['running', 0],
  ]);
}, 60_000);

test('worker threads consume a service that announces itself, and acknowledge its announcement', async () => {
  const { channel, consumer, send, count, queue } = await usePool({}, []);
  await consumer.start();
  const service = uniqueName('svc');
  channel.publish('logs_exchange', 'loghive.services', Buffer.from(JSON.stringify({ service })), { persistent: true });
  await channel.waitForConfirms();
  await eventually(() => consumer.status().services.includes(service));
  await eventually(async () => (await queue(`${service}_info_logs`))?.consumers === 2);
  await send(10, service);
  await eventually(async () => (await count()) === 10);
  await eventually(async () => (await queue('loghive_services'))?.messages === 0);
});

test('worker threads pause together while PostgreSQL is down, and resume', async () => {
  const { proxy, consumer, send, count } = await usePool();
  await consumer.start();
  await proxy.refuse();
  await proxy.reset();
  await eventually(async () => {
    await send(10);
    return consumer.status().state === 'paused';
  });
  expect(consumer.status()).toMatchObject({ health: 'unhealthy', reason: expect.stringContaining('127.0.0.1') });
  const stored = await count();
  await proxy.heal();
  await eventually(() => consumer.status().health === 'ok', { withinMs: 60_000 });
  await eventually(async () => (await count()) > stored && consumer.status().inHand === 0);
}, 90_000);

test('worker threads emit events for dead letters and stored records', async () => {
  const { channel, consumer, send } = await usePool();
  const letters: unknown[] = [];
  const states: string[] = [];
  let stored = 0;
  consumer.on('deadLetter', (letter) => letters.push(letter));
  consumer.on('stored', (records) => {
    stored += records;
  });
  consumer.on('state', (state) => states.push(state));
  await consumer.start();
  channel.publish('logs_exchange', 'shop.info', Buffer.from('no JSON'), { persistent: true });
  await send(10);
  await eventually(() => stored === 10 && letters.length === 1);
  expect(letters[0]).toMatchObject({ queue: 'shop_info_logs', code: expect.any(String), reason: expect.any(String) });
  await consumer.stop();
  expect(states).toEqual(['preparing', 'running', 'stopping', 'stopped']);
});

test('worker threads that die keep their counts in the metrics', async () => {
  const { consumer, send } = await usePool({ batchSize: 10, httpPort: 0 });
  await consumer.start();
  const series = async () => seriesOf((await fetched(consumer.status().httpPort, '/metrics')).body);
  const stored = async () => (await series()).get('loghive_records_stored_total{service="shop",level="INFO"}');
  for (let round = 0; round < 10; round++) await send(50);
  await eventually(async () => expect(await stored()).toBe(500));
  expect((await series()).get('loghive_workers')).toBe(2);
  await consumer.killWorker(1);
  await eventually(async () => expect((await series()).get('loghive_worker_restarts_total')).toBe(1));
  await eventually(async () => expect((await series()).get('loghive_workers')).toBe(2));
  await send(50);
  await eventually(async () => expect(await stored()).toBe(550));
  expect((await series()).get('loghive_batch_records_sum')).toBe(550);
});
