import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { plainJson, plainText } from '../../src/value/plain-json.js';

const ROOM = 10_000;

/** An object with a getter, which JSON.stringify would call again. */
const getting = (get: () => unknown) => Object.defineProperty({}, 'got', { get, enumerable: true });

describe('a plain value has the JSON of JSON.stringify', () => {
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
    expect(plainJson(value, ROOM)).toBe(JSON.stringify(value));
  });
});

describe('a value is not plain', () => {
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  test.each<[string, object]>([
    ['a BigInt', { a: 1n }],
    ['a NUL', { a: 'x\0' }],
    ['a NUL in a long text', { a: `${'x'.repeat(100)}\0` }],
    ['a lone surrogate', [`${'x'.repeat(100)}\ud800`]],
    ['a lone surrogate in a name', { '\udc00': 1 }],
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
    expect(plainJson(value, ROOM)).toBeUndefined();
  });
});

test('any JSON value, and any text, has the JSON of JSON.stringify', () => {
  const value = fc.oneof(
    fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ stringUnit: 'binary' })),
    fc.array(fc.jsonValue({ stringUnit: 'binary' })),
    fc.array(
      fc.oneof(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.integer(),
        fc.integer({ min: 0, max: 2_000_000 }),
      ),
    ),
  );
  fc.assert(
    fc.property(value, (plain) => {
      const json = JSON.stringify(plain);
      expect(plainJson(plain, json.length)).toBe(/\0|\\u0000/.test(json) ? undefined : json);
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (text) => {
      expect(plainText(text)).toBe(text.includes('\0') ? undefined : JSON.stringify(text));
    }),
  );
});

test('no number looks like another one', () => {
  for (const number of [0, -0, 7, 999, 1000, 1001, 999_999, 1_000_000, 1_000_001, -1, 1.5, 1e21, 5e-324, 2 ** 53]) {
    expect(plainJson([number], ROOM)).toBe(JSON.stringify([number]));
  }
});

test('an object has no field of Object.prototype', () => {
  const prototype = Object.prototype as { polluted?: number };
  prototype.polluted = 1;
  onTestFinished(() => {
    delete prototype.polluted;
  });
  expect(plainJson({ a: 1 }, ROOM)).toBe('{"a":1}');
});

describe('the room', () => {
  test('is sufficient for values that fit', () => {
    for (const value of [{}, [], { a: 'xyz', b: [1, 2, 3], c: { d: null, e: false } }, [[], {}, [new Date(0)]]]) {
      const json = JSON.stringify(value);
      expect(plainJson(value, json.length)).toBe(json);
    }
  });

  test('is exceeded early by values that do not fit', () => {
    const huge = new Array(4_000_000_000);
    const text = 'x'.repeat(100_000);
    for (const value of [{ huge }, { text }, { [text]: 1 }]) expect(plainJson(value, ROOM)).toBeUndefined();
  });
});
