import { expect, it, onTestFinished, vi } from 'vitest';
import { FlushTracker, TimedFlush } from '../../src/publisher/flushes.js';

it('each waits for the frames that were there, whatever order they settle in', () => {
  const waiters = new FlushTracker();
  const told: string[] = [];
  waiters.add(1, 2, () => told.push('0 and 1'));
  waiters.add(1, 2, () => told.push('the same'));
  waiters.settled(1);
  waiters.add(4, 4, () => told.push('0 to 4'));
  waiters.settled(3);
  waiters.settled(4);
  waiters.settled(5);
  expect(told).toEqual([]);
  waiters.settled(0);
  expect(told).toEqual(['0 and 1', 'the same']);
  waiters.settled(2);
  expect(told).toEqual(['0 and 1', 'the same', '0 to 4']);
});

it('are all told, each after its own frames, however many there are', () => {
  const waiters = new FlushTracker();
  const count = 50_000;
  const told: number[] = [];
  for (let sequence = 0; sequence < count; sequence++) {
    waiters.add(sequence, sequence + 1, () => told.push(sequence));
  }
  for (let sequence = 1; sequence < count; sequence++) waiters.settled(sequence);
  expect(told).toEqual([]);
  waiters.settled(0);
  expect(told).toEqual(Array.from({ length: count }, (_, sequence) => sequence));
});

/** A broker that is away until it is `back()`, and what was asked of it. */
function useTarget() {
  const asked = { hurries: 0, flushes: 0 };
  let back = () => {};
  const settled = new Promise<void>((resolve) => {
    back = resolve;
  });
  const flush = new TimedFlush({
    flush: () => {
      asked.flushes += 1;
      return settled;
    },
    hurry: () => {
      asked.hurries += 1;
    },
    isIdle: () => false,
    settled: () => 0,
  });
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  return { flush, asked, back };
}

it('tries an unreachable broker four times a second, however many flushes wait for it', async () => {
  const { flush, asked } = useTarget();
  for (let request = 0; request < 200; request++) {
    void flush.once(2000);
    await vi.advanceTimersByTimeAsync(5);
  }
  expect(asked.hurries).toBeGreaterThanOrEqual(4);
  expect(asked.hurries).toBeLessThanOrEqual(5);
});

it('tries nothing any more when nobody waits', async () => {
  const { flush, asked } = useTarget();
  void flush.once(1000);
  await vi.advanceTimersByTimeAsync(1000);
  const { hurries } = asked;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked.hurries).toBe(hurries);
});

it('retries immediately at the end of the process, whatever was tried before', async () => {
  const { flush, asked } = useTarget();
  void flush.once(2000);
  await vi.advanceTimersByTimeAsync(10);
  const { hurries } = asked;
  void flush.within(2000);
  expect(asked.hurries).toBe(hurries + 1);
});

it('leaves two flushes behind while a broker is away, however many have run out of time', async () => {
  const { flush, asked, back } = useTarget();
  const all = Array.from({ length: 100 }, () => flush.once(10));
  await vi.advanceTimersByTimeAsync(10);
  await Promise.all(all);
  expect(asked.flushes).toBe(1);
  back();
  await vi.advanceTimersByTimeAsync(0);
  // For those that came after the first one had begun.
  expect(asked.flushes).toBe(2);
});
