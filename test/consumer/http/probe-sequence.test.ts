/** The probes of an orchestrator from the start of a consumer to its end. */
import { connect } from 'amqplib';
import { expect, test } from 'vitest';
import { createConsumer } from '../../../consumer/index.js';
import { seriesOf } from '../../support/scrape.js';
import { onEnd, uniqueName, useBroker, useDatabase, useProxy } from '../../support/use-servers.js';
import { eventually } from '../../support/wait.mjs';

async function useProbed() {
  const [broker, database] = await Promise.all([useBroker(), useDatabase()]);
  const [toBroker, toDatabase] = await Promise.all([useProxy(broker.url), useProxy(database.url)]);
  const service = uniqueName('svc');
  const consumer = createConsumer([service], {
    url: toBroker.url(broker.url),
    databaseUrl: toDatabase.url(database.url),
    httpPort: 0,
    hooks: { probeEveryMs: 100 },
  });
  onEnd(() => consumer.stop());
  const at = (path: string) => `http://127.0.0.1:${consumer.status().httpPort}${path}`;
  async function probe(path: string) {
    const response = await fetch(at(path));
    const { ok, checks } = (await response.json()) as { ok: boolean; checks: Record<string, { reason?: string }> };
    expect(response.status).toBe(ok ? 200 : 503);
    const reasons = Object.entries(checks).flatMap(([name, { reason }]) => (reason ? [[name, reason]] : []));
    return { ok, reasons: Object.fromEntries(reasons) as Record<string, string> };
  }
  const series = async () => seriesOf(await (await fetch(at('/metrics'))).text());
  const status = async () => (await fetch(at('/status'))).json();
  async function send() {
    const connection = await connect(broker.url);
    const channel = await connection.createConfirmChannel();
    const record = { service, level: 'INFO', message: 'm', timestamp: new Date().toISOString() };
    channel.publish('logs_exchange', `${service}.info`, Buffer.from(JSON.stringify(record)), { persistent: true });
    await channel.waitForConfirms();
    await connection.close();
  }
  return { consumer, toBroker, toDatabase, probe, series, status, send, database };
}

const PATIENCE = { withinMs: 40_000 };

test('start without servers, recovery, an outage of each server while idle, and stop', {
  timeout: 120_000,
}, async () => {
  const { consumer, toBroker, toDatabase, probe, series, status, send, database } = await useProbed();
  await Promise.all([toBroker.refuse(), toDatabase.refuse()]);
  const started = consumer.start();
  await eventually(() => consumer.status().httpPort !== undefined && consumer.status().reason !== undefined);

  // No server is reachable: alive, because a restart would not help, but neither started nor ready.
  expect(await probe('/livez')).toEqual({ ok: true, reasons: {} });
  expect((await probe('/startupz')).ok).toBe(false);
  await eventually(async () => {
    expect(await probe('/readyz')).toEqual({
      ok: false,
      reasons: {
        broker: expect.stringMatching(/^not connected to RabbitMQ: /),
        database: expect.stringMatching(/nothing listens at/),
        schema: 'the schema is not up to date yet.',
      },
    });
  });
  expect((await series()).get('loghive_storage_up')).toBe(0);

  // The broker starts: only the database is missing.
  await toBroker.heal();
  await eventually(async () => {
    expect(Object.keys((await probe('/readyz')).reasons)).toEqual(['database', 'schema']);
  }, PATIENCE);
  expect((await probe('/startupz')).ok).toBe(false);

  // Both are reachable.
  await toDatabase.heal();
  await started;
  expect(await probe('/startupz')).toEqual({ ok: true, reasons: {} });
  await eventually(async () => expect(await probe('/readyz')).toEqual({ ok: true, reasons: {} }), PATIENCE);
  await eventually(async () => expect(await status()).toMatchObject({ health: 'ok', reasons: [] }), PATIENCE);

  // The database stops while the consumer is idle: no batch would notice.
  await toDatabase.refuse();
  await toDatabase.reset();
  await eventually(async () => {
    expect(Object.keys((await probe('/readyz')).reasons)).toEqual(['database']);
  }, PATIENCE);
  expect((await series()).get('loghive_storage_up')).toBe(0);
  expect((await series()).get('loghive_health{state="unhealthy"}')).toBe(1);
  expect(await status()).toMatchObject({ state: 'running', reasons: [expect.stringMatching(/nothing listens/)] });
  // With a record to store, storage is paused.
  await send();
  await eventually(async () => expect(await status()).toMatchObject({ state: 'paused' }), PATIENCE);
  expect((await probe('/livez')).ok).toBe(true);
  expect((await probe('/startupz')).ok).toBe(true);
  await toDatabase.heal();
  await eventually(async () => expect((await probe('/readyz')).ok).toBe(true), PATIENCE);
  await eventually(async () => (await database.query('select 1 from logs.records')).length === 1, PATIENCE);

  // The broker stops.
  await toBroker.refuse();
  await toBroker.reset();
  await eventually(async () => {
    expect(Object.keys((await probe('/readyz')).reasons)).toEqual(['broker']);
  }, PATIENCE);
  expect((await series()).get('loghive_broker_connected')).toBe(0);
  await toBroker.heal();
  await eventually(async () => expect((await probe('/readyz')).ok).toBe(true), PATIENCE);

  // Once it is stopping it is not ready any more; at the end the server is closed.
  const seen = probe('/readyz');
  const stopped = consumer.stop();
  const { ok, reasons } = await seen;
  expect([ok, reasons.consumer]).toEqual([false, 'the consumer is stopping.']);
  await stopped;
  await expect(probe('/livez')).rejects.toThrow();
});
