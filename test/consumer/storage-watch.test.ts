/** The state of PostgreSQL by the latest result. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { StorageWatch } from '../../consumer/storage-watch.js';
import { StatusLog } from '../../src/status-log.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function useWatch() {
  const lines: string[] = [];
  const ended = new AbortController();
  const fake = {
    answer: async () => {},
    probes: 0,
    paused: undefined as string | undefined,
    writingSinceMs: undefined as number | undefined,
  };
  const watch = new StorageWatch({
    store: {
      probe() {
        fake.probes++;
        return fake.answer();
      },
    },
    everyMs: 10_000,
    pauseReason: () => fake.paused,
    writingSinceMs: () => fake.writingSinceMs,
    log: new StatusLog((sentence) => lines.push(sentence)),
    notices: new StatusLog(),
    signal: ended.signal,
  });
  watch.worked();
  void watch.watch();
  return { watch, fake, lines, pass: (ms: number) => vi.advanceTimersByTimeAsync(ms) };
}

const refuse = (reason: string) => async () => {
  throw new Error(reason);
};

test('an idle consumer probes every ten seconds, and one that stores does not', async () => {
  const { watch, fake, pass } = useWatch();
  await pass(31_000);
  expect(fake.probes).toBe(3);
  for (let second = 0; second < 60; second++) {
    watch.worked();
    await pass(1000);
  }
  expect(fake.probes).toBe(3);
});

test('an unanswered batch is probed soon, then less often, and its end overrides the result', async () => {
  const { watch, fake, lines, pass } = useWatch();
  fake.answer = refuse('a lock');
  fake.writingSinceMs = Date.now();
  await pass(5000);
  expect(watch.fault).toBe('a lock');
  await pass(20_000);
  expect(fake.probes).toBe(4);
  expect(lines).toEqual([expect.stringMatching(/^PostgreSQL cannot store records now: a lock\. Loghive tries again/)]);
  fake.writingSinceMs = undefined;
  watch.worked();
  expect([watch.fault, lines.at(-1)]).toEqual([undefined, 'storage works again']);
});

test('a server that does not answer is reported once, and not probed again meanwhile', async () => {
  const { watch, fake, lines, pass } = useWatch();
  fake.answer = () => new Promise(() => {});
  await pass(60_000);
  expect(watch.fault).toMatch(/^PostgreSQL has not answered for 5 s\./);
  expect([fake.probes, lines.length]).toEqual([1, 1]);
});

test('while a worker is paused its reason counts, unless another one has stored something since', async () => {
  const { watch, fake, lines, pass } = useWatch();
  fake.paused = 'no disk';
  watch.paused('no disk');
  expect(watch.fault).toBe('no disk');
  watch.worked();
  await pass(9000);
  expect(watch.fault).toBeUndefined();
  await pass(2000);
  expect(watch.fault).toBe('no disk');
  fake.paused = 'no server';
  await pass(1000);
  expect(watch.fault).toBe('no server');
  // The worker logs it, and its end.
  fake.paused = undefined;
  watch.resumed();
  await pass(0);
  expect([watch.fault, fake.probes, lines]).toEqual([undefined, 1, []]);
});
