import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { BatchScheduler } from '../../consumer/batch-scheduler.js';
import type { Delivery } from '../../consumer/delivery.js';
import type { ParsedDelivery } from '../../consumer/parse-delivery.js';

const limits = { records: 1000, bytes: 1_000_000, lingerMs: 60_000 };
const NONE: ReadonlySet<string> = new Set();

/** Messages of 100 records each, named by their queue and their number in it. */
function open(over: Partial<typeof limits> = {}) {
  const due = vi.fn();
  const parse = (delivery: Delivery) =>
    ({ ...delivery, records: 100, bytes: delivery.message.content.length }) as ParsedDelivery;
  const turns = new BatchScheduler({ ...limits, ...over }, parse, due);
  const counts = new Map<string, number>();
  const add = (queue: string, messages: number, { alone = false, bytes = 1000 } = {}) => {
    for (let n = 0; n < messages; n++) {
      const tag = (counts.get(queue) ?? 0) + 1;
      counts.set(queue, tag);
      turns.add({ queue, tag, alone, message: { content: { length: bytes }, properties: {} } } as Delivery);
    }
  };
  const take = () => turns.take() ?? [];
  const names = (batch: readonly ParsedDelivery[]) => batch.map(({ queue, tag }) => `${queue} ${tag}`);
  const takeAll = () => {
    const batches: string[][] = [];
    for (let batch = take(); batch.length > 0; batch = take()) batches.push(names(batch));
    return batches;
  };
  return { turns, add, due, take, takeAll, names };
}

/** By the clock that turns are measured with, in milliseconds. */
function eachTakes(ms: number): void {
  let nowMs = 0;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => nowMs++ * ms);
  onTestFinished(() => clock.mockRestore());
}

describe('queues', () => {
  it('share their batches', () => {
    const { turns, add, takeAll } = open();
    add('shop', 1);
    add('till', 1);
    expect(takeAll()).toEqual([]);
    turns.flush();
    expect(takeAll()).toEqual([['shop 1', 'till 1']]);
  });

  it('take turns with one whose messages are handled alone, which gets 250 ms each time', () => {
    const { turns, add, takeAll } = open();
    eachTakes(100);
    add('retried', 5, { alone: true });
    add('shop', 12);
    turns.flush();
    const ten = Array.from({ length: 10 }, (_, at) => `shop ${at + 1}`);
    const turn = [['retried 1'], ['retried 2'], ['retried 3'], ['retried 4']];
    expect(takeAll()).toEqual([ten, ...turn, ['shop 11', 'shop 12'], ['retried 5']]);
  });

  it('alternate with one whose messages are larger than a batch', () => {
    const { turns, add, takeAll } = open();
    add('dumps', 3, { bytes: 2_000_000 });
    add('shop', 1);
    turns.flush();
    expect(takeAll()).toEqual([['shop 1'], ['dumps 1'], ['dumps 2'], ['dumps 3']]);
  });

  it('do not linger longer because of messages that are handled alone, however frequent', async () => {
    const { add, due, takeAll } = open({ lingerMs: 50 });
    const taken: string[] = [];
    due.mockImplementation(() => taken.push(...takeAll().flat()));
    add('shop', 1);
    const oneMore = () => {
      add('retried', 1, { alone: true });
      expect(taken).toContain('shop 1');
    };
    await vi.waitFor(oneMore, { interval: 10 });
  });

  it('are stored although there is always a message to handle alone', () => {
    const { turns, add, take, names } = open();
    eachTakes(250);
    add('shop', 12);
    turns.flush();
    const taken = Array.from({ length: 4 }, () => {
      add('retried', 1, { alone: true });
      return names(take());
    });
    const ten = Array.from({ length: 10 }, (_, at) => `shop ${at + 1}`);
    expect(taken).toEqual([ten, ['retried 1'], ['retried 2'], ['shop 11', 'shop 12']]);
  });

  it('stay due when another queue gets separate batches', () => {
    const { turns, add, takeAll } = open();
    add('shop', 1);
    add('till', 1);
    turns.flush();
    add('till', 1, { alone: true });
    expect(takeAll()).toEqual([['shop 1'], ['till 1'], ['till 2']]);
  });

  it('lose nothing if all due batches are taken together', () => {
    const { add, due, takeAll } = open();
    const taken: string[][] = [];
    due.mockImplementation(() => taken.push(...takeAll()));
    add('shop', 3);
    add('shop', 1, { alone: true });
    expect(taken.flat()).toEqual(['shop 1', 'shop 2', 'shop 3', 'shop 4']);
  });

  it('share them again when the messages handled alone are done', () => {
    const { turns, add, takeAll } = open();
    add('shop', 1, { alone: true });
    expect(takeAll()).toEqual([['shop 1']]);
    add('shop', 1);
    add('till', 1);
    turns.flush();
    expect(takeAll()).toEqual([['shop 2', 'till 1']]);
  });
});

describe('a batch that is refused', () => {
  it('is queued again by queue, in order and before later messages, in smaller batches', () => {
    const { turns, add, take, takeAll } = open();
    add('shop', 8);
    add('till', 2);
    const batch = take();
    expect(batch).toHaveLength(10);
    expect(turns.isWholeOrNothing(batch)).toBe(true);
    add('shop', 2);
    turns.split(batch);
    expect(takeAll()).toEqual([
      ['shop 1', 'shop 2', 'shop 3'],
      ['till 1', 'till 2'],
      ['shop 4', 'shop 5', 'shop 6'],
      ['shop 7', 'shop 8', 'shop 9'],
      ['shop 10'],
    ]);
  });

  it('is not split again, nor is a single message', () => {
    const { turns, add, take } = open();
    add('shop', 10);
    turns.split(take());
    const part = take();
    expect(part).toHaveLength(3);
    expect(turns.isWholeOrNothing(part)).toBe(false);
    expect(turns.isWholeOrNothing(part.slice(0, 1))).toBe(false);
  });
});

describe('the batches of a queue with bad records', () => {
  it('are small enough to finish soon, and alternate with others', () => {
    const { turns, add, take, takeAll } = open();
    add('shop', 10);
    const batch = take();
    add('shop', 6);
    add('till', 1);
    turns.stored(batch, new Set(['shop']), 1000);
    turns.flush();
    expect(takeAll()).toEqual([['till 1'], ['shop 11', 'shop 12', 'shop 13'], ['shop 14', 'shop 15', 'shop 16']]);
  });

  it('grow with each one without bad records, until the queue shares batches again', () => {
    const { turns, add, take, takeAll } = open();
    add('shop', 10);
    turns.stored(take(), new Set(['shop']), 1000);
    for (const messages of [3, 5, 10]) {
      add('shop', messages);
      const batch = take();
      expect(batch).toHaveLength(messages);
      turns.stored(batch, NONE, 1);
    }
    add('shop', 1);
    add('till', 1);
    turns.flush();
    expect(takeAll()).toEqual([['shop 29', 'till 1']]);
  });

  it('are discarded with the channel that delivered them', () => {
    const { turns, add, take, takeAll } = open();
    add('shop', 10);
    turns.split(take());
    turns.clear();
    expect(takeAll()).toEqual([]);
  });
});
