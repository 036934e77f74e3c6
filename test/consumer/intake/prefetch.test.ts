import { describe, expect, it } from 'vitest';
import { adapted, FLOOR, needsReview, type QueueLoad, shrunk } from '../../../consumer/intake/prefetch.js';

const MIB = 1024 * 1024;
const budget = { bytes: 64 * MIB, batchRecords: 5000, busyQueues: 1 };

function load(over: Partial<QueueLoad>): QueueLoad {
  return { prefetch: 1, outstanding: 1, outstandingBytes: 0, meanBytes: 300, meanRecords: 1, severe: false, ...over };
}

/** Fills the queue until its prefetch stays as it is. */
function settled(over: Partial<QueueLoad>, shared = budget): number {
  let current = load(over);
  for (let step = 0; step < 20; step++) {
    const prefetch = adapted({ ...current, outstanding: current.prefetch }, shared);
    if (prefetch === current.prefetch) return prefetch;
    current = { ...current, prefetch };
  }
  throw new Error('never settles');
}

describe('the prefetch of a queue', () => {
  it('is looked at when as much is on its way as may be', () => {
    expect(needsReview(load({ prefetch: 8, outstanding: 7 }), budget)).toBe(false);
    expect(needsReview(load({ prefetch: 8, outstanding: 8 }), budget)).toBe(true);
  });

  it('is looked at, and cut, when what is on its way weighs too much', () => {
    const heavy = load({ prefetch: 1000, outstanding: 50, outstandingBytes: 50 * MIB, meanBytes: MIB });
    expect(needsReview(heavy, budget)).toBe(true);
    expect(adapted(heavy, budget)).toBe(48);
  });

  it('grows to at least one batch for a busy queue, of single records as well as of frames', () => {
    expect(settled({ meanRecords: 1, meanBytes: 300 })).toBeGreaterThanOrEqual(5000);
    expect(settled({ meanRecords: 200, meanBytes: 64 * 1024 }) * 200).toBeGreaterThanOrEqual(5000);
  });

  it('never holds more bytes than its share, but always one message', () => {
    const heavy = settled({ meanBytes: 8 * MIB });
    expect(heavy * 8 * MIB).toBeLessThanOrEqual(64 * MIB);
    expect(settled({ meanBytes: 200 * MIB })).toBe(FLOOR);
  });

  it('leaves error and critical queues a share that others cannot take', () => {
    const plain = settled({ meanBytes: MIB });
    expect(plain).toBeLessThan(settled({ meanBytes: MIB, severe: true }));
  });

  it('shares the budget among busy queues', () => {
    const alone = settled({ meanBytes: MIB });
    const among = settled({ meanBytes: MIB }, { ...budget, busyQueues: 4 });
    expect(among).toBeLessThanOrEqual(Math.ceil(alone / 4));
  });

  it('gives back what an idle queue does not use', () => {
    expect(shrunk(load({ prefetch: 1000 }), 0)).toBe(FLOOR);
    expect(shrunk(load({ prefetch: 1000 }), 10)).toBe(11);
    expect(shrunk(load({ prefetch: 1000 }), 500)).toBe(1000);
  });
});
