import { expect, it, onTestFinished, vi } from 'vitest';
import { FlushTracker, TimedFlush } from '../../src/publisher/flushes.js';

it('a flush waits for the frames that existed when it was called, in whatever order they settle', () => {
  const waiters = new FlushTracker();
  const resolved: string[] = [];
  waiters.add(1, 2, () => resolved.push('0 and 1'));
  waiters.add(1, 2, () => resolved.push('the same'));
  waiters.settled(1);
  waiters.add(4, 4, () => resolved.push('0 to 4'));
  waiters.settled(3);
  waiters.settled(4);
  waiters.settled(5);
  expect(resolved).toEqual([]);
  waiters.settled(0);
  expect(resolved).toEqual(['0 and 1', 'the same']);
  waiters.settled(2);
  expect(resolved).toEqual(['0 and 1', 'the same', '0 to 4']);
});

it('thousands of flushes resolve, each after its own frames', () => {
  const waiters = new FlushTracker();
  const count = 50_000;
  const resolved: number[] = [];
  for (let sequence = 0; sequence < count; sequence++) {
    waiters.add(sequence, sequence + 1, () => resolved.push(sequence));
  }
  for (let sequence = 1; sequence < count; sequence++) waiters.settled(sequence);
  expect(resolved).toEqual([]);
  waiters.settled(0);
  expect(resolved).toEqual(Array.from({ length: count }, (_, sequence) => sequence));
});

/** A flush whose broker is unreachable until `back()`, and the number of calls that it made. */
function useTarget() {
  const calls = { hurries: 0, flushes: 0 };
  let back = () => {};
  const settled = new Promise<void>((resolve) => {
    back = resolve;
  });
  const flush = new TimedFlush({
    flush: () => {
      calls.flushes += 1;
      return settled;
    },
    hurry: () => {
      calls.hurries += 1;
    },
    isIdle: () => false,
    settled: () => 0,
  });
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  return { flush, calls, back };
}

it('an unreachable broker is tried four times a second, however many flushes wait for it', async () => {
  const { flush, calls } = useTarget();
  for (let request = 0; request < 200; request++) {
    void flush.once(2000);
    await vi.advanceTimersByTimeAsync(5);
  }
  expect(calls.hurries).toBeGreaterThanOrEqual(4);
  expect(calls.hurries).toBeLessThanOrEqual(5);
});

it('an unreachable broker is not tried any more when no flush waits for it', async () => {
  const { flush, calls } = useTarget();
  void flush.once(1000);
  await vi.advanceTimersByTimeAsync(1000);
  const { hurries } = calls;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(calls.hurries).toBe(hurries);
});

it('the broker is tried immediately at the end of the process, however recent the last attempt was', async () => {
  const { flush, calls } = useTarget();
  void flush.once(2000);
  await vi.advanceTimersByTimeAsync(10);
  const { hurries } = calls;
  void flush.within(2000);
  expect(calls.hurries).toBe(hurries + 1);
});

it('however many flushes time out while the broker is unreachable, only two of them stay pending', async () => {
  const { flush, calls, back } = useTarget();
  const all = Array.from({ length: 100 }, () => flush.once(10));
  await vi.advanceTimersByTimeAsync(10);
  await Promise.all(all);
  expect(calls.flushes).toBe(1);
  back();
  await vi.advanceTimersByTimeAsync(0);
  // The second one is for all calls after the first had begun.
  expect(calls.flushes).toBe(2);
});
