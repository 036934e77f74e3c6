import { expect, test } from 'vitest';
import { createBackpressure } from '../../src/publisher/backpressure.js';

const much = 600;
const little = 400;

test('a broker that goes on confirming is waited for, until half of the buffer is free', () => {
  const backpressure = createBackpressure({ bufferBytes: 1000 });
  for (let second = 0; second < 100; second++) {
    expect(backpressure.waits({ confirmed: second, pendingBytes: much }, second * 1000)).toBe(true);
  }
  expect(backpressure.waits({ confirmed: 100, pendingBytes: little }, 100_000)).toBe(false);
});

test('one that stands still holds nothing up for longer than a second', () => {
  const backpressure = createBackpressure({ bufferBytes: 1000 });
  expect(backpressure.waits({ confirmed: 5, pendingBytes: much }, 0)).toBe(true);
  expect(backpressure.waits({ confirmed: 5, pendingBytes: much }, 999)).toBe(true);
  expect(backpressure.waits({ confirmed: 5, pendingBytes: much }, 1000)).toBe(false);
  expect(backpressure.waits({ confirmed: 5, pendingBytes: much }, 5000)).toBe(false);
  expect(backpressure.waits({ confirmed: 6, pendingBytes: much }, 5001)).toBe(true);
});

test('who can wait without end does', () => {
  const backpressure = createBackpressure({ bufferBytes: 1000, stalledMs: Number.POSITIVE_INFINITY });
  expect(backpressure.waits({ confirmed: 0, pendingBytes: much }, 0)).toBe(true);
  expect(backpressure.waits({ confirmed: 0, pendingBytes: much }, 1e9)).toBe(true);
});
