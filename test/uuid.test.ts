import { describe, expect, test } from 'vitest';
import { isUuid, uuidv7, uuidv7At, uuidv7Timestamp } from '../src/uuid.js';

const start = 1_769_855_445_000_000;

describe('uuidv7', () => {
  test('has version 7, the RFC variant, lower case, and the time of RFC 9562 in front', () => {
    const id = uuidv7(0x017f22e279b0 * 1000); // the example of RFC 9562, appendix A.6
    expect(id).toMatch(/^017f22e2-79b0-7000-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  test('returns its time to the microsecond', () => {
    for (let micros = 0; micros < 1000; micros += 1) {
      expect(uuidv7Timestamp(uuidv7(start + micros))).toEqual({ seconds: start / 1_000_000, micros });
    }
    expect(uuidv7Timestamp(uuidv7(0))).toEqual({ seconds: 0, micros: 0 });
  });

  test('returns a time to the microsecond whose epoch microseconds exceed a safe integer', () => {
    for (const seconds of [9_007_199_254, 9_007_199_255, 100_000_000_000, 253_402_300_799]) {
      for (let micros = 999_000; micros < 1_000_000; micros += 1) {
        expect(uuidv7Timestamp(uuidv7At({ seconds, micros }))).toEqual({ seconds, micros });
      }
    }
  });

  test('sorts as text in the order of its times', () => {
    const ids = Array.from({ length: 5000 }, (_, at) => uuidv7(start + at * 7));
    expect([...ids].sort()).toEqual(ids);
  });

  test('is different each time, and its random bits are evenly distributed', () => {
    const ids = Array.from({ length: 20_000 }, () => uuidv7(start));
    expect(new Set(ids).size).toBe(ids.length);
    for (let at = 19; at < 36; at += 1) {
      if (at === 23) continue;
      const seen = new Set(ids.map((id) => id[at]));
      expect([at, seen.size]).toEqual([at, at === 19 ? 4 : 16]);
    }
  });
});

describe('the time of an id', () => {
  test('is read in either case', () => {
    const id = uuidv7(start + 123_456);
    expect(uuidv7Timestamp(id.toUpperCase())).toEqual({ seconds: start / 1_000_000, micros: 123_456 });
  });

  test.each([
    ['a UUID of another version', '0f8fad5b-d9cb-469f-a165-70867728950e'],
    ['another variant', '017f22e2-79b0-7cc3-c8c4-dc0c0c07398f'],
    ['no UUID', 'order-7'],
    ['nothing', ''],
    ['a time past the year 9999', 'ffffffff-ffff-7cc3-98c4-dc0c0c07398f'],
  ])('is not there in %s', (_, id) => {
    expect(uuidv7Timestamp(id)).toBeUndefined();
  });
});

describe('isUuid', () => {
  test('accepts every version in either case', () => {
    expect(isUuid('0F8FAD5B-d9cb-469f-a165-70867728950e')).toBe(true);
    expect(isUuid('00000000-0000-0000-0000-000000000000')).toBe(true);
  });

  test.each([
    ['0f8fad5bd9cb469fa16570867728950e'],
    ['{0f8fad5b-d9cb-469f-a165-70867728950e}'],
    ['0f8fad5b-d9cb-469f-a165-70867728950g'],
    ['0f8fad5b-d9cb-469f-a165-70867728950e\n'],
    [7],
    [null],
    [undefined],
  ])('refuses %j', (value) => {
    expect(isUuid(value)).toBe(false);
  });
});
