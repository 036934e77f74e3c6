/** `close({ timeoutMs })` and `onDiagnostic` of every integration, without a broker. */
import { Console } from 'node:console';
import { PassThrough } from 'node:stream';
import { expect, test, vi } from 'vitest';
import { LoggerClient, type LoggerClientOptions } from '../src/client.js';
import type { CloseOptions } from '../src/publisher/flushes.js';
import type { CloseResult } from '../src/publisher/status.js';
import { patchConsole } from '../transports/console.js';
import { loghivePino } from '../transports/pino.js';
import { LoghiveTransport } from '../transports/winston.js';
import { onEnd } from './support/use-servers.js';

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

test.each(integrations)('%s closes within timeoutMs, and reports lost records to onDiagnostic', async (_name, make) => {
  const lines: string[] = [];
  const onDiagnostic = (line: string) => void lines.push(line);
  const { log, close } = make({ service: 'shop', url: 'amqp://127.0.0.1:1', exitTimeoutMs: 8000, onDiagnostic });
  onEnd(() => close());
  log();
  await vi.waitFor(() => expect(lines).toEqual([expect.stringMatching(/ WARNING amqp:.*nothing listens there/)]));
  const started = performance.now();
  expect(await close({ timeoutMs: 50 })).toEqual({ confirmed: 0, spooled: 0, unsent: 1 });
  expect(performance.now() - started).toBeLessThan(4000);
  expect(lines[1]).toMatch(/ ERROR records dropped: 1 \(unsent at close: shop INFO 1\)/);
  expect(await close()).toEqual({ confirmed: 0, spooled: 0, unsent: 1 });
});

test.each(integrations)('%s leaves its unsent records to others that share its connection', async (_name, make) => {
  const settings = { service: 'shop', url: 'amqp://127.0.0.1:1', exitTimeoutMs: 0, onDiagnostic: () => {} };
  const other = new LoggerClient(settings);
  const { log, close } = make(settings);
  log();
  expect(await close({ timeoutMs: 10 })).toEqual({ confirmed: 0, spooled: 0, unsent: 1 });
  expect(other.stats()).toMatchObject({ pending: 1, dropped: {} });
  await other.close({ timeoutMs: Number.NaN });
  expect(other.stats().dropped).toEqual({ INFO: { 'unsent at close': 1 } });
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
