import fc from 'fast-check';
import { expect, it, onTestFinished, vi } from 'vitest';
import { FlushTracker, TimedFlush } from '../../src/publisher/flushes.js';

it('a flush waits for the records that existed when it was called, in whatever order they settle', () => {
  const tracker = new FlushTracker();
  const done: string[] = [];
  tracker.add(20, () => done.push('0 to 19'));
  tracker.add(20, () => done.push('the same'));
  tracker.settled(10, 10);
  tracker.add(50, () => done.push('0 to 49'));
  tracker.settled(30, 10);
  tracker.settled(40, 10);
  tracker.settled(50, 10);
  expect(done).toEqual([]);
  tracker.settled(0, 10);
  expect(done).toEqual(['0 to 19', 'the same']);
  tracker.settled(20, 10);
  expect(done).toEqual(['0 to 19', 'the same', '0 to 49']);
});

it('a flush does not wait for later records, even if they are in the same frame', () => {
  const tracker = new FlushTracker();
  const done: string[] = [];
  tracker.add(5, () => done.push('0 to 4'));
  tracker.settled(3, 7);
  expect(done).toEqual([]);
  tracker.settled(0, 3);
  expect(done).toEqual(['0 to 4']);
  tracker.add(10, () => done.push('settled already'));
  expect(done).toEqual(['0 to 4', 'settled already']);
});

it('thousands of flushes resolve, each after its own records', () => {
  const tracker = new FlushTracker();
  const count = 50_000;
  const done: number[] = [];
  for (let record = 0; record < count; record++) tracker.add(record + 1, () => done.push(record));
  for (let record = 1; record < count; record++) tracker.settled(record, 1);
  expect(done).toEqual([]);
  tracker.settled(0, 1);
  expect(done).toEqual(Array.from({ length: count }, (_, record) => record));
});

it('a flush resolves exactly when all earlier records are settled, whatever the frames', () => {
  fc.assert(
    fc.property(
      fc
        .array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 30 })
        .chain((sizes) => fc.tuple(fc.constant(sizes), fc.shuffledSubarray([...sizes.keys()]))),
      ([sizes, order]) => {
        const tracker = new FlushTracker();
        const starts = sizes.map((_, index) => sizes.slice(0, index).reduce((sum, size) => sum + size, 0));
        const total = sizes.reduce((sum, size) => sum + size, 0);
        const done = new Set<number>();
        for (let upTo = 1; upTo <= total; upTo++) tracker.add(upTo, () => done.add(upTo));
        const open = new Set(Array.from({ length: total }, (_, record) => record));
        for (const index of order) {
          tracker.settled(starts[index]!, sizes[index]!);
          for (let record = 0; record < sizes[index]!; record++) open.delete(starts[index]! + record);
          const first = Math.min(...open, total);
          expect(done.size).toBe(first);
        }
      },
    ),
  );
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
