/** What is left in the process after an integration was closed. */
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { uniqueName, useBroker, useChild } from './support/use-servers.js';
import { segmentsIn, useSpoolFolder } from './support/use-spool.js';

const program = new URL('closed-child.mjs', import.meta.url).pathname;
const INTEGRATIONS = ['client', 'winston', 'console', 'pino', 'pino-target'];

/** What a process has more of after `close()` than before. */
async function leftBy(integration: string, url: string, spool: object): Promise<unknown> {
  const options = { service: uniqueName('svc'), url, exitTimeoutMs: 2000, spool, base: null };
  const child = useChild(program, { args: [integration, JSON.stringify(options)] });
  await child.exited;
  return child.stdout.length === 1 ? JSON.parse(child.stdout[0]!) : child.lines;
}

test.each(INTEGRATIONS)('close() leaves no handle, timer, thread, file or listener: %s', async (integration) => {
  const broker = await useBroker();
  const dir = useSpoolFolder();
  expect(await leftBy(integration, broker.url, { dir })).toEqual({});
  expect(segmentsIn(dir)).toEqual([]);
});

test.each(INTEGRATIONS.filter((name) => name !== 'pino-target'))(
  'close() leaves none of them with a spool in use: %s',
  async (integration) => {
    const broker = await useBroker();
    const dir = useSpoolFolder();
    expect(await leftBy(integration, broker.url, { dir, mode: 'always' })).toEqual({});
    expect(segmentsIn(dir)).toEqual([]);
  },
);

test.each(INTEGRATIONS)('close() leaves only the records on disk while the broker is away: %s', async (integration) => {
  const dir = useSpoolFolder();
  expect(await leftBy(integration, 'amqp://127.0.0.1:1', { dir })).toEqual({});
  expect(segmentsIn(dir)).toHaveLength(1);
  // One folder of the service.
  expect(readdirSync(dir)).toHaveLength(1);
});
