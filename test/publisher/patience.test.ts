import { expect, test } from 'vitest';
import { createPatience } from '../../src/publisher/patience.js';

const much = 600;
const little = 400;

test('a broker that goes on confirming is waited for, until half of the buffer is free', () => {
  const patience = createPatience({ bufferBytes: 1000 });
  for (let second = 0; second < 100; second++) {
    expect(patience.waits({ confirmed: second, pendingBytes: much }, second * 1000)).toBe(true);
  }
  expect(patience.waits({ confirmed: 100, pendingBytes: little }, 100_000)).toBe(false);
});

test('one that stands still holds nobody up for longer than a second', () => {
  const patience = createPatience({ bufferBytes: 1000 });
  expect(patience.waits({ confirmed: 5, pendingBytes: much }, 0)).toBe(true);
  expect(patience.waits({ confirmed: 5, pendingBytes: much }, 999)).toBe(true);
  expect(patience.waits({ confirmed: 5, pendingBytes: much }, 1000)).toBe(false);
  expect(patience.waits({ confirmed: 5, pendingBytes: much }, 5000)).toBe(false);
  expect(patience.waits({ confirmed: 6, pendingBytes: much }, 5001)).toBe(true);
});

test('who can wait without end does', () => {
  const patience = createPatience({ bufferBytes: 1000, standsStillMs: Number.POSITIVE_INFINITY });
  expect(patience.waits({ confirmed: 0, pendingBytes: much }, 0)).toBe(true);
  expect(patience.waits({ confirmed: 0, pendingBytes: much }, 1e9)).toBe(true);
});
