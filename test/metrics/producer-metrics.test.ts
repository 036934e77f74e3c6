import * as successor from '@prometheus-io/client';
import * as promClient from 'prom-client';
import { describe, expect, test } from 'vitest';
import { collectMetrics, LoggerClient } from '../../src/index.js';
import { seriesOf } from '../support/scrape.js';
import { onEnd, uniqueName, useBroker, useProxy } from '../support/use-servers.js';
import { sendLeftBehind, useSpoolFolder, withFastDisk } from '../support/use-spool.js';
import { eventually } from '../support/wait.mjs';

const REGISTRIES = [
  ['prom-client', () => new promClient.Registry()],
  ['@prometheus-io/client', () => new successor.Registry()],
] as const;

const of = (name: string, service: string, level: string, more = '') =>
  `loghive_producer_records_${name}{service="${service}",level="${level}"${more}}`;

describe.each(REGISTRIES)('a registry of %s', (_, newRegistry) => {
  test('counts the records of each service, even after their logger is closed', async () => {
    const { url } = await useBroker();
    const [shop, till] = [uniqueName('shop'), uniqueName('till')];
    const registry = newRegistry();
    collectMetrics(registry);
    const clients = [shop, till].map((service) => new LoggerClient({ service, url }));
    onEnd(() => Promise.all(clients.map((client) => client.close())));
    for (let n = 0; n < 3; n++) clients[0]!.info('sold');
    clients[1]!.error('empty');
    await Promise.all(clients.map((client) => client.flush()));
    const series = async () => seriesOf(await registry.metrics());
    const before = await series();
    expect(before.get(of('accepted_total', shop, 'INFO'))).toBe(3);
    expect(before.get(of('confirmed_total', shop, 'INFO'))).toBe(3);
    expect(before.get(of('waiting', shop, 'INFO'))).toBe(0);
    expect(before.get(of('confirmed_total', till, 'ERROR'))).toBe(1);
    expect(before.get('loghive_producer_connected')).toBe(1);
    await Promise.all(clients.map((client) => client.close()));
    const after = await series();
    expect(after.get(of('confirmed_total', shop, 'INFO'))).toBe(3);
    expect(after.has('loghive_producer_connected')).toBe(false);
  });

  test('counts buffered records while the broker is unreachable, and dropped ones by level and reason', async () => {
    const service = uniqueName('shop');
    const registry = newRegistry();
    collectMetrics(registry);
    const client = new LoggerClient({ service, url: 'amqp://127.0.0.1:1', exitTimeoutMs: 0, spool: false });
    client.on('warning', () => {});
    onEnd(() => client.close());
    client.info('one');
    client.warning('two');
    const series = async () => seriesOf(await registry.metrics());
    await eventually(async () => expect((await series()).get('loghive_producer_connected')).toBe(0));
    expect((await series()).get(of('waiting', service, 'INFO'))).toBe(1);
    expect((await series()).get('loghive_producer_waiting_bytes')).toBeGreaterThan(100);
    await client.close();
    const after = await series();
    expect(after.get(of('waiting', service, 'INFO'))).toBe(0);
    expect(after.get(of('accepted_total', service, 'INFO'))).toBe(1);
    expect(after.get(of('dropped_total', service, 'WARNING', ',reason="unsent at close"'))).toBe(1);
    client.info('late');
    expect((await series()).get(of('dropped_total', service, 'INFO', ',reason="logged after close"'))).toBe(1);
  });

  test('counts records that were left on disk as accepted, and only by the process that accepted them', async () => {
    const broker = await useBroker();
    const proxy = await useProxy(broker.url);
    await proxy.refuse();
    const service = uniqueName('shop');
    const registry = newRegistry();
    collectMetrics(registry);
    const options = { service, url: proxy.url(broker.url), spool: { dir: useSpoolFolder() } };
    const client = new LoggerClient(options);
    client.on('warning', () => {});
    onEnd(() => client.close());
    for (let n = 0; n < 3; n++) client.info('sold');
    const counts = async () => {
      const series = seriesOf(await registry.metrics());
      return ['accepted_total', 'confirmed_total', 'waiting'].map((name) => series.get(of(name, service, 'INFO')));
    };
    expect(await counts()).toEqual([3, 0, 3]);
    await client.close();
    expect(await counts()).toEqual([3, 0, 0]);
    await proxy.heal();
    await sendLeftBehind({ service, url: options.url, dir: options.spool.dir }, 3);
    expect(await counts()).toEqual([3, 3, 0]);
  });

  test('shows how full the spool is', async () => {
    const registry = newRegistry();
    collectMetrics(registry);
    const spool = { dir: useSpoolFolder(), maxBytes: 2 ** 20 };
    const options = { service: uniqueName('shop'), url: 'amqp://127.0.0.1:1', exitTimeoutMs: 0, spool };
    const client = new LoggerClient({ ...options, bufferBytes: 256 * 1024 });
    client.on('warning', () => {});
    onEnd(() => client.close());
    const series = async () => {
      const found = seriesOf(await registry.metrics());
      return ['spool_bytes', 'spool_limit_bytes'].map((name) => found.get(`loghive_producer_${name}`));
    };
    expect(await series()).toEqual([0, 2 ** 20]);
    withFastDisk(() => {
      for (let n = 0; n < 500; n++) client.info('x'.repeat(1000));
    });
    const [bytes] = await series();
    expect(bytes).toBeGreaterThan(200_000);
    expect(bytes).toBeLessThan(2 ** 20);
    await client.close();
    expect(await series()).toEqual([undefined, undefined]);
  });

  test('can be passed twice, and again after it was cleared', async () => {
    const registry = newRegistry();
    collectMetrics(registry);
    collectMetrics(registry);
    expect((await registry.metrics()).match(/^# TYPE loghive_producer_waiting_bytes /gm)).toHaveLength(1);
    registry.clear();
    collectMetrics(registry);
    expect(await registry.metrics()).toContain('loghive_producer_waiting_bytes');
  });

  test('is not changed if it already has another metric of such a name', async () => {
    const registry = newRegistry();
    registry.registerMetric({
      name: 'loghive_producer_waiting_bytes',
      help: 'x',
      type: 'gauge',
      get: () => ({}),
    } as never);
    expect(() => collectMetrics(registry)).toThrow(
      /^collectMetrics: the registry already has a metric "loghive_producer_waiting_bytes" that was not registered by Loghive\. Use another registry\.$/,
    );
    expect(registry.getMetricsAsArray()).toHaveLength(1);
  });
});

test.each([[undefined], [null], ['prom-client'], [promClient], [{ registerMetric: 1 }]])(
  'a value that is not a registry is refused, with its type',
  (registry) => {
    expect(() => collectMetrics(registry as never)).toThrow(
      /^collectMetrics: the registry is (?:undefined|null|text|an object), expected a Registry of prom-client/,
    );
  },
);
