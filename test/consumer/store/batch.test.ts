import { describe, expect, it } from 'vitest';
import { partTimeoutMs, partTimeouts, shareOf, shareOfUsual } from '../../../consumer/store/batch.js';
import { item } from './database.js';

const sized = (bytes: number) => ({ ...item(), raw: Buffer.alloc(bytes) });

describe('the timeout of a part', () => {
  it.each([
    [30_000, 1, 30_000],
    [30_000, 0.5, 15_000],
    [30_000, 0.1, 3000],
    [30_000, 0.0001, 3000],
    [30_000, 0, 3000],
    [5000, 0, 1000],
    [300, 0, 300],
    [300, 1, 300],
    [0, 0.5, 0],
  ])('of %i ms for a share of %f is %i ms', (fullMs, share, expected) => {
    expect(partTimeoutMs(partTimeouts(fullMs), share)).toBe(expected);
  });

  it('depends on bytes or records, whichever is larger', () => {
    const whole = [sized(900), sized(50), sized(50)];
    expect(shareOf([whole[0]!], whole)).toBe(0.9);
    expect(shareOf([whole[1]!], whole)).toBeCloseTo(1 / 3);
    expect(shareOf([], [sized(0)])).toBe(0);
  });

  it('of a retried record depends on the bytes of a typical batch', () => {
    expect(shareOfUsual([sized(4 * 1024 * 1024)])).toBe(0.5);
    expect(shareOfUsual([sized(34 * 1024 * 1024)])).toBe(1);
  });
});
