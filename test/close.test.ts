/** `close({ timeoutMs })` and `onDiagnostic` of every integration, while the broker is unreachable. */
import { Console } from 'node:console';
import { PassThrough } from 'node:stream';
import { expect, test, vi } from 'vitest';
import { LoggerClient, type LoggerClientOptions } from '../src/client.js';
import type { CloseOptions } from '../src/publisher/flushes.js';
import type { CloseResult } from '../src/publisher/status.js';
import { patchConsole } from '../transports/console.js';
import { loghivePino } from '../transports/pino.js';
import { LoghiveTransport } from '../transports/winston.js';
import { takeRecords } from './exits/take-records.mjs';
import { onEnd, uniqueName, useBroker, useProxy } from './support/use-servers.js';
import { sendLeftBehind, useSpoolFolder } from './support/use-spool.js';

const broker = await useBroker();

interface Integration {
  log(): void;
  close(options?: CloseOptions): Promise<CloseResult>;
}

const integrations: [string, (options: LoggerClientOptions) => Integration][] = [
  [
    'LoggerClient',
    (options) => {
      const client = new LoggerClient(options);
      return { log: () => client.info('unsent'), close: (how) => client.close(how) };
    },
  ],
  [
    'the console',
    (options) => {
      const own = new Console(new PassThrough());
      const patched = patchConsole({ ...options, console: own });
      return { log: () => own.info('unsent'), close: (how) => patched.close(how) };
    },
  ],
  [
    'the Pino stream',
    ({ level: _, ...options }) => {
      const stream = loghivePino(options);
      return { log: () => stream.write('{"level":30,"msg":"unsent"}\n'), close: (how) => stream.close(how) };
    },
  ],
  [
    'the Winston transport',
    ({ level: _, ...options }) => {
      const transport = new LoghiveTransport(options);
      return { log: () => transport.write({ level: 'info', message: 'unsent' }), close: (how) => transport.close(how) };
    },
  ],
];

test.each(integrations)(
  '%s closes without waiting for an unreachable broker, and leaves records on disk',
  async (_name, make) => {
    const proxy = await useProxy(broker.url);
    await proxy.refuse();
    const lines: string[] = [];
    const onDiagnostic = (line: string) => void lines.push(line);
    const left = { service: uniqueName('svc'), url: proxy.url(broker.url), dir: useSpoolFolder() };
    const { service, url, dir } = left;
    const { log, close } = make({ service, url, exitTimeoutMs: 8000, spool: { dir }, onDiagnostic });
    onEnd(() => close());
    log();
    const started = performance.now();
    expect(await close()).toEqual({ confirmed: 0, spooled: 1, unsent: 0 });
    expect(performance.now() - started).toBeLessThan(4000);
    expect(await close()).toEqual({ confirmed: 0, spooled: 1, unsent: 0 });
    expect(lines).toEqual([
      expect.stringMatching(/ WARNING amqp:.*nothing listens there/),
      expect.stringMatching(
        / WARNING 1 record left on disk in .*: the next process of svc_\w+ on this machine sends it\.$/,
      ),
    ]);
    await proxy.heal();
    await sendLeftBehind(left, 1);
    expect(await takeRecords(broker.url, `${service}_info_logs`)).toEqual(['unsent']);
  },
);

test.each(integrations)(
  '%s without a spool closes within timeoutMs, and reports lost records to onDiagnostic',
  async (_name, make) => {
    const lines: string[] = [];
    const onDiagnostic = (line: string) => void lines.push(line);
    const options = { service: 'shop', url: 'amqp://127.0.0.1:1', exitTimeoutMs: 8000, spool: false } as const;
    const { log, close } = make({ ...options, onDiagnostic });
    onEnd(() => close());
    log();
    await vi.waitFor(() => expect(lines).toEqual([expect.stringMatching(/ WARNING amqp:.*nothing listens there/)]));
    const started = performance.now();
    expect(await close({ timeoutMs: 50 })).toEqual({ confirmed: 0, spooled: 0, unsent: 1 });
    expect(performance.now() - started).toBeLessThan(4000);
    expect(lines[1]).toMatch(/ ERROR records dropped: 1 \(unsent at close: shop INFO 1\)/);
    expect(await close()).toEqual({ confirmed: 0, spooled: 0, unsent: 1 });
  },
);

test.each(integrations)('%s leaves its unsent records to others that share its connection', async (_name, make) => {
  const dir = useSpoolFolder();
  const settings = {
    service: 'shop',
    url: 'amqp://127.0.0.1:1',
    exitTimeoutMs: 0,
    spool: { dir },
    onDiagnostic: () => {},
  };
  const other = new LoggerClient(settings);
  const { log, close } = make(settings);
  log();
  expect(await close({ timeoutMs: 10 })).toEqual({ confirmed: 0, spooled: 0, unsent: 1 });
  expect(other.stats()).toMatchObject({ pending: 1, dropped: {} });
  // None of its own.
  expect(await other.close({ timeoutMs: Number.NaN })).toEqual({ confirmed: 0, spooled: 0, unsent: 0 });
  expect(other.stats()).toMatchObject({ pending: 0, spooled: 1, dropped: {} });
});

test('a patched console records calls from its level on, and prints all of them', async () => {
  const printed = new PassThrough({ encoding: 'utf8' });
  const own = new Console(printed);
  const patched = patchConsole({
    service: 'shop',
    url: 'amqp://127.0.0.1:1',
    exitTimeoutMs: 0,
    level: 'warn',
    console: own,
    onDiagnostic: (line) => own.error(`diagnostic: ${line}`),
  });
  onEnd(() => patched.close());
  own.debug('debug');
  own.info('info');
  own.warn('warn');
  own.error('error');
  expect(patched.stats().accepted).toBe(2);
  expect(printed.read()).toBe('debug\ninfo\nwarn\nerror\n');
  // Loghive's own lines are printed, but not recorded.
  await vi.waitFor(() => expect(printed.read()).toMatch(/^diagnostic: .*nothing listens there/));
  expect(patched.stats().accepted).toBe(2);
  expect(() => patchConsole({ service: 'shop', level: 'loud' })).toThrow(
    'patchConsole: option "level" is "loud", expected one of DEBUG, INFO, WARNING, ERROR, CRITICAL, or a name',
  );
});
