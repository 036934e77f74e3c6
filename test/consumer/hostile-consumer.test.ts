/** A consumer with little memory receives messages that would need gigabytes. */
import path from 'node:path';
import { connect } from 'amqplib';
import pg from 'pg';
import { expect, test } from 'vitest';
import { fields, propertyBytes } from '../support/amqp/property-bytes.mjs';
import { openWirePublisher } from '../support/amqp/wire-publisher.mjs';
import { onEnd, uniqueName, useBroker, useChild, useDatabase } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';
import { hostileMessages } from './hostile-messages.mjs';

const MAIN = path.join(import.meta.dirname, '../../dist/esm/cli/main.js');
const HEAP_MIB = 128;

const [broker, database] = await Promise.all([useBroker(), useDatabase()]);
const services = [uniqueName('svc'), uniqueName('svc')] as const;
const consumer = useChild(MAIN, {
  args: ['consume', ...services],
  nodeArgs: [`--max-old-space-size=${HEAP_MIB}`],
  env: { LOGHIVE_URL: broker.url, LOGHIVE_DATABASE_URL: database.url },
});
await consumer.waitForLine(/consuming messages/);
const connection = await connect(broker.url);
onEnd(() => connection.close());
const channel = await connection.createConfirmChannel();

function publish(key: string, body: Buffer, properties = {}) {
  channel.publish('logs_exchange', key, body, { mandatory: true, ...properties });
}

let published = 0;
function publishGood() {
  for (let n = 0; n < 10; n++, published++) {
    for (const service of services) {
      const record = { service, level: 'INFO', message: 'good', n: published, timestamp: '2026-01-31T10:30:45Z' };
      publish(`${service}.info`, Buffer.from(JSON.stringify(record)));
    }
  }
}

/** The valid records around a message are stored once, and it becomes this many dead letters. */
async function expectStored(letters: number, seen: number) {
  await eventually(
    async () => {
      const [found] = await database.query(
        `SELECT (SELECT count(*)::int FROM logs.records) AS rows,
           (SELECT count(DISTINCT (service, information->'n'))::int FROM logs.records) AS known,
           (SELECT count(*)::int FROM logs.dead_letters) AS letters,
           (SELECT sum(seen)::int FROM logs.dead_letters) AS seen`,
      );
      expect(found).toEqual({ rows: 2 * published, known: 2 * published, letters, seen });
    },
    { withinMs: 18_000 },
  );
}

test('frames of a hundred thousand bad lines become as many dead letters, plus one for the rest', async () => {
  publishGood();
  const [properties, body] = hostileMessages['compressed lines of a digit']!;
  publish(`${services[0]}.debug`, body(), properties);
  publish(`${services[1]}.info`, Buffer.alloc(6 * 1024 * 1024, '1\n'), { contentType: 'application/x-ndjson' });
  publishGood();
  // For each, its identical lines and the rest after the last one.
  await expectStored(4, 2 * 100_001);
});

test('a record of ten million empty objects becomes one dead letter', async () => {
  publishGood();
  const [properties, body] = hostileMessages['empty objects']!;
  publish(`${services[0]}.info`, body(), properties);
  publishGood();
  await expectStored(5, 2 * 100_001 + 1);
});

test('messages whose headers are larger than their bodies stay within the same memory', {
  timeout: 60_000,
}, async () => {
  const locker = new pg.Client(database.url);
  await locker.connect();
  onEnd(() => locker.end());
  await locker.query('BEGIN; LOCK TABLE logs.records IN ACCESS EXCLUSIVE MODE');
  publishGood();
  const wire = await openWirePublisher(broker.url);
  onEnd(() => wire.destroy());
  const text = fields.S('a'.repeat(32_000));
  const tables = fields.A(Array.from({ length: 25_000 }, () => fields.F([])));
  for (let n = 0; n < 300; n++, published++) {
    for (const service of services) {
      const record = { service, level: 'INFO', message: 'good', n: published, timestamp: '2026-01-31T10:30:45Z' };
      const properties = propertyBytes({ headers: { baggage: n % 4 === 0 ? tables : text } });
      await wire.publish({
        exchange: 'logs_exchange',
        routingKey: `${service}.info`,
        properties,
        body: Buffer.from(JSON.stringify(record)),
      });
    }
  }
  for (let n = 0; n < 1500; n++, published++) {
    for (const service of services) {
      const record = { service, level: 'INFO', message: 'good', n: published, timestamp: '2026-01-31T10:30:45Z' };
      publish(`${service}.info`, Buffer.from(JSON.stringify(record)), { headers: { baggage: 'a'.repeat(32_000) } });
    }
    if (n % 50 === 49) await channel.waitForConfirms();
  }
  expect(consumer.running).toBe(true);
  await locker.query('ROLLBACK');
  await expectStored(5, 2 * 100_001 + 1);
});

test('the consumer survives and exits cleanly', async () => {
  expect(await consumer.kill('SIGTERM')).toEqual({ code: 0, signal: null });
});
