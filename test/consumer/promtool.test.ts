import { Registry } from 'prom-client';
import { beforeAll, expect, test } from 'vitest';
import { collectMetrics, LoggerClient } from '../../src/index.js';
import { checkMetrics, requirePromtool } from '../support/promtool.mjs';
import { fetched } from '../support/scrape.js';
import { useStack } from '../support/use-stack.js';

// It may have to be installed first.
beforeAll(() => void requirePromtool(), 180_000);

test('promtool accepts the metrics of a consumer and of a producer', async () => {
  const stack = await useStack(1, { httpPort: 0 });
  const service = stack.service();
  const client = new LoggerClient({ service, url: stack.broker.url });
  client.info('one');
  await client.flush();
  await stack.rows(service, 1);
  const registry = new Registry();
  collectMetrics(registry);
  const { body } = await fetched(stack.consumer.status().httpPort, '/metrics');
  expect(checkMetrics(body)).toEqual({ passed: true, output: '' });
  expect(checkMetrics(await registry.metrics())).toEqual({ passed: true, output: '' });
  await client.close();
});

test('promtool does find faults', () => {
  expect(checkMetrics('# TYPE requests counter\nrequests 1\n').passed).toBe(false);
});
