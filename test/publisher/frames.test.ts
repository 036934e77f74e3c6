import { describe, expect, it } from 'vitest';
import { FrameQueue, type Ordered } from '../../src/publisher/frames.js';

function queueOf(...ordinals: number[]): FrameQueue<Ordered> {
  const queue = new FrameQueue<Ordered>();
  for (const ordinal of ordinals) queue.push({ ordinal });
  return queue;
}

function taken(queue: FrameQueue<Ordered>, count = Number.POSITIVE_INFINITY): number[] {
  const found: number[] = [];
  while (found.length < count) {
    const frame = queue.shift();
    if (!frame) break;
    found.push(frame.ordinal);
  }
  return found;
}

describe('a queue of frames', () => {
  it('returns them in the order of the calls, in whatever order they were added', () => {
    const queue = queueOf(3, 1, 2, 7);
    expect(taken(queue, 2)).toEqual([1, 2]);
    queue.push({ ordinal: 2 });
    queue.push({ ordinal: 1 });
    expect([...queue].map(({ ordinal }) => ordinal)).toEqual([1, 2, 3, 7]);
    expect(taken(queue)).toEqual([1, 2, 3, 7]);
    expect(queue.length).toBe(0);
  });

  it('keeps its order and its length while thousands pass through it', () => {
    const queue = queueOf();
    const all = Array.from({ length: 20_000 }, (_, ordinal) => ordinal);
    const found: number[] = [];
    for (const ordinal of all) {
      queue.push({ ordinal });
      if (ordinal % 3 === 0) found.push(...taken(queue, 2));
    }
    expect(found.length + queue.length).toBe(all.length);
    expect([...found, ...taken(queue)]).toEqual(all);
  });

  it('sorts once for all frames that are added together, not for each of them', () => {
    let comparisons = 0;
    const counted = (ordinal: number): Ordered => ({
      get ordinal() {
        comparisons++;
        return ordinal;
      },
    });
    const queue = new FrameQueue<Ordered>();
    const count = 20_000;
    for (let ordinal = count; ordinal > 0; ordinal--) queue.push(counted(ordinal));
    while (queue.shift());
    expect(comparisons).toBeLessThan(100 * count);
  });
});
