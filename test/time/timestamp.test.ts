import { describe, expect, test } from 'vitest';
import {
  formatTimestamp,
  isCanonicalTimestamp,
  type LocalToUtc,
  parseTimestamp,
  timestampFromMicros,
} from '../../src/time/timestamp.js';

const read = (text: string, localToUtc?: LocalToUtc) => {
  const time = parseTimestamp(text, localToUtc);
  return time && formatTimestamp(time);
};

/** Seeded (mulberry32), so that failures are reproducible. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('times with an offset', () => {
  test.each([
    ['2026-01-31T10:30:45.123456Z', '2026-01-31T10:30:45.123456Z'],
    ['2026-01-31t10:30:45z', '2026-01-31T10:30:45.000000Z'],
    ['2026-01-31 10:30:45+02:00', '2026-01-31T08:30:45.000000Z'],
    ['2026-01-31T10:30:45.5-0330', '2026-01-31T14:00:45.500000Z'],
    ['2026-01-31T10:30:45+05', '2026-01-31T05:30:45.000000Z'],
    ['2026-01-31T10:30:45 +05:45', '2026-01-31T04:45:45.000000Z'],
    ['2026-01-31T10:30:45+00:19:32', '2026-01-31T10:11:13.000000Z'],
    ['2026-01-31T10:30:45\u221202:00', '2026-01-31T12:30:45.000000Z'],
    ['2026-01-31T10:30:45-00:00', '2026-01-31T10:30:45.000000Z'],
    ['2026-01-31T10:30:45,123456Z', '2026-01-31T10:30:45.123456Z'],
    ['2026-01-31T10:30:45.123456789012345678901234567890Z', '2026-01-31T10:30:45.123456Z'],
    ['2026-01-31T10:30:45.9999999Z', '2026-01-31T10:30:45.999999Z'],
    ['2026-01-31T10:30:45.1Z', '2026-01-31T10:30:45.100000Z'],
    ['2026-01-31T10:30Z', '2026-01-31T10:30:00.000000Z'],
    ['2026-01-31T10Z', '2026-01-31T10:00:00.000000Z'],
    ['2026-01-31T10:30,5Z', '2026-01-31T10:30:30.000000Z'],
    ['2026-01-31T10.25Z', '2026-01-31T10:15:00.000000Z'],
    ['20260131T103045Z', '2026-01-31T10:30:45.000000Z'],
    ['20260131T103045.25+0100', '2026-01-31T09:30:45.250000Z'],
    ['2026-031T10:30:45Z', '2026-01-31T10:30:45.000000Z'],
    ['2026031T103045Z', '2026-01-31T10:30:45.000000Z'],
    ['2024-366T00:00:00Z', '2024-12-31T00:00:00.000000Z'],
    ['2026-W05-6T10:30:45Z', '2026-01-31T10:30:45.000000Z'],
    ['2026W056T103045Z', '2026-01-31T10:30:45.000000Z'],
    ['2020-W53-7T00:00:00Z', '2021-01-03T00:00:00.000000Z'],
    ['2019-W01-1T00:00:00Z', '2018-12-31T00:00:00.000000Z'],
    ['+002026-01-31T10:30:45Z', '2026-01-31T10:30:45.000000Z'],
    ['2026-01-31T24:00:00Z', '2026-02-01T00:00:00.000000Z'],
    ['2026-12-31T24:00Z', '2027-01-01T00:00:00.000000Z'],
    ['2016-12-31T23:59:60.5Z', '2017-01-01T00:00:00.500000Z'],
    ['2016-12-31T18:59:60-05:00', '2017-01-01T00:00:00.000000Z'],
    ['2024-02-29T12:00:00Z', '2024-02-29T12:00:00.000000Z'],
    ['2000-02-29T12:00:00Z', '2000-02-29T12:00:00.000000Z'],
    ['1969-12-31T23:59:59.999999Z', '1969-12-31T23:59:59.999999Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000000Z'],
    ['9999-12-31T23:59:59.999999Z', '9999-12-31T23:59:59.999999Z'],
    ['0000-12-31T23:00:00-02:00', '0001-01-01T01:00:00.000000Z'],
    ['  2026-01-31T10:30:45Z\n', '2026-01-31T10:30:45.000000Z'],
  ])('%s is %s', (text, canonical) => {
    expect(read(text)).toBe(canonical);
  });

  test('do not depend on other information', () => {
    expect(read('2026-01-31T10:30:45+02:00', () => 0)).toBe('2026-01-31T08:30:45.000000Z');
  });
});

describe('an invalid time', () => {
  test.each([
    [''],
    ['now'],
    ['2026-01-31'],
    ['2026-01T10:30:45Z'],
    ['2026-13-01T00:00:00Z'],
    ['2026-00-01T00:00:00Z'],
    ['2026-01-32T00:00:00Z'],
    ['2026-04-31T00:00:00Z'],
    ['2026-02-29T00:00:00Z'],
    ['1900-02-29T00:00:00Z'],
    ['2026-366T00:00:00Z'],
    ['2026-000T00:00:00Z'],
    ['2025-W53-1T00:00:00Z'],
    ['2026-W00-1T00:00:00Z'],
    ['2026-W01-8T00:00:00Z'],
    ['2026-01-31T25:00:00Z'],
    ['2026-01-31T24:00:01Z'],
    ['2026-01-31T24:00:00.000000001Z'],
    ['2026-01-31T10:60:00Z'],
    ['2026-01-31T10:30:61Z'],
    ['2026-01-31T10:30:45+24:00'],
    ['2026-01-31T10:30:45+02:60'],
    ['2026-01-31T10:30:45.Z'],
    ['2026-01-31T10:30:45ZZ'],
    ['2026-01-31T10:30:45 Europe/Berlin'],
    ['0000-01-01T00:00:00Z'],
    ['-000001-01-01T00:00:00Z'],
    ['+010000-01-01T00:00:00Z'],
    ['9999-12-31T23:59:59-01:00'],
    ['0001-01-01T00:00:00+01:00'],
    ['1769855445'],
    ['Sat, 31 Jan 2026 10:30:45 GMT'],
    ['٢٠٢٦-01-31T10:30:45Z'],
  ])('%j is undefined', (text) => {
    expect(parseTimestamp(text)).toBeUndefined();
  });

  test('is rejected quickly even if it is long', () => {
    const began = performance.now();
    expect(parseTimestamp(`2026-01-31T10:30:45.${'1'.repeat(2_000_000)}x`)).toBeUndefined();
    expect(parseTimestamp(' '.repeat(2_000_000))).toBeUndefined();
    expect(performance.now() - began).toBeLessThan(1000);
  });
});

describe('local times, as Python writes them', () => {
  test('are UTC by default', () => {
    expect(read('2026-01-31 12:30:45.123456')).toBe('2026-01-31T12:30:45.123456Z');
    expect(read('2026-01-31T12:30:45')).toBe('2026-01-31T12:30:45.000000Z');
  });

  test('are converted by the given function, to the microsecond', () => {
    const twoHours = (civilS: number) => civilS - 7200;
    expect(read('2026-01-31 12:30:45.123456', twoHours)).toBe('2026-01-31T10:30:45.123456Z');
    expect(read('0001-01-01 01:00:00', twoHours)).toBeUndefined();
  });
});

describe('the canonical form', () => {
  test('is recognized, and nothing else is', () => {
    for (const text of ['2026-01-31T10:30:45.123456Z', '2024-02-29T23:59:59.999999Z', '0001-01-01T00:00:00.000000Z']) {
      expect(isCanonicalTimestamp(text)).toBe(true);
      expect(read(text)).toBe(text);
    }
  });

  test.each([
    ['2026-01-31T10:30:45.12345Z'],
    ['2026-01-31 10:30:45.123456Z'],
    ['2026-01-31T10:30:45.123456z'],
    ['2026-02-29T10:30:45.123456Z'],
    ['2026-04-31T10:30:45.123456Z'],
    ['2026-00-10T10:30:45.123456Z'],
    ['2026-13-10T10:30:45.123456Z'],
    ['2026-01-00T10:30:45.123456Z'],
    ['2026-01-31T24:00:00.000000Z'],
    ['2016-12-31T23:59:60.000000Z'],
    ['0000-01-10T10:30:45.123456Z'],
    ['0000-02-29T10:30:45.123456Z'],
    ['2026-01-31T10:30:45.123456\n'],
  ])('%j is not it', (text) => {
    expect(isCanonicalTimestamp(text)).toBe(false);
  });

  test("agrees with the system's calendar over ten thousand years", () => {
    const next = random(20_260_131);
    for (let round = 0; round < 20_000; round += 1) {
      const ms = Math.floor(-62_135_596_800_000 + next() * 315_537_897_600_000);
      const micros = Math.floor(next() * 1000);
      const text = new Date(ms).toISOString().replace('Z', `${String(micros).padStart(3, '0')}Z`);
      const time = { seconds: Math.floor(ms / 1000), micros: (((ms % 1000) + 1000) % 1000) * 1000 + micros };
      expect(formatTimestamp(time)).toBe(text);
      expect(parseTimestamp(text)).toEqual(time);
      expect(isCanonicalTimestamp(text)).toBe(true);
    }
  });

  test('is made of epoch microseconds', () => {
    expect(timestampFromMicros(1_769_855_445_123_456)).toEqual({ seconds: 1_769_855_445, micros: 123_456 });
    expect(timestampFromMicros(-1)).toEqual({ seconds: -1, micros: 999_999 });
  });
});
