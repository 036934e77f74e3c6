import { expect, it } from 'vitest';
import type { StoreItem } from '../../../consumer/store/index.js';
import { Suspects } from '../../../consumer/store/suspects.js';
import { item, itemList } from './database.js';

const LOSS = new Error('read ECONNRESET');

/** Sends what may be sent together until nothing is left; a part that holds one of `killers` is lost. */
function play(suspects: Suspects, items: readonly StoreItem[], killers: readonly StoreItem[]) {
  const sent: number[] = [];
  const rejected: StoreItem[] = [];
  let left = items;
  const settle = (settled: readonly StoreItem[]) => {
    suspects.settled(settled);
    left = left.filter((each) => !settled.includes(each));
  };
  while (left.length > 0) {
    const guilty = suspects.guilty(left).map((each) => each.item);
    if (guilty.length > 0) {
      rejected.push(...guilty);
      settle(guilty);
      continue;
    }
    const together = suspects.next(left);
    sent.push(together.length);
    if (!together.some((each) => killers.includes(each))) {
      settle(together);
      continue;
    }
    suspects.lost(together, LOSS);
    suspects.confirm();
  }
  return { sent, rejected };
}

it('all records go together for as long as no connection is lost', () => {
  const items = itemList(100);
  expect(new Suspects().next(items)).toBe(items);
  expect(play(new Suspects(), items, []).sent).toEqual([100]);
});

it('a record is found by fewer and fewer together, and is guilty when it was lost three times alone', () => {
  const items = itemList(256);
  const killer = items[100]!;
  const { sent, rejected } = play(new Suspects(), items, [killer]);
  expect(rejected).toEqual([killer]);
  // Three times all, then sixteenths; those that were lost last come last.
  expect(sent.slice(0, 3)).toEqual([256, 256, 256]);
  expect(sent.slice(3, 19)).toEqual(Array(16).fill(16));
  expect(sent.slice(19)).toEqual(Array(18).fill(1));
});

it.each([1, 2, 17, 300])('several are found, and no others, among %i', (others) => {
  const killers = itemList(4);
  const items = [...itemList(others), killers[0]!, killers[1]!, ...itemList(others), killers[2]!, killers[3]!];
  const { rejected } = play(new Suspects(), items, killers);
  expect(new Set(rejected)).toEqual(new Set(killers));
});

it('a record that stands twice in a batch is one', () => {
  const killer = item();
  const { sent, rejected } = play(new Suspects(), [killer, item(), killer], [killer]);
  expect(new Set(rejected)).toEqual(new Set([killer]));
  expect(sent.length).toBeLessThan(10);
});

it('a loss does not count before the server was seen to work', () => {
  const suspects = new Suspects();
  const one = item();
  for (let outage = 0; outage < 20; outage++) suspects.lost([one], LOSS);
  suspects.settled([]);
  suspects.confirm();
  expect(suspects.lossesOf([one])).toBe(0);
  suspects.lost([one], LOSS);
  suspects.confirm();
  suspects.confirm();
  expect(suspects.lossesOf([one])).toBe(1);
});

it('losses are remembered from one batch to the next, until the record is stored', () => {
  const suspects = new Suspects();
  const items = itemList(64);
  for (let pause = 0; pause < 3; pause++) {
    suspects.lost(suspects.next(items), LOSS);
    suspects.confirm();
  }
  const others = itemList(10);
  expect(suspects.next([...items, ...others])).toEqual(others);
  expect(suspects.next(items)).toEqual(items.slice(0, 4));
  suspects.settled(items);
  expect(suspects.next(items)).toBe(items);
});

it('a record that came without an id is known by its bytes when it comes again', () => {
  const suspects = new Suspects();
  const raw = Buffer.from('{"message":"no id"}');
  for (let delivery = 0; delivery < 3; delivery++) {
    suspects.lost([{ ...item(), raw }], LOSS);
    suspects.confirm();
  }
  const again = { ...item(), raw: Buffer.from(raw) };
  expect(suspects.guilty([item(), again])).toEqual([{ item: again, error: LOSS }]);
});

it('the largest of batches is sent in parts after three losses as well, whatever was lost before', () => {
  const suspects = new Suspects();
  suspects.lost(itemList(60_000), LOSS);
  suspects.confirm();
  const items = itemList(60_000);
  for (let loss = 0; loss < 3; loss++) {
    expect(suspects.next(items)).toHaveLength(60_000);
    suspects.lost(items, LOSS);
    suspects.confirm();
  }
  expect(suspects.next(items)).toHaveLength(60_000 / 16);
});
