/** Scrapes of a consumer, on real servers. */
import * as successor from '@prometheus-io/client';
import { connect } from 'amqplib';
import * as promClient from 'prom-client';
import { describe, expect, test } from 'vitest';
import { type CreateConsumerOptions, createConsumer } from '../../consumer/index.js';
import { uuidv7 } from '../../src/uuid.js';
import { fetched, seriesOf } from '../support/scrape.js';
import { onEnd, uniqueName, useBroker, useDatabase } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';

async function useConsumer(options: CreateConsumerOptions = {}) {
  const [broker, database] = await Promise.all([useBroker(), useDatabase()]);
  const service = uniqueName('svc');
  const settings = { url: broker.url, databaseUrl: database.url, ...options };
  const consumer = createConsumer([service], settings);
  onEnd(() => consumer.stop());
  await consumer.start();
  const connection = await connect(broker.url);
  onEnd(() => connection.close().catch(() => {}));
  const channel = await connection.createConfirmChannel();
  let made = 0;
  const line = (about: object = {}) => {
    const nowMs = Date.now();
    const id = uuidv7(nowMs * 1000 + made++);
    return JSON.stringify({
      id,
      service,
      level: 'INFO',
      message: 'm',
      timestamp: new Date(nowMs).toISOString(),
      ...about,
    });
  };
  async function send(level: string, ...bodies: string[]) {
    for (const body of bodies) {
      channel.publish('logs_exchange', `${service}.${level}`, Buffer.from(body), {
        persistent: true,
        contentType: body.includes('\n') ? 'application/x-ndjson' : 'application/json',
      });
    }
    await channel.waitForConfirms();
  }
  const series = async () => seriesOf((await fetched(consumer.status().httpPort, '/metrics')).body);
  return { consumer, service, database, line, send, series, settings };
}

/** The value of a series of this metric and lane. */
const of = (name: string, service: string, level: string) =>
  `loghive_records_${name}_total{service="${service}",level="${level}"}`;

test('each record is counted by service, level and outcome', { timeout: 60_000 }, async () => {
  const { database, service, line, send, series } = await useConsumer({ httpPort: 0, retryDelaysMs: [100] });
  await database.query(`create function logs.poison() returns trigger language plpgsql as $$
    begin if new.message = 'refused' then raise sqlstate '23514' using message = 'no', constraint = 'c'; end if; return new; end $$`);
  await database.query('create trigger p before insert on logs.records for each row execute function logs.poison()');
  const [one, other] = [line(), line()];
  await send('info', one, `${other}\n${line()}\n`);
  await eventually(async () => expect((await series()).get(of('stored', service, 'INFO'))).toBe(3));
  await send('info', one, `${other}\n${line()}\n`);
  await send('error', 'no JSON', line({ level: 'ERROR', message: 'refused' }), line({ level: 'CRITICAL' }));
  await eventually(
    async () => {
      const all = await series();
      const lane = (level: string) =>
        ['stored', 'duplicate', 'dead_lettered', 'expired', 'retried'].map((name) => all.get(of(name, service, level)));
      expect(lane('INFO')).toEqual([4, 2, 0, 0, 0]);
      // One that is not JSON, and one that was tried twice.
      expect(lane('ERROR')).toEqual([0, 0, 2, 0, 1]);
      expect(lane('CRITICAL')).toEqual([1, 0, 0, 0, 0]);
      // Messages count by the queue that they came from; the second try came from a delay queue.
      const acknowledged = ['INFO', 'ERROR', 'CRITICAL'].map((level) =>
        all.get(`loghive_messages_acknowledged_total{service="${service}",level="${level}"}`),
      );
      expect(acknowledged).toEqual([4, 3, 0]);
    },
    { withinMs: 20_000 },
  );
  const all = await series();
  // The refused one was in two batches.
  expect(all.get('loghive_batch_records_sum')).toBe(9);
  expect(all.get('loghive_commit_duration_seconds_count')).toBe(all.get('loghive_batch_records_count'));
  expect(all.get('loghive_broker_connected')).toBe(1);
  expect(all.get('loghive_workers')).toBe(1);
  expect(all.get(`loghive_oldest_record_age_seconds{service="${service}"}`)).toBe(0);
  expect([...all.keys()].find((key) => key.startsWith('loghive_build_info'))).toMatch(
    /^loghive_build_info\{version="\d+\.\d+\.\d+[^"]*",node="v\d+\.\d+\.\d+"\}$/,
  );
  expect(all.get('process_resident_memory_bytes')).toBeGreaterThan(0);
  await eventually(async () => {
    expect((await series()).get(`loghive_queue_messages{queue="${service}_info_logs"}`)).toBe(0);
    expect((await series()).get(`loghive_queue_consumers{queue="${service}_info_logs"}`)).toBe(1);
  });
});

test('service names in records create no more series than allowed', async () => {
  const { service, line, send, series } = await useConsumer({ httpPort: 0, maxServices: 3 });
  await send('info', line());
  await eventually(async () => expect((await series()).get(of('stored', service, 'INFO'))).toBe(1));
  await send(
    'info',
    ...Array.from({ length: 50 }, (_, n) => line({ service: n === 7 ? 'x"} 1\nfake 2' : `made-up-${n}` })),
  );
  await eventually(async () => expect((await series()).get(of('stored', 'other', 'INFO'))).toBe(48));
  const names = [...(await series()).keys()].filter((key) => key.startsWith('loghive_records_stored_total'));
  expect(names.map((name) => /service="([^"]*)"/.exec(name)?.[1])).toEqual([
    service,
    'made-up-0',
    'made-up-1',
    'other',
  ]);
  expect([...(await series()).keys()].filter((key) => key.includes('fake'))).toEqual([]);
});

test('scrapes under load never fail, and no counter goes down', { timeout: 60_000 }, async () => {
  const { consumer, service, line, send, series } = await useConsumer({ httpPort: 0 });
  const records = 20_000;
  let sent = false;
  const sending = (async () => {
    for (let n = 0; n < records; n += 1000)
      await send('info', `${Array.from({ length: 1000 }, () => line()).join('\n')}\n`);
    sent = true;
  })();
  let last = 0;
  let scrapes = 0;
  while (!sent || last < records) {
    const { status, body } = await fetched(consumer.status().httpPort, '/metrics');
    expect(status).toBe(200);
    const stored = seriesOf(body).get(of('stored', service, 'INFO')) ?? 0;
    expect(stored).toBeGreaterThanOrEqual(last);
    last = stored;
    scrapes++;
    expect((await fetched(consumer.status().httpPort, '/livez')).status).toBe(200);
  }
  await sending;
  expect(last).toBe(records);
  expect(scrapes).toBeGreaterThan(3);
  expect((await series()).get('loghive_batch_records_sum')).toBe(records);
  expect(consumer.status().rates.storedPerSecond).toBeGreaterThan(0);
});

describe.each([
  ['prom-client', () => new promClient.Registry()],
  ['@prometheus-io/client', () => new successor.Registry()],
])('a registry of %s', (_, newRegistry) => {
  test('contains the metrics beside its own until the consumer is stopped', async () => {
    const registry = newRegistry();
    const { consumer, service, line, send, settings } = await useConsumer({ registry });
    expect(consumer.status()).not.toHaveProperty('httpPort');
    await send('info', line());
    const text = async () => registry.metrics();
    await eventually(async () => expect(seriesOf(await text()).get(of('stored', service, 'INFO'))).toBe(1));
    // Process metrics are left to the application.
    expect(await text()).not.toContain('process_');
    expect(await registry.getMetricsAsJSON()).toContainEqual(expect.objectContaining({ name: 'loghive_storage_up' }));
    expect(() => registry.resetMetrics()).not.toThrow();
    registry.setDefaultLabels({ site: 'here' });
    expect(await text()).toContain('loghive_storage_up{site="here"} 1');
    const second = createConsumer([service], { ...settings, registry });
    await expect(second.start()).rejects.toThrow(/^option "registry" already contains the metrics of another consumer/);
    await consumer.stop();
    expect(await text()).not.toContain('loghive_');
  });

  test('may be an OpenMetrics registry', async () => {
    const registry = newRegistry();
    registry.setContentType('application/openmetrics-text; version=1.0.0; charset=utf-8' as never);
    const { consumer, service, line, send } = await useConsumer({ registry, httpPort: 0 });
    await send('info', line());
    const port = consumer.status().httpPort;
    const stored = async () => seriesOf((await fetched(port, '/metrics')).body).get(of('stored', service, 'INFO'));
    await eventually(async () => expect(await stored()).toBe(1));
    // A second time, because the registry has renamed the metrics.
    expect(await stored()).toBe(1);
    const { body } = await fetched(port, '/metrics');
    expect(body).toMatch(/^# TYPE loghive_records_stored counter$/m);
    expect(body).toMatch(/# EOF\n$/);
  });
});

test.each([['text'], [{}], [[]], [null]])('an invalid registry is refused: %j', (registry) => {
  const databaseUrl = 'postgres://127.0.0.1:1/x';
  expect(() => createConsumer(['shop'], { databaseUrl, registry: registry as never })).toThrow(
    /^createConsumer: option "registry" is .*, expected a Registry of prom-client or @prometheus-io\/client\.$/,
  );
});
