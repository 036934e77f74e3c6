import fc from 'fast-check';
import { expect, it, onTestFinished, vi } from 'vitest';
import { FlushTracker, TimedFlush } from '../../src/publisher/flushes.js';

it('each waits for the records that were there, whatever order they settle in', () => {
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

it('waits for nothing that was logged later, even in the same frame', () => {
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

it('finish each after its own records, however many there are', () => {
  const tracker = new FlushTracker();
  const count = 50_000;
  const done: number[] = [];
  for (let record = 0; record < count; record++) tracker.add(record + 1, () => done.push(record));
  for (let record = 1; record < count; record++) tracker.settled(record, 1);
  expect(done).toEqual([]);
  tracker.settled(0, 1);
  expect(done).toEqual(Array.from({ length: count }, (_, record) => record));
});

it('agrees with a list of all records, in any order of settling', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 30 }).chain((sizes) =>
        fc.tuple(fc.constant(sizes), fc.shuffledSubarray([...sizes.keys()])),
      ),
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
