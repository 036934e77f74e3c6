import { expect, it } from 'vitest';
import type { StoreItem } from '../../../consumer/store/index.js';
import { LossTracker } from '../../../consumer/store/loss-tracker.js';
import { item, itemList } from './database.js';

const LOSS = new Error('read ECONNRESET');

/** Sends parts until nothing is left; a part that contains one of `killers` is lost. */
function play(tracker: LossTracker, items: readonly StoreItem[], killers: readonly StoreItem[]) {
  const sent: number[] = [];
  const rejected: StoreItem[] = [];
  let left = items;
  const settle = (settled: readonly StoreItem[]) => {
    tracker.resolved(settled);
    left = left.filter((each) => !settled.includes(each));
  };
  while (left.length > 0) {
    const guilty = tracker.culprits(left).map((each) => each.item);
    if (guilty.length > 0) {
      rejected.push(...guilty);
      settle(guilty);
      continue;
    }
    const together = tracker.nextPart(left);
    sent.push(together.length);
    if (!together.some((each) => killers.includes(each))) {
      settle(together);
      continue;
    }
    tracker.recordLoss(together, LOSS);
    tracker.confirmLoss();
  }
  return { sent, rejected };
}

it('all records are sent together while no connection is lost', () => {
  const items = itemList(100);
  expect(new LossTracker().nextPart(items)).toBe(items);
  expect(play(new LossTracker(), items, []).sent).toEqual([100]);
});

it('a record is found by sending fewer and fewer records together, and is rejected after three losses alone', () => {
  const items = itemList(256);
  const killer = items[100]!;
  const { sent, rejected } = play(new LossTracker(), items, [killer]);
  expect(rejected).toEqual([killer]);
  // Three times all, then sixteenths; the parts lost last come last.
  expect(sent.slice(0, 3)).toEqual([256, 256, 256]);
  expect(sent.slice(3, 19)).toEqual(Array(16).fill(16));
  expect(sent.slice(19)).toEqual(Array(18).fill(1));
});

it.each([1, 2, 17, 300])('several are found among %i, and no others', (others) => {
  const killers = itemList(4);
  const items = [...itemList(others), killers[0]!, killers[1]!, ...itemList(others), killers[2]!, killers[3]!];
  const { rejected } = play(new LossTracker(), items, killers);
  expect(new Set(rejected)).toEqual(new Set(killers));
});

it('a record that occurs twice in a batch counts once', () => {
  const killer = item();
  const { sent, rejected } = play(new LossTracker(), [killer, item(), killer], [killer]);
  expect(new Set(rejected)).toEqual(new Set([killer]));
  expect(sent.length).toBeLessThan(10);
});

it('a loss counts only after the server was seen to work', () => {
  const tracker = new LossTracker();
  const one = item();
  for (let outage = 0; outage < 20; outage++) tracker.recordLoss([one], LOSS);
  tracker.resolved([]);
  tracker.confirmLoss();
  expect(tracker.maxLossCount([one])).toBe(0);
  tracker.recordLoss([one], LOSS);
  tracker.confirmLoss();
  tracker.confirmLoss();
  expect(tracker.maxLossCount([one])).toBe(1);
});

it('losses are remembered across batches until the record is stored', () => {
  const tracker = new LossTracker();
  const items = itemList(64);
  for (let pause = 0; pause < 3; pause++) {
    tracker.recordLoss(tracker.nextPart(items), LOSS);
    tracker.confirmLoss();
  }
  const others = itemList(10);
  expect(tracker.nextPart([...items, ...others])).toEqual(others);
  expect(tracker.nextPart(items)).toEqual(items.slice(0, 4));
  tracker.resolved(items);
  expect(tracker.nextPart(items)).toBe(items);
});

it('a record without an id is recognized by its bytes when it is redelivered', () => {
  const tracker = new LossTracker();
  const raw = Buffer.from('{"message":"no id"}');
  for (let delivery = 0; delivery < 3; delivery++) {
    tracker.recordLoss([{ ...item(), raw }], LOSS);
    tracker.confirmLoss();
  }
  const again = { ...item(), raw: Buffer.from(raw) };
  expect(tracker.culprits([item(), again])).toEqual([{ item: again, error: LOSS }]);
});

it('the largest batch is also sent in parts after three losses, whatever was lost before', () => {
  const tracker = new LossTracker();
  tracker.recordLoss(itemList(60_000), LOSS);
  tracker.confirmLoss();
  const items = itemList(60_000);
  for (let loss = 0; loss < 3; loss++) {
    expect(tracker.nextPart(items)).toHaveLength(60_000);
    tracker.recordLoss(items, LOSS);
    tracker.confirmLoss();
  }
  expect(tracker.nextPart(items)).toHaveLength(60_000 / 16);
});
