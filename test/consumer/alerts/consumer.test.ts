/** End to end: an application logs, the consumer stores and sends alerts, also about itself. */
import path from 'node:path';
import { expect, test } from 'vitest';
import winston from 'winston';
import { type ConsumerOptions, consumerConfig } from '../../../consumer/config.js';
import { Supervisor } from '../../../consumer/supervisor.js';
import { LoghiveTransport } from '../../../transports/winston.js';
import { type MailServer, useMailServer } from '../../support/use-mail-server.js';
import { onEnd, uniqueName, useBroker, useDatabase, useProxy } from '../../support/use-servers.js';
import { eventually } from '../../support/wait.mjs';
import { openClient, urlAs } from '../store/database.js';
import { QUICK } from './use-alerts.js';

const mailOptions = ({ settings }: MailServer): ConsumerOptions => ({
  ...{ emailMonitoring: true, emailHost: settings.host, emailPort: settings.port, emailSender: settings.sender },
  ...{ emailPassword: settings.password!, emailCaFile: settings.caFile!, emailRecipients: settings.recipients },
});

async function useConsumer(service: string, options: ConsumerOptions, digestMs = 3_600_000): Promise<Supervisor> {
  const consumer = new Supervisor(consumerConfig('test', [service], options), undefined, undefined, {
    ...QUICK,
    policy: { digestMs },
    unreachableMs: 1000,
  });
  onEnd(() => consumer.stop());
  await consumer.start();
  return consumer;
}

function useLogger(url: string, service: string): winston.Logger {
  const transport = new LoghiveTransport({ service, url });
  onEnd(() => transport.close());
  return winston.createLogger({ transports: [transport] });
}

test('10,000 equal errors of an application cause one mail and one digest, with two consumers', {
  timeout: 60_000,
}, async () => {
  const [broker, database, server] = await Promise.all([useBroker(), useDatabase(), useMailServer()]);
  const service = uniqueName('shop');
  const options = { url: broker.url, databaseUrl: database.url, ...mailOptions(server) };
  for (let consumers = 0; consumers < 2; consumers++) await useConsumer(service, options, 4000);
  const logger = useLogger(broker.url, service);
  logger.error('payment failed', { order: 0, error: new Error('refused', { cause: new Error('no route') }) });
  await eventually(() => expect(server.mails).toHaveLength(1));
  for (let order = 1; order < 10_000; order++) logger.error('payment failed', { order, error: new Error('refused') });
  await eventually(() => expect(server.mails).toHaveLength(2), { withinMs: 40_000 });
  const [mail, digest] = server.mails;
  expect(mail?.subject).toBe(`new: ERROR ${service}: payment failed | Error: refused`);
  expect(mail?.text).toMatch(/Error: refused\n {4}at [\s\S]*Caused by: Error: no route\n {4}at /);
  const counted = 'select coalesce(sum(pending), 0)::int as n from logs.alert_groups';
  const [{ n: pending }] = await database.query(counted);
  // Errors that occurred while the digest was created are in the next one: nothing is counted twice or missing.
  const reported = Number(/([\d,]+) errors?/.exec(digest?.subject ?? '')?.[1]?.replaceAll(',', ''));
  await eventually(async () => {
    const [{ n }] = await database.query('select count(*)::int as n from logs.records where service = $1', [service]);
    expect(n).toBe(10_000);
  });
  if (reported !== 9999) await eventually(() => expect(server.mails).toHaveLength(3));
  const sum = server.mails
    .slice(1)
    .reduce((all, { subject }) => all + Number(/([\d,]+) errors?/.exec(subject)?.[1]?.replaceAll(',', '')), 1);
  expect([sum, pending < 10_000]).toEqual([10_000, true]);
});

test('equal errors stored by several worker threads cause one mail', { timeout: 60_000 }, async () => {
  const [broker, database, server] = await Promise.all([useBroker(), useDatabase(), useMailServer()]);
  // A thread cannot run TypeScript.
  const built = path.join(import.meta.dirname, '..', '..', '..', 'dist', 'esm', 'consumer', 'index.js');
  const { createConsumer }: typeof import('../../../consumer/index.js') = await import(built);
  const service = uniqueName('shop');
  const servers = { url: broker.url, databaseUrl: database.url };
  const consumer = createConsumer([service], { ...servers, workers: 2, ...mailOptions(server) });
  onEnd(() => consumer.stop());
  await consumer.start();
  const logger = useLogger(broker.url, service);
  logger.error('payment failed', { order: 1 });
  await eventually(() => expect(server.mails).toHaveLength(1));
  expect(server.mails[0]?.subject).toBe(`new: ERROR ${service}: payment failed`);
  logger.error('payment failed', { order: 2 });
  // For the next digest.
  await eventually(async () =>
    expect(await database.query('select pending::int from logs.alert_groups')).toEqual([{ pending: 1 }]),
  );
  expect(server.mails).toHaveLength(1);
  await eventually(() => expect(consumer.status().counts.stored).toBe(2));
  expect(consumer.status().workers.map(({ id }) => id)).toEqual([1, 2]);
});

test('a consumer reports dead letters', async () => {
  const [broker, database, server] = await Promise.all([useBroker(), useDatabase(), useMailServer()]);
  const service = uniqueName('shop');
  await useConsumer(service, { url: broker.url, databaseUrl: database.url, ...mailOptions(server) });
  const { connect } = await import('amqplib');
  const connection = await connect(broker.url);
  onEnd(() => connection.close());
  const channel = await connection.createConfirmChannel();
  channel.publish('logs_exchange', `${service}.error`, Buffer.from('no JSON'));
  await channel.waitForConfirms();
  await eventually(() => expect(server.mails).toHaveLength(1));
  expect(server.mails[0]?.subject).toBe('Loghive: 1 record could not be stored and became a dead letter');
});

test('a consumer without privileges on the alert tables stores records and is degraded; with the documented privileges it sends alerts', async () => {
  const [broker, database, server] = await Promise.all([useBroker(), useDatabase(), useMailServer()]);
  const [service, role] = [uniqueName('shop'), uniqueName('role')];
  const { migrateDatabase } = await import('../../../consumer/index.js');
  await migrateDatabase({ databaseUrl: database.url });
  await database.query(`create role ${role} login password 'geheim'; grant usage on schema logs to ${role};
    grant select, insert on all tables in schema logs to ${role}`);
  onEnd(() => database.query(`drop owned by ${role}; drop role ${role}`));
  const databaseUrl = urlAs(database.url, role, 'geheim');
  const consumer = await useConsumer(service, { url: broker.url, databaseUrl, ...mailOptions(server) });
  useLogger(broker.url, service).error('it failed');
  const admin = await openClient(database.url);
  await eventually(async () => expect((await admin.query('select from logs.alert_events')).rowCount).toBe(1));
  // The tables may not be migrated yet: no warning for a minute.
  const documented = /grant update, delete[^;]*;/.exec(
    (await import('node:fs')).readFileSync('docs/database-rights.md', 'utf8'),
  )?.[0];
  await database.query(documented!.replace('loghive_consumer', role));
  await eventually(() => expect(server.mails).toHaveLength(1));
  expect(server.mails[0]?.subject).toBe(`new: ERROR ${service}: it failed`);
  await database.query(`revoke delete on logs.alert_events from ${role}`);
  await eventually(() =>
    expect(consumer.status().notices).toContainEqual(
      expect.stringMatching(/^alerts are delayed because their tables cannot be used: .*42501/),
    ),
  );
  expect(consumer.status().health).toBe('degraded');
});

test('a consumer that cannot reach PostgreSQL sends a mail', { timeout: 60_000 }, async () => {
  const [broker, database, server] = await Promise.all([useBroker(), useDatabase(), useMailServer()]);
  const proxy = await useProxy(database.url);
  const service = uniqueName('shop');
  await useConsumer(service, {
    url: broker.url,
    databaseUrl: proxy.url(database.url),
    ...mailOptions(server),
  });
  await proxy.refuse();
  await proxy.reset();
  useLogger(broker.url, service).error('it failed');
  await eventually(() => expect(server.mails).toHaveLength(1));
  expect(server.mails[0]?.subject).toBe('Loghive: PostgreSQL has not accepted records for a minute');
  await proxy.heal();
  await eventually(
    () =>
      expect(server.mails.map(({ subject }) => subject).sort()).toEqual([
        'Loghive: PostgreSQL has not accepted records for a minute',
        `new: ERROR ${service}: it failed`,
        'recovered: Loghive: PostgreSQL has not accepted records for a minute',
      ]),
    { withinMs: 40_000 },
  );
});
