/**
 * Values that break loggers, and what must be stored for them. Tests log each as a field of `information` and pass the
 * stored value to `expect`.
 */
import assert from 'node:assert/strict';
import { runInNewContext } from 'node:vm';

const row = (name, make, expected) => ({
  name,
  make,
  expect: typeof expected === 'function' ? expected : (field) => assert.deepEqual(field, expected),
});

class Money {
  #cents;
  constructor(cents) {
    this.#cents = cents;
  }
  toString() {
    return `${this.#cents / 100} EUR`;
  }
}

class Order {
  constructor() {
    this.number = 7;
    this.lines = [{ sku: 'a', count: 2 }];
    Object.defineProperty(this, 'secret', { value: 1, enumerable: false });
  }
  get total() {
    throw new Error('a getter of the class, not of the object');
  }
}

class PaymentError extends Error {
  name = 'PaymentError';
  constructor(message, options) {
    super(message, options);
    this.code = 'E_DECLINED';
    this.attempts = 3;
    this.card = { last4: '4242' };
  }
}

const throwing = (message) => () => {
  throw new Error(message);
};

const traps = Object.fromEntries(Object.getOwnPropertyNames(Reflect).map((trap) => [trap, throwing(`trap ${trap}`)]));

function nested(levels) {
  let value = { bottom: true };
  for (let level = 0; level < levels; level += 1) value = { down: value };
  return value;
}

function levelsDown(value) {
  let levels = 0;
  let at = value;
  for (; typeof at === 'object' && at !== null && 'down' in at; at = at.down) levels += 1;
  return { levels, bottom: at };
}

/**
 * A stack, with the name that the Error had when it was created, or its current one (this depends on who formats it).
 */
const isStack = (stack, message) => assert.match(stack, new RegExp(`^\\w*Error: ${message}\n +at `));

export const hostileValues = [
  // Cycles
  row(
    'an object inside itself',
    () => {
      const value = { a: 1 };
      value.self = value;
      return value;
    },
    { a: 1, self: '[Circular]' },
  ),
  row(
    'a cycle through an array, a Map and a Set',
    () => {
      const value = { list: [] };
      value.list.push(new Map([['set', new Set([value])]]));
      return value;
    },
    { list: [{ '[Map]': [['set', { '[Set]': ['[Circular]'] }]] }] },
  ),
  row(
    'one object twice, side by side',
    () => {
      const shared = { x: 1n };
      return { a: shared, b: [shared, shared] };
    },
    { a: { x: '1n' }, b: [{ x: '1n' }, { x: '1n' }] },
  ),
  row(
    'an object whose size doubles at every level',
    () => {
      let value = { leaf: 1 };
      for (let level = 0; level < 60; level += 1) value = { a: value, b: value };
      return value;
    },
    (field) => assert.match(JSON.stringify(field), /…\[cut \d+ more\]/),
  ),

  // Numbers
  row('a BigInt', () => 12345678901234567890123456789n, '12345678901234567890123456789n'),
  row('a negative BigInt in an array', () => [-1n, 0n], ['-1n', '0n']),
  row(
    'a BigInt of a million bits',
    () => 1n << 1_000_000n,
    (field) => assert.match(field, /^0x10{249999}|…\[cut/),
  ),
  row('NaN and the infinities', () => [Number.NaN, 1 / 0, -1 / 0], ['NaN', 'Infinity', '-Infinity']),
  row('numbers at the edges', () => [-0, 5e-324, Number.MAX_VALUE, 2 ** 53], [0, 5e-324, Number.MAX_VALUE, 2 ** 53]),

  // What throws
  row(
    'a getter that throws',
    () => Object.defineProperty({ ok: 1 }, 'bad', { get: throwing('no such thing'), enumerable: true }),
    { ok: 1, bad: '[Threw: no such thing]' },
  ),
  row('a toJSON that throws', () => ({ toJSON: throwing('not today') }), '[Threw: not today]'),
  row(
    'a getter that throws a value that is not an Error',
    () => ({
      get a() {
        throw 'text';
      },
      get b() {
        throw undefined;
      },
      get c() {
        throw Object.create(null);
      },
      get d() {
        throw new Proxy({}, traps);
      },
    }),
    {
      a: '[Threw: text]',
      b: '[Threw: undefined]',
      c: '[Threw: an unreadable value]',
      d: '[Threw: an unreadable value]',
    },
  ),
  row(
    'a getter that throws the second time it is read',
    () => {
      let reads = 0;
      return Object.defineProperty({}, 'moody', {
        enumerable: true,
        get() {
          reads += 1;
          if (reads > 1) throw new Error('once is enough');
          return 'fine';
        },
      });
    },
    (field) => assert.ok(['fine', '[Threw: once is enough]'].includes(field.moody), field.moody),
  ),
  row(
    'a getter that returns another getter, infinitely',
    () => {
      const endless = () => Object.defineProperty({ n: 1 }, 'down', { get: endless, enumerable: true });
      return endless();
    },
    (field) => {
      const { levels, bottom } = levelsDown(field);
      assert.ok(levels > 400 && levels <= 500, `${levels} levels`);
      assert.equal(bottom, '[Deeper than 500 levels]');
    },
  ),
  row(
    'toJSON that returns itself, or a value without JSON',
    () => [
      {
        a: 1,
        toJSON() {
          return this;
        },
      },
      { toJSON: () => 7n },
      { toJSON: (key) => `at ${key}` },
      { toJSON: () => undefined },
    ],
    (field) => {
      assert.equal(field[0].a, 1);
      assert.deepEqual(field.slice(1), ['7n', 'at 2', null]);
    },
  ),

  // Proxies
  row(
    'a proxy whose every trap throws',
    () => new Proxy({}, traps),
    (field) => assert.match(field, /^\[Threw: trap /),
  ),
  row('a callable proxy whose every trap throws', () => new Proxy(() => {}, traps), '[Function: [Threw: trap get]]'),
  row(
    'a revoked proxy',
    () => {
      const { proxy, revoke } = Proxy.revocable({}, {});
      revoke();
      return { proxy };
    },
    (field) => assert.match(field.proxy, /^\[Threw: .*revoked/),
  ),
  row('a transparent proxy', () => new Proxy({ a: { b: 1 } }, {}), { a: { b: 1 } }),
  row(
    'a proxy that returns a new proxy for every key',
    () => {
      const endless = () =>
        new Proxy(
          {},
          {
            ownKeys: () => ['a', 'b', 'c'],
            getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true, value: 1 }),
            get: (_, key) => (key === 'toJSON' || typeof key === 'symbol' ? undefined : endless()),
          },
        );
      return endless();
    },
    (field) => assert.match(JSON.stringify(field), /\[Deeper than 500 levels\].*…\[cut \d+ more\]/),
  ),
  row(
    'a proxy that lies about its length',
    () =>
      new Proxy([1, 2], {
        get: (target, key) => (key === 'length' ? Number.POSITIVE_INFINITY : Reflect.get(target, key)),
      }),
    (field) => assert.equal(typeof field, 'object'),
  ),

  // Text
  row('NUL in a text', () => 'a\0b', 'a\u2400b'),
  row('NUL in a key', () => ({ 'k\0': 1 }), { 'k\u2400': 1 }),
  row(
    'keys that become equal after cleaning',
    () => ({ 'k\0': 1, 'k\u2400': 2 }),
    (field) => assert.deepEqual(Object.values(field).sort(), [1, 2]),
  ),
  row('lone surrogates in texts and keys', () => ({ text: '\ud800a\udc00', end: 'b\udbff', '\udfffkey': '😀' }), {
    text: '\ufffda\ufffd',
    end: 'b\ufffd',
    '\ufffdkey': '😀',
  }),
  row('a text about escapes', () => ['C:\\u0000', '\\ud800', '\\', '"\\"', '\\\\u0000'], [
    'C:\\u0000',
    '\\ud800',
    '\\',
    '"\\"',
    '\\\\u0000',
  ]),
  row(
    'control characters and line separators',
    () => '\u0001\b\t\n\v\f\r\u001b[31m\u007f\u0085\u2028\u2029\ufeff',
    '\u0001\b\t\n\v\f\r\u001b[31m\u007f\u0085\u2028\u2029\ufeff',
  ),
  row(
    'a text of 10 MB',
    () => 'x'.repeat(10 * 1024 * 1024),
    (field) => {
      const [, kept, cut] = /^(x+)…\[cut (\d+) characters\]$/.exec(field);
      assert.equal(kept.length + Number(cut), 10 * 1024 * 1024);
      assert.ok(kept.length > 500_000, `${kept.length} characters kept`);
    },
  ),
  row(
    '10 MB of emoji, never split',
    () => '😀'.repeat(2.5 * 1024 * 1024),
    (field) => assert.match(field, /^(?:😀)+…\[cut \d+ characters\]$/u),
  ),
  row(
    'a key of 10 MB',
    () => ({ ['k'.repeat(10 * 1024 * 1024)]: 1 }),
    (field) => assert.match(Object.keys(field)[0], /^k+…\[cut \d+ characters\]$/),
  ),

  // Size
  row(
    '300,000 numbers',
    () => Array.from({ length: 300_000 }, (_, at) => at),
    (field) => {
      assert.deepEqual(field.slice(0, 3), [0, 1, 2]);
      assert.match(field.at(-1), /^…\[cut \d+ more\]$/);
    },
  ),
  row(
    'a hundred thousand keys with texts',
    () => Object.fromEntries(Array.from({ length: 100_000 }, (_, at) => [`key ${at}`, 'text'.repeat(100)])),
    (field) => {
      assert.match(field['key 0'], /^text/);
      assert.match(field['…'], /^…\[cut \d+ more\]$/);
    },
  ),
  row(
    '200 levels',
    () => nested(200),
    (field) => assert.deepEqual(levelsDown(field), { levels: 200, bottom: { bottom: true } }),
  ),
  row(
    '100,000 levels',
    () => nested(100_000),
    (field) => {
      const { levels, bottom } = levelsDown(field);
      assert.ok(levels > 400 && levels <= 500, `${levels} levels`);
      assert.equal(bottom, '[Deeper than 500 levels]');
    },
  ),

  // Dates
  row('a Date', () => new Date(Date.UTC(2026, 0, 31)), '2026-01-31T00:00:00.000Z'),
  row('an invalid Date', () => [new Date('never'), new Date(Number.NaN)], ['[Invalid Date]', '[Invalid Date]']),

  // What JSON leaves out
  row('undefined', () => undefined, undefined),
  row('undefined within', () => ({ a: undefined, b: [undefined, 1] }), { b: [null, 1] }),
  row('functions and symbols', () => [function named() {}, () => {}, class Shop {}, Symbol('s'), Symbol()], [
    '[Function: named]',
    '[Function: anonymous]',
    '[Function: Shop]',
    'Symbol(s)',
    'Symbol()',
  ]),
  row('symbols as keys', () => ({ a: 1, [Symbol('s')]: 2, [Symbol.for('t')]: { [Symbol.iterator]: 3 } }), {
    a: 1,
    '[Symbol(s)]': 2,
    '[Symbol(t)]': { '[Symbol(Symbol.iterator)]': 3 },
  }),
  row(
    'symbol keys with the same name',
    () => ({ [Symbol('s')]: 1, [Symbol('s')]: 2 }),
    (field) => assert.deepEqual(Object.values(field).sort(), [1, 2]),
  ),

  // Containers
  row(
    'Maps',
    () => [
      new Map([
        ['a', 1],
        ['b', { c: 2n }],
      ]),
      new Map([
        [{ k: 1 }, 'v'],
        [Number.NaN, undefined],
      ]),
      new Map(),
    ],
    [
      {
        '[Map]': [
          ['a', 1],
          ['b', { c: '2n' }],
        ],
      },
      {
        '[Map]': [
          [{ k: 1 }, 'v'],
          ['NaN', null],
        ],
      },
      { '[Map]': [] },
    ],
  ),
  row('Sets', () => new Set([1, 'a', new Set([2])]), { '[Set]': [1, 'a', { '[Set]': [2] }] }),
  row(
    'binary data',
    () => [
      Buffer.from('hello'),
      new Uint8Array([1, 2, 3]),
      new Uint8Array([0, 1, 2, 3]).buffer,
      new DataView(new Uint8Array([9, 8]).buffer, 1),
      new Uint8Array([0, 1, 2, 3]).subarray(1, 3),
    ],
    [
      { '[Buffer]': 'aGVsbG8=' },
      { '[Uint8Array]': 'AQID' },
      { '[ArrayBuffer]': 'AAECAw==' },
      { '[DataView]': 'CA==' },
      { '[Uint8Array]': 'AQI=' },
    ],
  ),
  row(
    // Winston itself takes a second for each megabyte of metadata.
    'a MB of binary data',
    () => Buffer.alloc(1024 * 1024, 1),
    (field) => {
      const [, kept, cut] = /^([A-Za-z0-9+/]+)…\[cut (\d+) characters\]$/.exec(field['[Buffer]']);
      assert.equal(kept.length + Number(cut), Math.ceil((1024 * 1024) / 3) * 4);
    },
  ),
  row('typed arrays', () => [new Float64Array([1.5, Number.NaN]), new BigInt64Array([-1n]), new Int16Array([-3])], [
    { '[Float64Array]': [1.5, 'NaN'] },
    { '[BigInt64Array]': ['-1n'] },
    { '[Int16Array]': [-3] },
  ]),
  row('holes', () => Object.assign([1], { 2: 3 }), [1, null, 3]),
  row(
    'an array of four billion holes',
    () => {
      const sparse = [];
      sparse[7] = 'seven';
      sparse[4_000_000_000 - 1] = 'last';
      return sparse;
    },
    { '[Array(4000000000)]': { 7: 'seven', 3999999999: 'last' } },
  ),
  row('an array with further properties', () => Object.assign([1, 2], { extra: 3 }), [1, 2]),

  // Objects of a kind
  row('a class instance', () => new Order(), { number: 7, lines: [{ sku: 'a', count: 2 }] }),
  row('a class with only a toString', () => new Money(1250), '12.5 EUR'),
  row('an empty class instance', () => new (class Empty {})(), {}),
  row('an object without a prototype', () => Object.assign(Object.create(null), { a: 1 }), { a: 1 }),
  row(
    'the key __proto__',
    () => JSON.parse('{"__proto__":{"polluted":true},"a":1n}'.replace('1n', '1')),
    (field) => {
      assert.deepEqual(Object.keys(field).sort(), ['__proto__', 'a']);
      assert.equal({}.polluted, undefined);
    },
  ),
  row(
    'the same beside a value that must be made safe',
    () => Object.assign(JSON.parse('{"__proto__":{"polluted":true}}'), { n: 1n }),
    (field) => {
      assert.deepEqual(Object.keys(field).sort(), ['__proto__', 'n']);
      assert.equal(field.polluted, undefined);
    },
  ),
  row('boxed primitives', () => [Object('s'), Object(1), Object(false), Object(2n), Object(Symbol('s'))], [
    's',
    1,
    false,
    '2n',
    'Symbol(s)',
  ]),
  row(
    'RegExp, URL, URLSearchParams, Promise, WeakMap, a generator',
    () => [
      /a\/b/gi,
      new URL('https://example.org/a?b=c'),
      new URLSearchParams({ a: '1' }),
      Promise.resolve(1),
      new WeakMap(),
      (function* () {})(),
    ],
    ['/a\\/b/gi', 'https://example.org/a?b=c', 'a=1', '[Promise]', '[WeakMap]', '[Generator]'],
  ),
  row('objects of another realm', () => runInNewContext('({ d: new Date(0), m: new Map([[1, 2]]), a: [1n] })'), {
    d: '1970-01-01T00:00:00.000Z',
    m: { '[Map]': [[1, 2]] },
    a: ['1n'],
  }),

  // Errors
  row(
    'an Error with a chain of causes and fields of its own',
    () =>
      new PaymentError('declined', {
        cause: new TypeError('bad card', { cause: { status: 502, at: new Date(0) } }),
      }),
    (field) => {
      const { stack, cause, ...rest } = field;
      assert.deepEqual(rest, {
        name: 'PaymentError',
        message: 'declined',
        code: 'E_DECLINED',
        attempts: 3,
        card: { last4: '4242' },
      });
      isStack(stack, 'declined');
      assert.equal(cause.name, 'TypeError');
      assert.equal(cause.message, 'bad card');
      isStack(cause.stack, 'bad card');
      assert.deepEqual(cause.cause, { status: 502, at: '1970-01-01T00:00:00.000Z' });
    },
  ),
  row(
    'an AggregateError',
    () => new AggregateError([new RangeError('one'), 'two'], 'both'),
    (field) => {
      assert.equal(field.name, 'AggregateError');
      assert.equal(field.errors[0].name, 'RangeError');
      assert.equal(field.errors[1], 'two');
    },
  ),
  row(
    'an Error that is its own cause',
    () => {
      const error = new Error('round');
      error.cause = error;
      return { list: [error] };
    },
    (field) => assert.equal(field.list[0].cause, '[Circular]'),
  ),
  row(
    'an Error whose every property throws',
    () => {
      const error = new Error('hidden');
      for (const key of ['stack', 'name', 'message', 'code', 'extra']) {
        Object.defineProperty(error, key, { get: throwing(`no ${key}`), enumerable: true });
      }
      return error;
    },
    {
      name: '[Threw: no name]',
      message: '[Threw: no message]',
      stack: '[Threw: no stack]',
      code: '[Threw: no code]',
      extra: '[Threw: no extra]',
    },
  ),
  row(
    'an Error with a toJSON',
    () =>
      Object.assign(new Error('axios'), { request: { socket: {} }, toJSON: () => ({ message: 'axios', status: 500 }) }),
    (field) => {
      const { stack, ...rest } = field;
      isStack(stack, 'axios');
      assert.deepEqual(rest, { name: 'Error', message: 'axios', status: 500 });
    },
  ),
  row(
    'an Error of another realm',
    () => runInNewContext('new TypeError("elsewhere")'),
    (field) => {
      assert.equal(field.name, 'TypeError');
      assert.equal(field.message, 'elsewhere');
    },
  ),
  row(
    'a DOMException',
    () => new DOMException('stop', 'AbortError'),
    (field) => {
      assert.equal(field.name, 'AbortError');
      assert.equal(field.message, 'stop');
    },
  ),
];
