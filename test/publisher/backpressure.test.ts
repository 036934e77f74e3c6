import { expect, test } from 'vitest';
import { createBackpressure } from '../../src/publisher/backpressure.js';

const moreThanHalf = 600;
const lessThanHalf = 400;

test('backpressure waits for a broker that keeps confirming, until half of the buffer is free', () => {
  const backpressure = createBackpressure({ bufferBytes: 1000 });
  for (let second = 0; second < 100; second++) {
    expect(backpressure.waits({ confirmed: second, pendingBytes: moreThanHalf }, second * 1000)).toBe(true);
  }
  expect(backpressure.waits({ confirmed: 100, pendingBytes: lessThanHalf }, 100_000)).toBe(false);
});

test('backpressure waits at most a second for a broker that confirms nothing', () => {
  const backpressure = createBackpressure({ bufferBytes: 1000 });
  expect(backpressure.waits({ confirmed: 5, pendingBytes: moreThanHalf }, 0)).toBe(true);
  expect(backpressure.waits({ confirmed: 5, pendingBytes: moreThanHalf }, 999)).toBe(true);
  expect(backpressure.waits({ confirmed: 5, pendingBytes: moreThanHalf }, 1000)).toBe(false);
  expect(backpressure.waits({ confirmed: 5, pendingBytes: moreThanHalf }, 5000)).toBe(false);
  expect(backpressure.waits({ confirmed: 6, pendingBytes: moreThanHalf }, 5001)).toBe(true);
});

test('with an infinite limit, backpressure waits for as long as the broker confirms nothing', () => {
  const backpressure = createBackpressure({ bufferBytes: 1000, stalledMs: Number.POSITIVE_INFINITY });
  expect(backpressure.waits({ confirmed: 0, pendingBytes: moreThanHalf }, 0)).toBe(true);
  expect(backpressure.waits({ confirmed: 0, pendingBytes: moreThanHalf }, 1e9)).toBe(true);
});
