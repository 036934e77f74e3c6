/** Interoperation with the Python package: its queues are used, its messages are stored, and it can read ours. */
import { connect } from 'amqplib';
import { describe, expect, test, vi } from 'vitest';
import winston from 'winston';
import type { ConsumerOptions } from '../consumer/config.js';
import { startConsumer } from '../consumer/index.js';
import { internalLogger } from '../src/internal-logger.js';
import { LoghiveTransport } from '../transports/winston.js';
import { onEnd, type TestBroker, uniqueName, useBroker, useDatabase } from './support/use-servers.js';
import { eventually } from './support/wait.mjs';

const ARGUMENTS = { 'x-message-ttl': 604_800_000, 'x-max-length': 1_000_000 };
const EXCHANGE = 'logs_exchange';

async function openChannel(broker: TestBroker) {
  const connection = await connect(broker.url);
  onEnd(() => connection.close().catch(() => {}));
  return connection.createConfirmChannel();
}

/** What the package's client and consumer declare when they start. */
async function declareAsPython(broker: TestBroker, service: string) {
  const channel = await openChannel(broker);
  await channel.assertExchange(EXCHANGE, 'direct', { durable: true });
  for (const level of ['info', 'error', 'warning']) {
    const queue = `${service}_${level}_logs`;
    await channel.assertQueue(queue, { durable: true, arguments: ARGUMENTS });
    await channel.bindQueue(queue, EXCHANGE, `${service}.${level}`);
  }
  await channel.assertExchange('failure_backoff', 'direct', { durable: true });
  await channel.assertQueue('failure_backoff', { durable: true, arguments: ARGUMENTS });
  await channel.bindQueue('failure_backoff', 'failure_backoff', 'failure.backoff');
  return channel;
}

/** `str(datetime.now())` where clocks show UTC + `offsetMinutes`. */
function pythonNow(epochMs: number, micros: string, offsetMinutes: number): string {
  const local = new Date(epochMs + offsetMinutes * 60_000).toISOString();
  return `${local.slice(0, 10)} ${local.slice(11, 19)}${micros}`;
}

async function consume(broker: TestBroker, service: string, options: ConsumerOptions = {}) {
  const warningLog = vi.spyOn(internalLogger, 'warning').mockImplementation(() => {});
  onEnd(() => warningLog.mockRestore());
  const database = await useDatabase();
  const consumer = await startConsumer([service], { url: broker.url, databaseUrl: database.url, ...options });
  onEnd(() => consumer.stop());
  return { database, consumer, warnings: () => warningLog.mock.calls.map(([line]) => line) };
}

describe('a consumer whose queues the Python package has declared', () => {
  test('stores its records with the right time, and reports different arguments once by name', async () => {
    const broker = await useBroker();
    const service = uniqueName('svc');
    const channel = await declareAsPython(broker, service);
    const epochS = Math.floor(Date.now() / 1000) - 3600;
    const logged: Array<[string, string, number]> = [
      ['info', '.123456', 120],
      ['error', '.000007', -210],
      ['warning', '', 0],
      ['info', '.999999', 345],
    ];
    for (const [index, [level, micros, offset]] of logged.entries()) {
      const record = {
        service,
        level: level.toUpperCase(),
        message: `at ${offset}`,
        information: { index },
        timestamp: pythonNow(epochS * 1000, micros, offset),
      };
      channel.publish(EXCHANGE, `${service}.${level}`, Buffer.from(JSON.stringify(record)), {
        contentType: 'application/json',
        deliveryMode: 2,
        timestamp: epochS,
      });
    }
    await channel.waitForConfirms();

    const { database, warnings } = await consume(broker, service);
    const rows = await eventually(async () => {
      const found = await database.query(
        "SELECT level, message, information, to_char(ts AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') AS at FROM logs.records ORDER BY (information->>'index')::int",
      );
      return found.length === logged.length ? found : null;
    });
    expect(rows).toEqual(
      logged.map(([level, micros, offset], index) => ({
        level: level.toUpperCase(),
        message: `at ${offset}`,
        information: { index },
        at: pythonNow(epochS * 1000, micros || '.000000', 0),
      })),
    );
    for (const queue of [`${service}_info_logs`, `${service}_error_logs`, `${service}_warning_logs`]) {
      const about = warnings().filter((line) => line.includes(`"${queue}" exists with different arguments`));
      expect(about).toHaveLength(1);
    }
    expect(
      warnings().filter((line) => line.includes('"failure_backoff" exists with different arguments')),
    ).toHaveLength(1);
    const queues = await broker.listQueues();
    expect(queues.find(({ name }) => name === `${service}_info_logs`)?.arguments).toEqual(ARGUMENTS);
    expect(queues.find(({ name }) => name === 'failure_backoff')?.arguments).toEqual(ARGUMENTS);
    expect(await database.query('SELECT * FROM logs.dead_letters')).toEqual([]);
  });

  test('retries the messages that its consumer left in failure_backoff', async () => {
    const broker = await useBroker();
    const service = uniqueName('svc');
    const channel = await declareAsPython(broker, service);
    const leave = (message: string) => {
      const timestamp = pythonNow(Date.now(), '.000001', 0);
      const record = { service, level: 'ERROR', message, information: {}, timestamp };
      channel.publish('failure_backoff', 'failure.backoff', Buffer.from(JSON.stringify(record)), { deliveryMode: 2 });
      return channel.waitForConfirms();
    };
    await leave('left behind');
    const { consumer, database } = await consume(broker, service, { retryDelaysMs: [100, 100] });
    await eventually(() => consumer.status().counts.stored === 1);
    expect(await database.query('select service, level, message from logs.records')).toEqual([
      { service, level: 'ERROR', message: 'left behind' },
    ]);

    await database.query("alter table logs.records add constraint decent check (message not like 'bad%')");
    await leave('bad');
    await eventually(() => consumer.status().counts.deadLetters === 1);
    const [deadLetter] = await database.query(
      "select attempts, queue, service, convert_from(raw, 'UTF8')::json->>'message' as message from logs.dead_letters",
    );
    expect(deadLetter).toEqual({ attempts: 3, queue: 'failure_backoff', service, message: 'bad' });
    expect(consumer.status().counts).toMatchObject({ retried: 2, stored: 1 });
  });

  test('reports nothing with queueType python', async () => {
    const broker = await useBroker();
    const service = uniqueName('svc');
    await declareAsPython(broker, service);
    const { warnings } = await consume(broker, service, { queueType: 'python' });
    expect(warnings().filter((line) => /arguments/.test(line))).toEqual([]);
  });
});

describe('with queueType python', () => {
  test('a consumer declares only the two arguments of the package, so that both can declare the queues', async () => {
    const broker = await useBroker();
    const service = uniqueName('svc');
    await consume(broker, service, { queueType: 'python' });
    const queues = (await broker.listQueues()).filter(({ name }) => name.startsWith(service));
    expect(queues.map(({ name }) => name).sort()).toEqual(
      ['critical', 'debug', 'error', 'info', 'warning'].map((level) => `${service}_${level}_logs`),
    );
    for (const queue of queues) expect(queue).toMatchObject({ type: 'classic', durable: true, arguments: ARGUMENTS });
    // Rejects with a 406 if anything differs.
    await declareAsPython(broker, service);
  });

  test('services still announce themselves, in a queue that the package does not use', async () => {
    const broker = await useBroker();
    const service = uniqueName('svc');
    await declareAsPython(broker, service);
    const transport = new LoghiveTransport({ service, url: broker.url, queueType: 'python', base: null });
    onEnd(() => transport.close());
    const database = await useDatabase();
    const consumer = await startConsumer([], { url: broker.url, databaseUrl: database.url, queueType: 'python' });
    onEnd(() => consumer.stop());
    await eventually(() => consumer.status().services.includes(service));
    expect(consumer.status().notices).toEqual([]);
    await declareAsPython(broker, service);
  });

  test('a producer sends one record per message, like the package', async () => {
    const broker = await useBroker();
    const service = uniqueName('svc');
    const transport = new LoghiveTransport({ service, url: broker.url, queueType: 'python', base: null });
    onEnd(() => transport.close());
    const logger = winston.createLogger({ transports: [transport] });
    const before = Date.now();
    for (let order = 0; order < 3; order++) logger.info('order placed', { order });
    await transport.flush();

    // The package's own declaration succeeds, because the producer declared the same.
    const channel = await declareAsPython(broker, service);
    for (let order = 0; order < 3; order++) {
      const message = await channel.get(`${service}_info_logs`);
      if (!message) throw new Error('nothing is in the queue');
      expect(message.properties).toMatchObject({ contentType: 'application/json', deliveryMode: 2 });
      expect(Math.abs(message.properties.timestamp - before / 1000)).toBeLessThan(60);
      const { timestamp, id: _id, ...record } = JSON.parse(message.content.toString());
      expect(record).toEqual({ service, level: 'INFO', message: 'order placed', information: { order } });
      // '%Y-%m-%d %H:%M:%S.%f', in local time.
      expect(timestamp).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$/);
      const local = new Date(timestamp.replace(' ', 'T').slice(0, 23)).getTime();
      expect(local).toBeGreaterThanOrEqual(before - 1);
      expect(local).toBeLessThanOrEqual(Date.now());
    }
    expect(await channel.get(`${service}_info_logs`)).toBe(false);
  });
});
