/** The end of real processes: whatever ends them, what was logged is confirmed or told. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { Child } from '../support/child.mjs';
import { freePort } from '../support/ports.mjs';
import { onEnd, uniqueName, useBroker, useChild, useProxy } from '../support/use-servers.js';

const broker = await useBroker();
const SLOW = { timeout: 60_000 };
/** As long as an end may take that waits for nothing; machines that test are busy. */
const SOON_MS = 10_000;

interface Program {
  child: Child;
  service: string;
}

/** A script with `logger` and `transport`, `log(count)`, `work()` that never ends, and `up()`, which prints a line. */
function run(body: string, options: Record<string, unknown> = {}): Program {
  const service = uniqueName('svc');
  const folder = mkdtempSync(path.join(import.meta.dirname, '.exit-'));
  onEnd(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'program.mjs');
  const settings = { service, url: broker.url, exitTimeoutMs: 8000, ...options };
  writeFileSync(
    file,
    `import winston from 'winston';
import { LoghiveTransport } from '../../../dist/esm/transports/winston.js';
const settings = ${JSON.stringify(settings)};
const transport = new LoghiveTransport(settings);
const logger = winston.createLogger({ transports: [transport] });
const log = (count) => { for (let number = 0; number < count; number++) logger.info('record', { number }); };
const up = () => console.log('up');
const work = () => setInterval(() => {}, 1000);
${body}
`,
  );
  return { child: useChild(file), service };
}

/** Records that the broker has, by its own count of what lies in the queue, one record a message. */
async function messages(service: string): Promise<number> {
  return (await broker.listQueues()).find(({ name }) => name === `${service}_info_logs`)?.messages ?? 0;
}

const single = { queueType: 'python' };

test('a script that reaches its end has every record confirmed, and ends by itself with code 0', SLOW, async () => {
  const { child, service } = run('log(500); up();', single);
  await child.waitForLine(/^up$/);
  const started = performance.now();
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(performance.now() - started).toBeLessThan(8000);
  expect(await messages(service)).toBe(500);
  expect(child.stderr).toEqual([]);
});

test.each(['LoggerClient', 'LoghiveTransport'])(
  'a script that awaits flush() again and again loses nothing of what comes after: %s',
  SLOW,
  async (door) => {
    const use =
      door === 'LoggerClient'
        ? `const { LoggerClient } = await import('../../../dist/esm/src/index.js'); const own = new LoggerClient(transport.settings); const info = (text) => own.info(text); const flush = () => own.flush();`
        : 'const info = (text) => logger.info(text); const flush = () => transport.flush();';
    const { child, service } = run(
      `${use.replace('transport.settings', 'settings')}
async function job(number) { info('job ' + number); await flush(); info('between'); await flush(); }
for (let number = 0; number < 20; number++) await job(number);
info('last');`,
      single,
    );
    expect([await child.exited, child.stderr]).toEqual([{ code: 0, signal: null }, []]);
    expect(await messages(service)).toBe(41);
  },
);

test('the exit code of the script is kept', SLOW, async () => {
  const { child, service } = run('process.exitCode = 7; log(1);', single);
  expect(await child.exited).toEqual({ code: 7, signal: null });
  expect(await messages(service)).toBe(1);
});

test('what is logged in a handler of beforeExit is not lost', SLOW, async () => {
  const { child, service } = run("log(1); process.once('beforeExit', () => log(2));", single);
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(await messages(service)).toBe(3);
});

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
  '%s: everything is confirmed, and the process dies of it',
  SLOW,
  async (signal) => {
    const { child, service } = run('work(); process.nextTick(() => { log(500); up(); });', single);
    await child.waitForLine(/^up$/);
    expect(await child.kill(signal)).toEqual({ code: null, signal });
    expect(await messages(service)).toBe(500);
  },
);

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
  "%s is left to the application's own handler",
  SLOW,
  async (signal) => {
    const { child, service } = run(
      `const timer = work(); process.on('${signal}', () => { console.log('mine'); log(2); clearInterval(timer); process.exitCode = 3; }); up();`,
      single,
    );
    await child.waitForLine(/^up$/);
    expect(await child.kill(signal)).toEqual({ code: 3, signal: null });
    expect(child.stdout).toEqual(['up', 'mine']);
    expect(await messages(service)).toBe(2);
  },
);

test('a handler that the application set once, and before its logger, is in charge as well', SLOW, async () => {
  const { child, service } = run(
    `work();
const shutDown = () => { console.log('mine'); log(2); setTimeout(() => process.exit(3), 500); };
process.once('SIGTERM', shutDown);
new LoghiveTransport({ service: 'another', url: '${broker.url}', lingerMs: 1 });
up();`,
    single,
  );
  await child.waitForLine(/^up$/);
  expect(await child.kill('SIGTERM')).toEqual({ code: 3, signal: null });
  expect(child.stdout).toEqual(['up', 'mine']);
  expect(await messages(service)).toBe(2);
});

test('handleSignals: false leaves signals as they are without Loghive', SLOW, async () => {
  const listeners = "['SIGTERM', 'SIGINT', 'SIGHUP'].map((name) => process.listenerCount(name))";
  const { child } = run(`work(); console.log('listeners ' + ${listeners}); log(1);`, {
    handleSignals: false,
    url: `amqp://127.0.0.1:${await freePort()}`,
  });
  await child.waitForLine(/^listeners 0,0,0$/);
  expect(await child.kill('SIGTERM')).toEqual({ code: null, signal: 'SIGTERM' });
  expect(child.lines.join('\n')).not.toMatch(/given up/);
});

test.each([
  ['the end of the script', 'log(500);'],
  ['logger.end()', "log(500); logger.end(); logger.once('finish', () => console.log('finish'));"],
])('handleSignals: false changes nothing about %s: everything is confirmed', SLOW, async (_what, body) => {
  const { child, service } = run(body, { ...single, handleSignals: false });
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(await messages(service)).toBe(500);
  expect(child.stderr).toEqual([]);
});

test('records that are logged while a signal ends the process are sent, or told in one line', SLOW, async () => {
  const { child } = run(
    `const other = new LoghiveTransport({ service: 'another', url: 'amqp://127.0.0.1:${await freePort()}', exitTimeoutMs: 500 });
logger.add(other);
setInterval(() => log(1), 1); transport.once('connect', up);`,
    { exitTimeoutMs: 100 },
  );
  await child.waitForLine(/^up$/);
  expect(await child.kill('SIGTERM')).toEqual({ code: null, signal: 'SIGTERM' });
  // One line for each of the two: the one without a broker has lost what it was given.
  const told = child.stderr.filter((line) => /given up/.test(line));
  expect(told.filter((line) => /another INFO \d+/.test(line))).toHaveLength(1);
  expect(told.length).toBeLessThanOrEqual(2);
});

test.each([
  ['process.exit()', 'process.exit(4);', 4],
  ['an uncaught exception', "throw new Error('uncaught');", 1],
])('%s: what is not confirmed is counted and told in one line', SLOW, async (_what, end, code) => {
  const url = `amqp://127.0.0.1:${await freePort()}`;
  const { child } = run(`log(12); logger.error('one more'); ${end}`, { url });
  expect(await child.exited).toEqual({ code, signal: null });
  const told = child.stderr.filter((line) => /given up/.test(line));
  expect(told).toHaveLength(1);
  expect(told[0]).toMatch(/records given up: 13 \(unsent at exit: svc_\w+ INFO 12, svc_\w+ ERROR 1\); 13 in all/);
  expect(told[0]).toMatch(/await close\(\) before it/);
});

test('await close() before process.exit() has everything confirmed', SLOW, async () => {
  const { child, service } = run('log(12); await transport.close(); process.exit(4);', single);
  expect(await child.exited).toEqual({ code: 4, signal: null });
  expect(await messages(service)).toBe(12);
});

test('await close() before process.exit() ends though the broker is away, and says what that cost', SLOW, async () => {
  const url = `amqp://127.0.0.1:${await freePort()}`;
  const body =
    'work(); log(12); const { unsent } = await transport.close(); console.log("unsent", unsent); process.exit(4);';
  const { child } = run(body, { url, exitTimeoutMs: 500 });
  expect(await child.exited).toEqual({ code: 4, signal: null });
  expect(child.stdout).toEqual(['unsent 12']);
});

test('what is logged when the transport is closed already is counted and told at the end', SLOW, async () => {
  const { child } = run(
    "process.on('exit', () => log(1)); log(1); await transport.close(); log(3); process.exit(0);",
    single,
  );
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(child.stderr).toHaveLength(1);
  expect(child.stderr[0]).toMatch(/records given up: 4 \(logged after close: svc_\w+ INFO 4\)/);
});

test('what an exit listener logs is told', SLOW, async () => {
  const { child, service } = run("log(1); await transport.flush(); process.on('exit', () => log(1));", single);
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(await messages(service)).toBe(1);
  expect(child.stderr).toHaveLength(1);
  expect(child.stderr[0]).toMatch(/records given up: 1 \(logged after close: svc_\w+ INFO 1\)/);
});

test('a second signal cuts the waiting, and what is left is told', SLOW, async () => {
  const proxy = await useProxy(broker.url);
  const { child } = run(
    'work(); transport.once("connect", () => { up(); });  process.once("message", () => { log(4); console.log("logged"); });',
    {
      url: proxy.url(broker.url),
    },
  );
  await child.waitForLine(/^up$/);
  proxy.halfOpen();
  await child.send('log');
  await child.waitForLine(/^logged$/);
  process.kill(child.pid!, 'SIGTERM');
  const started = performance.now();
  // Until it is taken: signals of one kind that come together are one.
  const again = setInterval(() => child.running && process.kill(child.pid!, 'SIGTERM'), 200);
  onEnd(() => clearInterval(again));
  expect(await child.exited).toEqual({ code: null, signal: 'SIGTERM' });
  expect(performance.now() - started).toBeLessThan(7000);
  expect(child.stderr.join('\n')).toMatch(/records given up: 4 \(unsent at close: svc_\w+ INFO 4\)/);
});

test('a broker that is away at the end costs exitTimeoutMs, and the number of records is told', SLOW, async () => {
  const url = `amqp://127.0.0.1:${await freePort()}`;
  const { child } = run('log(12); up();', { url, exitTimeoutMs: 500 });
  await child.waitForLine(/^up$/);
  const started = performance.now();
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(performance.now() - started).toBeLessThan(SOON_MS);
  expect(
    child.stderr.filter((line) => /records given up: 12 \(unsent at close: svc_\w+ INFO 12\)/.test(line)),
  ).toHaveLength(1);
});

test('a logger without records does not keep the process, though nobody listens', SLOW, async () => {
  const url = `amqp://127.0.0.1:${await freePort()}`;
  const { child } = run('up();', { url });
  await child.waitForLine(/^up$/);
  const started = performance.now();
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(performance.now() - started).toBeLessThan(SOON_MS);
});

test('a script that ends with await flush() ends, though the broker is away', SLOW, async () => {
  const url = `amqp://127.0.0.1:${await freePort()}`;
  const { child } = run('log(3); up(); await transport.flush(); console.log("flushed");', { url, exitTimeoutMs: 500 });
  await child.waitForLine(/^up$/);
  expect((await child.exited).signal).toBe(null);
  expect(child.stderr.join('\n')).toMatch(/records given up: 3 \(unsent at close: svc_\w+ INFO 3\)/);
});

test('a script that ends with await flush() has everything confirmed', SLOW, async () => {
  const { child, service } = run('log(3); await transport.flush(); console.log("flushed");', single);
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(child.stdout).toEqual(['flushed']);
  expect(await messages(service)).toBe(3);
});
