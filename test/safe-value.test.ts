import { describe, expect, test } from 'vitest';
import { safeCopy, safeValue } from '../src/safe-value.js';
import { hostileValues } from './support/hostile-values.mjs';

describe('a value that is plain and clean', () => {
  test.each([
    ['an object', { a: 1, b: ['x', null, true], c: { d: 'ü😀' }, e: undefined }],
    ['an array', [1, { a: [] }]],
    ['one with a valid date', { at: new Date(0) }],
    ['one without a prototype', Object.assign(Object.create(null), { a: 1 })],
  ])('is copied unchanged: %s', (_, value) => {
    expect(safeValue(value)).toEqual(JSON.parse(JSON.stringify(value)));
  });

  test.each([['text'], [1.5], [true], [null]])('%j is itself', (value) => {
    expect(safeValue(value)).toBe(value);
  });
});

describe('any other value', () => {
  for (const { name, make, expect: check } of hostileValues) {
    test(`becomes valid JSON with marks: ${name}`, () => {
      const began = performance.now();
      const json = JSON.stringify({ field: safeValue(make()) });
      check((JSON.parse(json) as { field?: unknown }).field ?? undefined);
      expect(Buffer.byteLength(json)).toBeLessThanOrEqual(1024 * 1024);
      expect(performance.now() - began).toBeLessThan(5000);
    });
  }

  test('is not changed', () => {
    const inner = Object.freeze({ n: 1n, text: 'a\0b' });
    const value = Object.freeze({ inner, list: Object.freeze([inner, Number.NaN]) });
    safeValue(value);
    expect(value).toEqual({ inner: { n: 1n, text: 'a\0b' }, list: [{ n: 1n, text: 'a\0b' }, Number.NaN] });
  });

  test('is copied completely, so that later changes by the application have no effect', () => {
    const plain = { kept: 1 };
    const copy = safeValue({ plain, n: 1n });
    plain.kept = 2;
    expect(copy).toEqual({ plain: { kept: 1 }, n: '1n' });
  });
});

describe('an accessor', () => {
  test('that returns a new object each time is read once', () => {
    let reads = 0;
    const value = {
      n: 1n,
      get fresh() {
        reads += 1;
        return { reads };
      },
    };
    expect(safeValue(value)).toEqual({ n: '1n', fresh: { reads: 1 } });
  });

  test('that returns a value without JSON the second time it is read is not lost', () => {
    let reads = 0;
    const value = {
      get sometimes() {
        reads += 1;
        return reads === 1 ? { fine: true } : new Map([['a', 1]]);
      },
    };
    expect(JSON.stringify(safeValue(value))).not.toContain('{}');
  });
});

describe('the limit', () => {
  test('never truncates a structure that fits, however many members it has', () => {
    const numbers = Array.from({ length: 50_000 }, (_, at) => at % 10);
    const value = { numbers, n: 1n, deep: { deeper: { numbers } } };
    const bytes = JSON.stringify({ ...value, n: '1n' }).length;
    const copy = safeCopy(value, bytes);
    expect(copy).toEqual({ value: { ...value, n: '1n' }, overflows: false });
  });

  test('leaves room for the members after a huge one', () => {
    const value = { huge: Array.from({ length: 100_000 }, (_, at) => ({ at, n: BigInt(at) })), requestId: 'r-7' };
    const { requestId } = safeValue(value, 64 * 1024) as Record<string, unknown>;
    expect(requestId).toBe('r-7');
  });

  test('distinguishes long texts from structure', () => {
    expect(safeCopy({ a: 'x'.repeat(2000), n: 1n }, 1024).overflows).toBe(true);
    expect(safeCopy({ a: 'x'.repeat(500), n: 1n }, 1024).overflows).toBe(false);
  });
});
