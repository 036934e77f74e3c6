import { describe, expect, it, vi } from 'vitest';
import { Batcher } from '../../consumer/batch.js';
import type { Delivery } from '../../consumer/delivery.js';

function delivery(tag: number, over: Partial<Delivery> = {}): Delivery {
  return { tag, records: 10, bytes: 1000, alone: false, ...over } as Delivery;
}

const limits = { records: 50, bytes: 1_000_000, lingerMs: 20 };
const tagsOf = (batch: Delivery[] | undefined) => batch?.map(({ tag }) => tag);

describe('a batch', () => {
  it('is due when enough records have come', () => {
    const due = vi.fn();
    const batcher = new Batcher({ ...limits, lingerMs: 60_000 }, due);
    for (let tag = 1; tag <= 4; tag++) batcher.add(delivery(tag));
    expect(batcher.take()).toBeUndefined();
    batcher.add(delivery(5));
    expect(due).toHaveBeenCalledOnce();
    expect(tagsOf(batcher.take())).toEqual([1, 2, 3, 4, 5]);
    batcher.clear();
  });

  it('is due when enough bytes have come', () => {
    const batcher = new Batcher({ ...limits, lingerMs: 60_000 }, () => {});
    batcher.add(delivery(1, { bytes: 1_000_000 }));
    expect(tagsOf(batcher.take())).toEqual([1]);
  });

  it('is due when its first message has waited long enough', async () => {
    const due = vi.fn();
    const batcher = new Batcher(limits, due);
    batcher.add(delivery(1));
    expect(batcher.take()).toBeUndefined();
    await vi.waitFor(() => expect(due).toHaveBeenCalled());
    expect(tagsOf(batcher.take())).toEqual([1]);
    expect(batcher.take()).toBeUndefined();
  });

  it('ends at its limits and leaves the rest for the next one', () => {
    const batcher = new Batcher({ ...limits, lingerMs: 60_000 }, () => {});
    for (let tag = 1; tag <= 12; tag++) batcher.add(delivery(tag));
    expect(tagsOf(batcher.take())).toEqual([1, 2, 3, 4, 5]);
    expect(tagsOf(batcher.take())).toEqual([6, 7, 8, 9, 10]);
    expect(batcher.take()).toBeUndefined();
    batcher.hurry();
    expect(tagsOf(batcher.take())).toEqual([11, 12]);
  });

  it('never leaves behind what came after a batch that was full at once', async () => {
    const batcher = new Batcher(limits, () => {});
    batcher.add(delivery(1, { records: 500 }));
    batcher.add(delivery(2));
    expect(tagsOf(batcher.take())).toEqual([1]);
    await vi.waitFor(() => expect(tagsOf(batcher.take())).toEqual([2]));
  });

  it('of a message that must be handled alone holds nothing else, and the order stays', () => {
    const batcher = new Batcher({ ...limits, lingerMs: 60_000 }, () => {});
    batcher.add(delivery(1));
    batcher.add(delivery(2, { alone: true }));
    batcher.add(delivery(3));
    expect(tagsOf(batcher.take())).toEqual([1]);
    expect(tagsOf(batcher.take())).toEqual([2]);
    batcher.hurry();
    expect(tagsOf(batcher.take())).toEqual([3]);
  });

  it('is forgotten with the channel that it came from', () => {
    const batcher = new Batcher(limits, () => {});
    batcher.add(delivery(1));
    batcher.clear();
    batcher.hurry();
    expect(batcher.take()).toBeUndefined();
  });
});
