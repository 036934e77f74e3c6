/** A hundred thousand calls through each integration, in separate processes, with a broker and default settings. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { onEnd, useChild } from '../support/use-servers.js';
import { type TestStack, useStack } from '../support/use-stack.js';
import { eventually } from '../support/wait.mjs';

const CALLS = 100_000;
const SLOW = { timeout: 60_000 };
const dist = path.resolve(import.meta.dirname, '../../dist/esm');

/** Each defines `log(number)` and `integration`, which has `flush()` and `stats()`; undefined for Pino's worker. */
const integrations = {
  LoggerClient: `import { LoggerClient } from '${dist}/src/index.js';
const integration = new LoggerClient();
const log = (number) => integration.info('one of many', { number });`,
  Winston: `import winston from 'winston';
import { LoghiveTransport } from '${dist}/transports/winston.js';
const integration = new LoghiveTransport();
const logger = winston.createLogger({ transports: [integration] });
const log = (number) => logger.info('one of many', { number });`,
  'Pino, in its thread': `import pino from 'pino';
import { loghivePino } from '${dist}/transports/pino.js';
const integration = loghivePino();
const logger = pino(integration);
const log = (number) => logger.info({ number }, 'one of many');`,
  'Pino, in a worker': `import pino from 'pino';
const integration = undefined;
const logger = pino(pino.transport({ target: '${dist}/transports/pino.js' }));
const log = (number) => logger.info({ number }, 'one of many');`,
  console: `import fs from 'node:fs';
import { patchConsole } from '${dist}/transports/console.js';
fs.closeSync(1);
fs.openSync('/dev/null', 'w');
const integration = patchConsole();
const log = (number) => console.log('one of many', { number });`,
};

let stack: TestStack;

beforeAll(async () => {
  stack = await useStack(2 * Object.keys(integrations).length);
});

interface Stats {
  accepted: number;
  confirmed: number;
  dropped: Record<string, Record<string, number>>;
}

/** Runs a process that makes the calls, with the code `pause` after each of them, until it ends by itself. */
async function call(integration: keyof typeof integrations, pause: string) {
  const service = stack.service();
  const folder = mkdtempSync(path.join(import.meta.dirname, '.many-'));
  onEnd(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'program.mjs');
  writeFileSync(
    file,
    `${integrations[integration]}
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
for (let number = 0; number < ${CALLS}; number++) {
  log(number);
  ${pause}
}
await integration?.flush();
process.send(integration?.stats() ?? null);
process.disconnect();
`,
  );
  const child = useChild(file, {
    cwd: folder,
    env: { LOGHIVE_SERVICE: service, LOGHIVE_URL: stack.broker.url },
  });
  const stats = await child.waitForMessage<Stats | null>(() => true, 50_000);
  expect(await child.exited).toEqual({ code: 0, signal: null });
  const reported = child.stderr.flatMap((line) => line.match(/; ([\d,]+) in total since the start/)?.[1] ?? []);
  return { service, stats, reported: Number((reported.at(-1) ?? '0').replaceAll(',', '')), lines: child.lines };
}

/** Waits until there are this many rows, each with a different number. */
async function expectRows(service: string, rows: number) {
  await eventually(async () => {
    const [counted] = await stack.database.query(
      `SELECT count(*)::int AS rows, count(DISTINCT coalesce(information->'number', information->'args'->1->'number', information->'args'->0->'number'))::int AS numbers
       FROM logs.records WHERE service = $1`,
      [service],
    );
    expect(counted).toEqual({ rows, numbers: rows });
  });
}

describe.each(Object.keys(integrations) as (keyof typeof integrations)[])('100,000 calls through %s', (integration) => {
  test('are each stored once with a pause of 10 ms after each 1,000', SLOW, async () => {
    const { service, stats, reported, lines } = await call(integration, 'if (number % 1000 === 999) await pause(10);');
    if (stats) expect(stats).toMatchObject({ accepted: CALLS, confirmed: CALLS, dropped: {} });
    expect([reported, lines]).toEqual([0, []]);
    await expectRows(service, CALLS);
  });

  test('are stored, or counted as dropped and reported, without a pause', SLOW, async () => {
    const { service, stats, reported } = await call(integration, '');
    if (stats) {
      const dropped = Object.values(stats.dropped).flatMap((reasons) => Object.values(reasons));
      const lost = dropped.reduce((sum, count) => sum + count, 0);
      expect(stats.accepted).toBe(CALLS);
      expect([stats.confirmed + lost, reported]).toEqual([CALLS, lost]);
    }
    await expectRows(service, CALLS - reported);
  });
});
