import { describe, expect, test } from 'vitest';
import { plainJsonBudget } from '../../src/value/plain-value.js';

const isPlain = (value: object, room = 10_000) => plainJsonBudget(value, room) >= 0;

/** An object with a getter, which JSON.stringify would call again. */
const getting = (get: () => unknown) => Object.defineProperty({}, 'got', { get, enumerable: true });

describe('JSON.stringify serializes faithfully', () => {
  test.each([
    ['an empty object', {}],
    ['all JSON types', { a: 'x', b: 1, c: true, d: null, e: undefined, f: [1, [undefined], {}] }],
    ['valid dates', { at: new Date(0), list: [new Date()] }],
    ['objects without a prototype', Object.assign(Object.create(null), { a: Object.create(null) })],
    ['a getter that returns a primitive', getting(() => 'text')],
    [
      'shared objects',
      (() => {
        const shared = { a: 1 };
        return { one: shared, two: shared };
      })(),
    ],
  ])('%s', (_, value) => {
    expect(isPlain(value)).toBe(true);
  });
});

describe('JSON.stringify does not serialize faithfully', () => {
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  test.each<[string, object]>([
    ['a BigInt', { a: 1n }],
    ['NaN', { a: [Number.NaN] }],
    ['a function', { a() {} }],
    ['a symbol', { a: Symbol('s') }],
    ['a symbol as the key', { [Symbol('s')]: 1 }],
    ['an invalid date', { a: new Date(Number.NaN) }],
    ['a Map', { a: new Map() }],
    ['a class instance', new (class Shop {})()],
    ['an Error', { a: new Error('x') }],
    ['a Buffer', [Buffer.alloc(1)]],
    ['a boxed text', [Object('x')]],
    ['an array of a class', new (class List extends Array {})()],
    ['an object that has an array for its prototype', Object.create(Array.prototype) as object],
    ['an array without a prototype', Object.setPrototypeOf([1], null) as object],
    ['a proxy', { a: new Proxy({}, {}) }],
    ['a getter that returns an object', getting(() => ({}))],
    ['a toJSON that is not enumerable', Object.defineProperty({}, 'toJSON', { value: () => 1 })],
    ['a cycle', cycle],
  ])('%s', (_, value) => {
    expect(isPlain(value)).toBe(false);
  });
});

describe('the room', () => {
  test('is sufficient for values that fit', () => {
    for (const value of [{}, [], { a: 'xyz', b: [1, 2, 3], c: { d: null, e: false } }, [[], {}, [new Date(0)]]]) {
      expect(plainJsonBudget(value, JSON.stringify(value).length)).toBeGreaterThanOrEqual(0);
    }
  });

  test('is exceeded early by values that do not fit', () => {
    const huge = new Array(4_000_000_000);
    const text = 'x'.repeat(100_000);
    for (const value of [{ huge }, { text }, { [text]: 1 }]) expect(isPlain(value)).toBe(false);
  });
});
