import { expect, it } from 'vitest';
import { FlushTracker } from '../../src/publisher/flushes.js';

it('each waits for the frames that were there, whatever order they settle in', () => {
  const waiters = new FlushTracker();
  const told: string[] = [];
  waiters.add(1, 2, () => told.push('0 and 1'));
  waiters.add(1, 2, () => told.push('the same'));
  waiters.settled(1);
  waiters.add(4, 4, () => told.push('0 to 4'));
  waiters.settled(3);
  waiters.settled(4);
  waiters.settled(5);
  expect(told).toEqual([]);
  waiters.settled(0);
  expect(told).toEqual(['0 and 1', 'the same']);
  waiters.settled(2);
  expect(told).toEqual(['0 and 1', 'the same', '0 to 4']);
});

it('are all told, each after its own frames, however many there are', () => {
  const waiters = new FlushTracker();
  const count = 50_000;
  const told: number[] = [];
  for (let sequence = 0; sequence < count; sequence++) {
    waiters.add(sequence, sequence + 1, () => told.push(sequence));
  }
  for (let sequence = 1; sequence < count; sequence++) waiters.settled(sequence);
  expect(told).toEqual([]);
  waiters.settled(0);
  expect(told).toEqual(Array.from({ length: count }, (_, sequence) => sequence));
});
