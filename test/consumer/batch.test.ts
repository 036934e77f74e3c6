import { describe, expect, it, vi } from 'vitest';
import { Batcher } from '../../consumer/batch.js';
import type { Delivery } from '../../consumer/delivery.js';
import type { ParsedDelivery } from '../../consumer/parse-delivery.js';

interface Shape {
  queue?: string;
  bytes?: number;
  records?: number;
  alone?: boolean;
  contentEncoding?: string;
}

const limits = { records: 50, bytes: 1_000_000, lingerMs: 60_000 };
const tagsOf = (batch: ParsedDelivery[] | undefined) => batch?.map(({ tag }) => tag);

/** A batcher of made-up messages, and the tags of those that were parsed so far. */
function open(over: Partial<typeof limits> = {}) {
  const shapes = new Map<number, Shape>();
  const parsed: number[] = [];
  const due = vi.fn();
  const parse = (delivery: Delivery) => {
    const { bytes = 1000, records = 10 } = shapes.get(delivery.tag) as Shape;
    parsed.push(delivery.tag);
    return { ...delivery, bytes, records } as ParsedDelivery;
  };
  const batcher = new Batcher({ ...limits, ...over }, parse, due);
  const add = (tag: number, shape: Shape = {}) => {
    const { bytes = 1000, alone = false, contentEncoding, queue = 'shop' } = shape;
    const content = { length: contentEncoding ? 100 : bytes };
    shapes.set(tag, shape);
    return batcher.add({ tag, queue, alone, message: { content, properties: { contentEncoding } } } as Delivery);
  };
  return { batcher, add, due, parsed, take: () => tagsOf(batcher.take()) };
}

describe('a batch', () => {
  it('is due when enough records have come', () => {
    const { batcher, add, due, take } = open();
    for (let tag = 1; tag <= 4; tag++) expect(add(tag)).toBe(10);
    expect(take()).toBeUndefined();
    add(5);
    expect(due).toHaveBeenCalledOnce();
    expect(take()).toEqual([1, 2, 3, 4, 5]);
    batcher.clear();
  });

  it('is due when enough bytes have come', () => {
    const { add, take } = open();
    add(1, { bytes: 1_000_000 });
    expect(take()).toEqual([1]);
  });

  it('is due when its first message has waited long enough', async () => {
    const { add, due, take } = open({ lingerMs: 20 });
    add(1);
    expect(take()).toBeUndefined();
    await vi.waitFor(() => expect(due).toHaveBeenCalled());
    expect(take()).toEqual([1]);
    expect(take()).toBeUndefined();
  });

  it('ends at its limits and leaves the rest for the next one', () => {
    const { batcher, add, take } = open();
    for (let tag = 1; tag <= 12; tag++) add(tag);
    expect(take()).toEqual([1, 2, 3, 4, 5]);
    expect(take()).toEqual([6, 7, 8, 9, 10]);
    expect(take()).toBeUndefined();
    batcher.flush();
    expect(take()).toEqual([11, 12]);
  });

  it('never leaves behind what came after a batch that was full at once', async () => {
    const { add, take } = open({ lingerMs: 20 });
    add(1, { records: 500 });
    add(2);
    expect(take()).toEqual([1]);
    await vi.waitFor(() => expect(take()).toEqual([2]));
  });

  it('of a message that must be handled alone holds nothing else, and the order stays', () => {
    const { batcher, add, take } = open();
    add(1);
    add(2, { alone: true });
    add(3);
    expect(take()).toEqual([1]);
    expect(take()).toEqual([2]);
    batcher.flush();
    expect(take()).toEqual([3]);
  });

  it('takes the first message of each other queue, however full it is', () => {
    const { batcher, add, take } = open();
    for (let tag = 1; tag <= 7; tag++) add(tag);
    expect(add(8, { queue: 'till' })).toBe(10);
    expect(add(9, { queue: 'till' })).toBeUndefined();
    expect(add(10, { queue: 'desk', bytes: 800_000 })).toBe(10);
    expect(add(11, { queue: 'large', bytes: 900_000 })).toBe(10);
    expect(add(12, { queue: 'larger', bytes: 900_000 })).toBeUndefined();
    expect(take()).toEqual([1, 2, 3, 4, 5, 8, 10, 11]);
    batcher.flush();
    expect(take()).toEqual([6, 7, 9, 12]);
  });

  it('is forgotten with the channel that it came from', () => {
    const { batcher, add, take } = open();
    add(1);
    batcher.clear();
    batcher.flush();
    expect(take()).toBeUndefined();
  });
});

describe('messages are parsed', () => {
  it('one batch ahead, while the one before it is being written', async () => {
    const { add, take, parsed } = open();
    for (let tag = 1; tag <= 20; tag++) add(tag);
    expect(parsed).toEqual([1, 2, 3, 4, 5]);
    expect(take()).toEqual([1, 2, 3, 4, 5]);
    expect(parsed).toHaveLength(5);
    await vi.waitFor(() => expect(parsed).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]));
  });

  it('no sooner than they are taken, where they are larger than a batch', () => {
    const { add, take, parsed, due } = open();
    for (const tag of [1, 2, 3]) expect(add(tag, { bytes: 2_000_000 })).toBeUndefined();
    expect(due).toHaveBeenCalled();
    expect(parsed).toEqual([]);
    expect(take()).toEqual([1]);
    expect(parsed).toEqual([1]);
    expect(take()).toEqual([2]);
    expect(parsed).toEqual([1, 2]);
  });

  it('no sooner than they are taken, where they are compressed, and then until there is enough', () => {
    const { add, take, parsed } = open();
    for (let tag = 1; tag <= 6; tag++) add(tag, { bytes: 300_000, contentEncoding: 'gzip' });
    expect(parsed).toEqual([]);
    expect(take()).toEqual([1, 2, 3, 4]);
    expect(parsed).toEqual([1, 2, 3, 4]);
    expect(take()).toEqual([5, 6]);
  });

  it('up to the next one that must be handled alone', () => {
    const { add, take, parsed } = open();
    add(1);
    add(2, { alone: true });
    add(3);
    expect(parsed).toEqual([1]);
    expect([take(), take()]).toEqual([[1], [2]]);
    expect(parsed).toEqual([1, 2]);
  });
});

describe('what is withdrawn from a batch', () => {
  const of = (queue: string) => (delivery: Delivery) => delivery.queue === queue;
  const withdraw = (batcher: Batcher, queue: string) => batcher.withdraw(of(queue)).map(({ tag }) => tag);

  it('comes in order of arrival, and makes room for what waits', () => {
    const { batcher, add, take } = open();
    for (let tag = 1; tag <= 4; tag++) add(tag);
    for (const tag of [5, 6]) add(tag, { queue: 'till' });
    for (const tag of [7, 8]) add(tag);
    expect(withdraw(batcher, 'shop')).toEqual([1, 2, 3, 4, 7, 8]);
    expect(take()).toBeUndefined();
    for (const tag of [9, 10, 11, 12]) add(tag);
    expect(take()).toEqual([5, 6, 9, 10, 11]);
    batcher.clear();
  });

  it('leaves what waits as due as it was', () => {
    const { batcher, add, take } = open();
    for (const tag of [1, 2]) add(tag, { queue: `${tag}` });
    batcher.flush();
    expect(withdraw(batcher, '1')).toEqual([1]);
    expect(take()).toEqual([2]);
  });

  it('leaves nothing behind for ever, although nothing had to linger before', async () => {
    const { batcher, add, take } = open({ lingerMs: 20 });
    add(1, { records: 500 });
    add(2, { queue: 'till' });
    expect(withdraw(batcher, 'shop')).toEqual([1]);
    expect(take()).toBeUndefined();
    await vi.waitFor(() => expect(take()).toEqual([2]));
  });
});

describe('what is put before a batch', () => {
  it('is taken first, in its order, and nobody is told', async () => {
    const { batcher, add, due, take } = open({ lingerMs: 20 });
    for (const tag of [1, 2, 3]) add(tag);
    const first = batcher.withdraw(() => true);
    for (const tag of [4, 5, 6]) add(tag);
    batcher.prepend(first);
    expect(due).not.toHaveBeenCalled();
    expect(take()).toEqual([1, 2, 3, 4, 5]);
    await vi.waitFor(() => expect(take()).toEqual([6]));
  });
});
