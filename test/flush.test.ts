/** `flush({ timeoutMs })` of every integration. */
import pino from 'pino';
import { expect, test } from 'vitest';
import winston from 'winston';
import { LoggerClient } from '../src/client.js';
import type { FlushOptions } from '../src/publisher/flushes.js';
import type { CloseResult, PublisherStats } from '../src/publisher/status.js';
import { patchConsole } from '../transports/console.js';
import { loghivePino } from '../transports/pino.js';
import { LoghiveTransport } from '../transports/winston.js';
import { onEnd, uniqueName, useBroker, useChild, useProxy } from './support/use-servers.js';

const broker = await useBroker();

interface Integration {
  log(text: string): void;
  flush(options?: FlushOptions): Promise<void>;
  stats(): PublisherStats;
  close(): Promise<CloseResult>;
}
type Options = { service: string; url: string; exitTimeoutMs: number };

const INTEGRATIONS: Record<string, (options: Options) => Integration> = {
  LoggerClient(options) {
    const client = new LoggerClient(options);
    return withLog(client, (text) => client.info(text));
  },
  winston(options) {
    const transport = new LoghiveTransport(options);
    const logger = winston.createLogger({ transports: [transport] });
    return withLog(transport, (text) => logger.info(text));
  },
  pino(options) {
    const stream = loghivePino(options);
    const logger = pino(stream);
    return withLog(stream, (text) => logger.info(text));
  },
  console(options) {
    const patched = patchConsole({ ...options, passThrough: false });
    return withLog(patched, (text) => console.info(text));
  },
};

function withLog(logger: Omit<Integration, 'log'>, log: Integration['log']): Integration {
  return {
    log,
    flush: (options) => logger.flush(options),
    stats: () => logger.stats(),
    close: () => logger.close(),
  };
}

test.each(Object.entries(INTEGRATIONS))('%s: flush() drops nothing when it times out', async (_name, make) => {
  const proxy = await useProxy(broker.url);
  await proxy.refuse();
  const logger = make({ service: uniqueName('svc'), url: proxy.url(broker.url), exitTimeoutMs: 0 });
  onEnd(() => logger.close());
  logger.log('while the broker is away');
  await logger.flush({ timeoutMs: 50 });
  await logger.flush({ timeoutMs: 0 });
  expect(logger.stats()).toMatchObject({ accepted: 1, pending: 1, dropped: {} });
  await proxy.heal();
  // A flush reconnects immediately, so the delay before the next attempt does not matter.
  await logger.flush({ timeoutMs: 60_000 });
  expect(logger.stats()).toMatchObject({ accepted: 1, confirmed: 1 });
  logger.log('and without a limit');
  await logger.flush({ timeoutMs: Number.POSITIVE_INFINITY });
  expect(logger.stats()).toMatchObject({ accepted: 2, confirmed: 2 });
});

test('flush() keeps the process alive until it is resolved', { timeout: 60_000 }, async () => {
  const program = `const { LoggerClient } = await import('${new URL('../dist/esm/src/index.js', import.meta.url).href}');
const logger = new LoggerClient({ service: 'shop', url: 'amqp://127.0.0.1:1', exitTimeoutMs: 0 });
logger.info('lost');
await logger.flush({ timeoutMs: 1000 });
console.log('flushed');`;
  const child = useChild('--input-type=module', { args: ['--eval', program] });
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(child.stdout).toEqual(['flushed']);
});
