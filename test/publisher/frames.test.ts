import { describe, expect, it } from 'vitest';
import { FrameQueue, type Sequenced } from '../../src/publisher/frames.js';

function queueOf(...sequences: number[]): FrameQueue<Sequenced> {
  const queue = new FrameQueue<Sequenced>();
  for (const sequence of sequences) queue.push({ sequence });
  return queue;
}

function taken(queue: FrameQueue<Sequenced>, count = Number.POSITIVE_INFINITY): number[] {
  const found: number[] = [];
  while (found.length < count) {
    const frame = queue.shift();
    if (!frame) break;
    found.push(frame.sequence);
  }
  return found;
}

describe('a queue of frames', () => {
  it('returns them by sequence number, in whatever order they were added', () => {
    const queue = queueOf(3, 1, 2, 7);
    expect(taken(queue, 2)).toEqual([1, 2]);
    queue.push({ sequence: 2 });
    queue.push({ sequence: 1 });
    expect([...queue].map(({ sequence }) => sequence)).toEqual([1, 2, 3, 7]);
    expect(taken(queue)).toEqual([1, 2, 3, 7]);
    expect(queue.length).toBe(0);
  });

  it('keeps its order and its length while thousands pass through it', () => {
    const queue = queueOf();
    const all = Array.from({ length: 20_000 }, (_, sequence) => sequence);
    const found: number[] = [];
    for (const sequence of all) {
      queue.push({ sequence });
      if (sequence % 3 === 0) found.push(...taken(queue, 2));
    }
    expect(found.length + queue.length).toBe(all.length);
    expect([...found, ...taken(queue)]).toEqual(all);
  });

  it('sorts once for all frames that are added together, not for each of them', () => {
    let comparisons = 0;
    const counted = (sequence: number): Sequenced => ({
      get sequence() {
        comparisons++;
        return sequence;
      },
    });
    const queue = new FrameQueue<Sequenced>();
    const count = 20_000;
    for (let sequence = count; sequence > 0; sequence--) queue.push(counted(sequence));
    while (queue.shift());
    expect(comparisons).toBeLessThan(100 * count);
  });
});
