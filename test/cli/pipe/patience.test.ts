import { expect, test } from 'vitest';
import { createPatience } from '../../../cli/pipe/patience.js';

const much = 600;
const little = 400;

test('a broker that goes on confirming is waited for, until half of the buffer is free', () => {
  const patience = createPatience(1000, false);
  for (let second = 0; second < 100; second++) {
    expect(patience.waits({ confirmed: second, pendingBytes: much }, second * 1000)).toBe(true);
  }
  expect(patience.waits({ confirmed: 100, pendingBytes: little }, 100_000)).toBe(false);
});

test('one that stands still holds nobody up for longer than a second', () => {
  const patience = createPatience(1000, false);
  expect(patience.waits({ confirmed: 5, pendingBytes: much }, 0)).toBe(true);
  expect(patience.waits({ confirmed: 5, pendingBytes: much }, 999)).toBe(true);
  expect(patience.waits({ confirmed: 5, pendingBytes: much }, 1000)).toBe(false);
  expect(patience.waits({ confirmed: 5, pendingBytes: much }, 5000)).toBe(false);
  expect(patience.waits({ confirmed: 6, pendingBytes: much }, 5001)).toBe(true);
});

test('a file can wait', () => {
  const patience = createPatience(1000, true);
  expect(patience.waits({ confirmed: 0, pendingBytes: much }, 0)).toBe(true);
  expect(patience.waits({ confirmed: 0, pendingBytes: much }, 1e9)).toBe(true);
});
