/** What several workers report about one event is one line in the log. */
import { expect, test } from 'vitest';
import { LogDeduplicator } from '../../consumer/pool.js';

test('a line is logged once for all workers that report it', () => {
  const lines = new LogDeduplicator();
  expect([1, 2, 3].map((worker) => lines.isDuplicate(worker, 'lost', worker))).toEqual([false, true, true]);
  expect(lines.isDuplicate(2, 'another', 4)).toBe(false);
});

test('it is logged again if it happens again, whichever worker notices it first', () => {
  const lines = new LogDeduplicator();
  expect([1, 2, 2, 1].map((worker, at) => lines.isDuplicate(worker, 'lost', at))).toEqual([false, true, false, true]);
});

test('it is logged again after a minute', () => {
  const lines = new LogDeduplicator();
  expect(lines.isDuplicate(1, 'lost', 0)).toBe(false);
  expect(lines.isDuplicate(2, 'lost', 60_000)).toBe(false);
});
