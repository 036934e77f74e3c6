/** What is believed of PostgreSQL, by what was learnt last. */
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
  const said: string[] = [];
  const ended = new AbortController();
  const world = {
    answer: async () => {},
    asked: 0,
    paused: undefined as string | undefined,
    writingSinceMs: undefined as number | undefined,
  };
  const watch = new StorageWatch({
    store: {
      probe() {
        world.asked++;
        return world.answer();
      },
    },
    everyMs: 10_000,
    pauseReason: () => world.paused,
    writingSinceMs: () => world.writingSinceMs,
    log: new StatusLog((sentence) => said.push(sentence)),
    notices: new StatusLog(),
    signal: ended.signal,
  });
  watch.worked();
  void watch.watch();
  return { watch, world, said, pass: (ms: number) => vi.advanceTimersByTimeAsync(ms) };
}

const refuse = (reason: string) => async () => {
  throw new Error(reason);
};

test('an idle consumer asks every ten seconds, and one that stores does not', async () => {
  const { watch, world, pass } = useWatch();
  await pass(31_000);
  expect(world.asked).toBe(3);
  for (let second = 0; second < 60; second++) {
    watch.worked();
    await pass(1000);
  }
  expect(world.asked).toBe(3);
});

test('a batch that is not answered is asked after soon, then less often, and what was found out is over with its end', async () => {
  const { watch, world, said, pass } = useWatch();
  world.answer = refuse('a lock');
  world.writingSinceMs = Date.now();
  await pass(5000);
  expect(watch.fault).toBe('a lock');
  await pass(20_000);
  expect(world.asked).toBe(4);
  expect(said).toEqual([expect.stringMatching(/^PostgreSQL cannot store records now: a lock\. Loghive tries again/)]);
  world.writingSinceMs = undefined;
  watch.worked();
  expect([watch.fault, said.at(-1)]).toEqual([undefined, 'storage works again']);
});

test('a server that does not answer is told, once, and not asked a second time meanwhile', async () => {
  const { watch, world, said, pass } = useWatch();
  world.answer = () => new Promise(() => {});
  await pass(60_000);
  expect(watch.fault).toMatch(/^PostgreSQL has not answered for 5 s\./);
  expect([world.asked, said.length]).toEqual([1, 1]);
});

test('while a worker is paused its reason holds, unless another one has stored something since', async () => {
  const { watch, world, said, pass } = useWatch();
  world.paused = 'no disk';
  watch.paused('no disk');
  expect(watch.fault).toBe('no disk');
  watch.worked();
  await pass(9000);
  expect(watch.fault).toBeUndefined();
  await pass(2000);
  expect(watch.fault).toBe('no disk');
  world.paused = 'no server';
  await pass(1000);
  expect(watch.fault).toBe('no server');
  // The worker says it, and that it is over.
  world.paused = undefined;
  watch.resumed();
  await pass(0);
  expect([watch.fault, world.asked, said]).toEqual([undefined, 1, []]);
});
