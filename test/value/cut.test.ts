import { describe, expect, test } from 'vitest';
import { cutToFit, cutToLength } from '../../src/value/cut.js';
import type { Json, JsonObject } from '../../src/value/json-value.js';

const bytes = (value: Json) => Buffer.byteLength(JSON.stringify(value));

function cut(value: JsonObject, room: number): JsonObject {
  const copy = structuredClone(value);
  cutToFit(copy, room);
  expect(bytes(copy)).toBeLessThanOrEqual(room);
  return copy;
}

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

describe('a value that fits', () => {
  test('stays as it is', () => {
    const value = { a: 'x'.repeat(100), b: [1, 2, { c: null }] };
    expect(cut(value, bytes(value))).toEqual(value);
  });
});

describe('texts', () => {
  test('over a common length are cut to it; shorter ones stay', () => {
    const { a, b, c } = cut({ a: 'a'.repeat(1000), b: 'b'.repeat(2000), c: 'c'.repeat(200) }, 1200);
    expect(c).toBe('c'.repeat(200));
    expect(String(a).indexOf('…')).toBe(String(b).indexOf('…'));
  });

  test('are measured as JSON writes them', () => {
    for (const text of ['"', '\n', '\u0001', 'ü', '€', '😀', 'a"\n\u0001ü€😀']) {
      const room = 1000;
      const { a } = cut({ a: text.repeat(2000) }, room);
      const left = room - bytes({ a: a as string });
      expect([text, left < 8]).toEqual([text, true]);
      expect(a).toMatch(/…\[cut \d+ characters\]$/);
    }
  });

  test('are never cut inside a surrogate pair', () => {
    for (let room = 200; room < 220; room += 1) {
      const { a } = cut({ a: `x${'😀'.repeat(1000)}` }, room);
      expect(a).toMatch(/^x(?:😀)+…/u);
    }
  });

  test('are cleaned', () => {
    expect(cut({ a: `\0${'x'.repeat(100)}\ud800` }, 500)).toEqual({ a: `\u2400${'x'.repeat(100)}\ufffd` });
  });

  test('that were cut before have one mark with the total', () => {
    const once = cut({ a: 'x'.repeat(5000) }, 3000);
    const twice = cut(once, 1000);
    expect(twice).toEqual(cut({ a: 'x'.repeat(5000) }, 1000));
  });
});

describe('containers', () => {
  test('that are too large keep their small members and divide the rest', () => {
    const numbers = Array.from({ length: 5000 }, (_, at) => at);
    const { requestId, numbers: kept, user } = cut({ requestId: 7, numbers, user: { id: 'u-1', roles: ['a'] } }, 1000);
    expect([requestId, user]).toEqual([7, { id: 'u-1', roles: ['a'] }]);
    const list = kept as Json[];
    expect(list.slice(0, -1)).toEqual(numbers.slice(0, list.length - 1));
    expect(list.at(-1)).toBe(`…[cut ${5000 - (list.length - 1)} more]`);
    expect(list.length).toBeGreaterThan(150);
  });

  test('are marked with the number of missing fields', () => {
    const fields = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`key${at}`, at]));
    const { fields: kept } = cut({ fields }, 1000) as { fields: JsonObject };
    const names = Object.keys(kept);
    expect(kept['…']).toBe(`…[cut ${1000 - (names.length - 1)} more]`);
  });

  test('do not lose a field with the name of the mark', () => {
    const fields = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [at === 0 ? '…' : `key${at}`, at]));
    const { fields: kept } = cut({ fields }, 1000) as { fields: JsonObject };
    expect(kept['…']).toBe(0);
    expect(Object.values(kept)).toContainEqual(expect.stringMatching(/^…\[cut/));
  });

  test('with keys that are too long keep their beginnings', () => {
    const fields = { ['k'.repeat(5000)]: 1, ['k'.repeat(5001)]: 2, short: 3 };
    const { fields: kept } = cut({ fields }, 700) as { fields: JsonObject };
    expect(Object.keys(kept)).toHaveLength(3);
    expect(Object.values(kept).sort()).toEqual([1, 2, 3]);
    expect(kept.short).toBe(3);
  });

  test('of many texts keep the beginning of each, if that is enough', () => {
    const texts = Array.from({ length: 100 }, (_, at) => `${at} ${'x'.repeat(1000)}`);
    const { texts: kept } = cut({ texts }, 20_000) as { texts: string[] };
    expect(kept).toHaveLength(100);
    expect(kept.every((text, at) => text.startsWith(`${at} x`) && text.includes('…[cut '))).toBe(true);
  });
});

describe('any value', () => {
  const next = random(7);
  const pick = (count: number) => Math.floor(next() * count);
  const alphabet = ['a', '"', '\n', '\u0001', 'ü', '€', '😀', '\\', ' ', '…'];
  const text = () =>
    alphabet[pick(10)]?.repeat(pick(next() < 0.2 ? 5000 : 40)).concat(alphabet[pick(10)] ?? '') as string;
  const value = (depth: number): Json => {
    const kind = depth > 4 ? pick(4) : pick(7);
    if (kind === 0) return pick(1e9);
    if (kind === 1) return next() < 0.5 ? null : next() < 0.5;
    if (kind < 4) return text();
    // A wide value only has leaves, because values would grow exponentially otherwise.
    const [size, below] = next() < 0.05 ? [pick(800), 9] : [pick(6), depth + 1];
    if (kind === 4) return Array.from({ length: size }, () => value(below));
    return Object.fromEntries(Array.from({ length: size }, () => [text(), value(below)]));
  };

  test('fits any size, and is unchanged apart from marks', () => {
    for (let round = 0; round < 300; round += 1) {
      const root = { message: text(), information: { fields: value(0), more: value(2) } };
      const room = 800 + pick(round % 3 === 0 ? 100_000 : 3000);
      const fitting = bytes(root) <= room;
      const after = cut(root, room);
      expect(Object.keys(after)).toEqual(['message', 'information']);
      expect(after.information).toBeTypeOf('object');
      if (fitting) expect(after).toEqual(root);
    }
  });
});

describe('cutting by length', () => {
  test('keeps what is short enough and counts the rest', () => {
    expect(cutToLength('abcdef', 6)).toBe('abcdef');
    expect(cutToLength('abcdef', 4)).toBe('abcd…[cut 2 characters]');
    expect(cutToLength('abc😀f', 4)).toBe('abc…[cut 3 characters]');
    expect(cutToLength('abc😀f', 5)).toBe('abc😀…[cut 1 characters]');
  });
});
