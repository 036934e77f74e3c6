import path from 'node:path';
import { expect, test, vi } from 'vitest';
import { listenForShutdown } from '../../cli/shutdown-signals.js';
import { onEnd, useChild } from '../support/use-servers.js';

const program = path.resolve(import.meta.dirname, '..', '..', 'dist', 'esm', 'cli', 'main.js');

function useShutdown() {
  vi.useFakeTimers();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const before = new Map(signals.map((signal) => [signal, new Set(process.listeners(signal))]));
  onEnd(() => {
    vi.useRealTimers();
    for (const signal of signals) {
      for (const listener of process.listeners(signal)) {
        if (!before.get(signal)!.has(listener)) process.removeListener(signal, listener);
      }
    }
  });
  const requests: string[] = [];
  const shutdown = listenForShutdown((signal, again) => requests.push(`${signal}${again ? ' again' : ''}`));
  return { requests, shutdown };
}

test('a signal repeated within milliseconds is one request; a later one is the second', () => {
  const { requests, shutdown } = useShutdown();
  process.emit('SIGINT');
  process.emit('SIGINT');
  vi.advanceTimersByTime(250);
  process.emit('SIGTERM');
  expect(requests).toEqual(['SIGINT']);
  expect([shutdown.requested.aborted, shutdown.forced.aborted]).toEqual([true, false]);
  vi.advanceTimersByTime(100);
  process.emit('SIGINT');
  expect(requests).toEqual(['SIGINT', 'SIGINT again']);
  expect(shutdown.forced.aborted).toBe(true);
});

test('the first signal after another shutdown reason forces the shutdown', () => {
  const { requests, shutdown } = useShutdown();
  shutdown.request();
  process.emit('SIGINT');
  expect(requests).toEqual(['SIGINT again']);
  expect(shutdown.forced.aborted).toBe(true);
});

test('loghive consume treats two signals within milliseconds as one, and no longer reports its servers', async () => {
  const args = ['consume', 'shop', '--url', 'amqp://127.0.0.1:1', '--database-url', 'postgres://u@127.0.0.1:1/x'];
  const child = useChild(program, { args });
  await child.waitForLine(/storage is not available yet/);
  const from = child.lines.length;
  void child.kill('SIGINT');
  void child.kill('SIGINT');
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(child.lines.slice(from)).toEqual([
    expect.stringMatching(/INFO SIGINT: finishing unacknowledged messages\.$/),
    expect.stringMatching(/INFO stopped: 0 records stored/),
  ]);
});
