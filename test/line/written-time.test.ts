import { expect, test } from 'vitest';
import { readTime } from '../../src/line/written-time.js';

const MICROS = 1_769_855_445_123_456;

test.each<[unknown, number | undefined]>([
  [1_769_855_445, 1_769_855_445_000_000],
  [1_769_855_445.123456, MICROS],
  [1_769_855_445_123, 1_769_855_445_123_000],
  [1_769_855_445_123.456, MICROS],
  [1_769_855_445_123_456, MICROS],
  [1_769_855_445_123_456_000, MICROS],
  ['1769855445', 1_769_855_445_000_000],
  ['1769855445123', 1_769_855_445_123_000],
  ['2026-01-31T10:30:45.123456Z', MICROS],
  ['2026-01-31T10:30:45.123456789Z', MICROS],
  ['2026-01-31T11:30:45.123+01:00', 1_769_855_445_123_000],
  ['2026-01-31 10:30:45', 1_769_855_445_000_000],
  ['1969-12-31T23:59:59Z', undefined],
  ['9999-01-01T00:00:00Z', undefined],
  [100_000_000, 100_000_000_000_000],
  [99_999_999, undefined],
  [123, undefined],
  [0.35, undefined],
  [0, undefined],
  [-1, undefined],
  [Number.NaN, undefined],
  ['', undefined],
  ['12:30', undefined],
  ['2026', undefined],
  [null, undefined],
  [true, undefined],
  [undefined, undefined],
])('%j is %j', (written, expected) => {
  expect(readTime(written)).toBe(expected);
});
