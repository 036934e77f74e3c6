/**
 * Values that applications log, and what is stored for each. Every integration gets the same fields in its own way;
 * `differing` names the integrations that store something else.
 */

import { AxiosError, AxiosHeaders } from 'axios';
import VError from 'verror';
import winston from 'winston';

const pinoAnd = (value) => ({ pino: value, pipe: value });
class Order {
  id = 7;
  get total() {
    return 12;
  }
}

class Money {
  constructor(cents) {
    this.cents = cents;
  }
  toJSON() {
    return `${this.cents / 100} EUR`;
  }
}

class Hidden {
  #cents = 1250;
  toString() {
    return `${this.#cents / 100} EUR`;
  }
}

/** An error that Winston has logged before. */
function logged(error) {
  winston.createLogger({ transports: [new winston.transports.Console({ silent: true })] }).warn(error);
  return error;
}

function nested(levels) {
  let value = { bottom: true };
  for (let level = 1; level < levels; level += 1) value = { down: value };
  return value;
}

const same = (name, fields) => ({ name, make: () => fields, expected: fields });
const field = (name, make, expected, differing = {}) => ({
  name,
  make: () => ({ field: make() }),
  expected: expected === undefined ? {} : { field: expected },
  differing: Object.fromEntries(
    Object.entries(differing).map(([integration, value]) => [integration, value === undefined ? {} : { field: value }]),
  ),
});

/** @param argument what is stored for it as an argument of a console call */
const whole = (name, make, expected, argument = expected) => ({
  name: `${name} in place of fields`,
  make,
  expected,
  differing: { ...pinoAnd({}), console: argument },
});

export const contents = [
  // Plain JSON
  same('no fields', {}),
  same('texts, numbers, booleans and null', { text: 'a', number: 1.5, yes: true, no: false, none: null }),
  same('an empty text', { field: '' }),
  same('quotes, backslashes and line breaks', { field: '"a\\b"\r\n\t' }),
  same('letters of every kind', { field: 'größer 漢字 😀 \u2028' }),
  same('a text of 40,000 characters', { field: 'x'.repeat(40_000) }),
  same('numbers at the edges', { field: [0, 5e-324, 1.7976931348623157e308, 9007199254740991, -1e21] }),
  same('nested objects and arrays', { field: { a: [1, { b: [[], {}] }] } }),
  same('200 levels', { field: nested(200) }),
  same('many fields', Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`field${n}`, n]))),
  same('names with dots, spaces and none at all', { 'a.b': 1, 'c d': 2, '': 3 }),
  same('names that objects have already', { constructor: 1, toString: 2, hasOwnProperty: 3 }),
  same('fields named like those of a record', { service: 'x', id: 'y', information: { a: 1 } }),
  same('fields of the process', { hostname: 'h', pid: 1 }),
  same('fields of a trace', { trace_id: 'a', span_id: 'b', trace_flags: '01' }),
  same('a request id', { requestId: 'r-1', reqId: 7 }),

  // Values that JSON changes or does not have
  field('undefined', () => undefined, undefined),
  field('undefined in an array', () => [undefined, 1], [null, 1]),
  field('negative zero', () => -0, 0),
  field('NaN', () => Number.NaN, 'NaN', pinoAnd(null)),
  field('Infinity', () => Number.POSITIVE_INFINITY, 'Infinity', pinoAnd(null)),
  field('NaN within', () => ({ n: Number.NaN }), { n: 'NaN' }, pinoAnd({ n: null })),
  field('a BigInt', () => 123n, '123n', pinoAnd(123)),
  field('a function', () => function named() {}, '[Function: named]', pinoAnd(undefined)),
  field('a symbol', () => Symbol('s'), 'Symbol(s)', pinoAnd(undefined)),
  field('a symbol as a name', () => ({ a: 1, [Symbol('s')]: 2 }), { a: 1, '[Symbol(s)]': 2 }, pinoAnd({ a: 1 })),
  field('a Date', () => new Date(0), '1970-01-01T00:00:00.000Z'),
  field('an invalid Date', () => new Date(Number.NaN), '[Invalid Date]', pinoAnd(null)),
  field('a RegExp', () => /a+/g, '/a+/g', pinoAnd({})),
  field('a URL', () => new URL('http://h/p?q=1'), 'http://h/p?q=1'),
  field('a Map', () => new Map([['a', 1]]), { '[Map]': [['a', 1]] }, pinoAnd({})),
  field('a Set', () => new Set([1, 'a']), { '[Set]': [1, 'a'] }, pinoAnd({})),
  field('a Buffer', () => Buffer.from('abc'), { '[Buffer]': 'YWJj' }, pinoAnd({ type: 'Buffer', data: [97, 98, 99] })),
  field('a Uint8Array', () => Uint8Array.of(1, 2), { '[Uint8Array]': 'AQI=' }, pinoAnd({ 0: 1, 1: 2 })),
  field('a Float64Array', () => Float64Array.of(0.5), { '[Float64Array]': [0.5] }, pinoAnd({ 0: 0.5 })),
  field('an instance of a class', () => new Order(), { id: 7 }),
  field('what has a toJSON', () => new Money(1250), '12.5 EUR'),
  field('an object without a prototype', () => Object.assign(Object.create(null), { a: 1 }), { a: 1 }),
  field('boxed primitives', () => [Object(1), Object('a'), Object(true)], [1, 'a', true]),
  field('a proxy', () => new Proxy({ a: 1 }, {}), { a: 1 }),
  field(
    'a getter',
    () => ({
      get a() {
        return 1;
      },
    }),
    { a: 1 },
  ),
  field('a sparse array', () => [1, undefined, 3], [1, null, 3]),
  field('a promise', () => Promise.resolve(1), '[Promise]', pinoAnd({})),

  field('private fields with a toString', () => new Hidden(), '12.5 EUR', pinoAnd({})),

  // Objects of the web and of Node
  field('Headers', () => new Headers({ Accept: 'a' }), { accept: 'a' }, pinoAnd({})),
  field('Headers of axios', () => new AxiosHeaders({ Accept: 'a' }), { Accept: 'a' }),
  field(
    'a Response',
    () => new Response(null, { status: 503, headers: { 'retry-after': '3' } }),
    { status: 503, url: '', headers: { 'retry-after': '3' } },
    pinoAnd({}),
  ),
  field(
    'a Request',
    () => new Request('http://h/p', { method: 'PUT' }),
    { method: 'PUT', url: 'http://h/p', headers: {} },
    pinoAnd({}),
  ),
  field(
    'FormData',
    () => {
      const form = new FormData();
      form.append('a', '1');
      form.append('a', '2');
      form.append('file', new File(['abc'], 'a.txt'));
      return form;
    },
    { a: ['1', '2'], file: { name: 'a.txt', size: 3 } },
    pinoAnd({}),
  ),
  field('a Blob', () => new Blob(['abc'], { type: 'text/plain' }), { type: 'text/plain', size: 3 }, pinoAnd({})),
  field('URLSearchParams', () => new URLSearchParams('a=1'), 'a=1', pinoAnd({})),
  field('an AbortSignal', () => AbortSignal.abort('late'), { aborted: true, reason: 'late' }, pinoAnd({})),
  field('a ReadableStream', () => new ReadableStream(), '[ReadableStream]', pinoAnd({})),

  // In place of the fields
  whole('a Map', () => new Map([['a', 1]]), { '[Map]': [['a', 1]] }),
  whole('a Date', () => new Date(0), { value: '1970-01-01T00:00:00.000Z' }, '1970-01-01T00:00:00.000Z'),
  whole('a URL', () => new URL('http://h/p'), { value: 'http://h/p' }, 'http://h/p'),
  whole('Headers', () => new Headers({ accept: 'a' }), { accept: 'a' }),
  whole('private fields', () => new Hidden(), { value: '12.5 EUR' }, '12.5 EUR'),

  // Cycles and hazards
  field(
    'an object within itself',
    () => {
      const value = { a: 1 };
      value.self = value;
      return value;
    },
    { a: 1, self: '[Circular]' },
  ),
  field('one object twice', () => {
    const shared = { a: 1 };
    return [shared, shared];
  }, [{ a: 1 }, { a: 1 }]),
  field('NUL', () => 'a\0b', 'a\u2400b'),
  field('a lone surrogate', () => 'a\ud800', 'a\ufffd'),
  field('NUL in a name', () => ({ 'a\0': 1 }), { 'a\u2400': 1 }),

  // Errors
  field(
    'an error',
    () => fixed(new TypeError('no')),
    { name: 'TypeError', message: 'no', stack: 'the stack' },
    pinoAnd({}),
  ),
  field(
    'an error with a cause and fields of its own',
    () => fixed(Object.assign(new Error('no', { cause: fixed(new Error('limit')) }), { code: 'E_NO', order: 7 })),
    {
      name: 'Error',
      message: 'no',
      stack: 'the stack',
      code: 'E_NO',
      cause: { name: 'Error', message: 'limit', stack: 'the stack' },
      order: 7,
    },
    pinoAnd({ code: 'E_NO', order: 7 }),
  ),
  field(
    'an AggregateError',
    () => fixed(new AggregateError([fixed(new Error('a'))], 'all')),
    {
      name: 'AggregateError',
      message: 'all',
      stack: 'the stack',
      errors: [{ name: 'Error', message: 'a', stack: 'the stack' }],
    },
    pinoAnd({}),
  ),
  field(
    'an error that Winston has logged before',
    () => logged(fixed(Object.assign(new Error('no'), { code: 'E_NO' }))),
    { name: 'Error', message: 'no', stack: 'the stack', code: 'E_NO' },
    pinoAnd({ code: 'E_NO', level: 'warn' }),
  ),
  field(
    'an error whose cause Winston has logged before',
    () => fixed(new Error('no', { cause: logged(fixed(new Error('limit'))) })),
    {
      name: 'Error',
      message: 'no',
      stack: 'the stack',
      cause: { name: 'Error', message: 'limit', stack: 'the stack' },
    },
    pinoAnd({}),
  ),
  field(
    'an error with a toJSON',
    () => fixed(Object.assign(new Error('no'), { code: 'E_NO', request: 'large', toJSON: () => ({ status: 403 }) })),
    { name: 'Error', message: 'no', stack: 'the stack', code: 'E_NO', status: 403 },
    pinoAnd({ status: 403 }),
  ),
  field(
    'an error of axios',
    () => fixed(new AxiosError('no', 'E_NO', { url: '/p', headers: new AxiosHeaders({ Accept: 'a' }) }, 'a request')),
    {
      name: 'AxiosError',
      message: 'no',
      stack: 'the stack',
      code: 'E_NO',
      config: { url: '/p', headers: { Accept: 'a' } },
    },
  ),
  field(
    'an error whose cause is a function',
    () => fixed(new VError(fixed(new Error('limit')), 'no')),
    {
      name: 'VError',
      message: 'no: limit',
      stack: 'the stack',
      cause: { name: 'Error', message: 'limit', stack: 'the stack' },
      jse_shortmsg: 'no',
      jse_info: {},
    },
    pinoAnd({ jse_shortmsg: 'no', jse_info: {}, jse_cause: {}, message: 'no: limit' }),
  ),
  {
    name: 'an error under the name error',
    make: () => ({ error: fixed(new Error('no')) }),
    expected: { error: { name: 'Error', message: 'no', stack: 'the stack' } },
    differing: pinoAnd({ error: {} }),
  },
  {
    name: 'an error under the name err',
    make: () => ({ err: fixed(new Error('no')) }),
    expected: { err: { name: 'Error', message: 'no', stack: 'the stack' } },
    differing: pinoAnd({ error: { name: 'Error', message: 'no', stack: 'the stack' } }),
  },

  // Fields that loggers use themselves
  { name: 'a field called level', make: () => ({ level: 'mine' }), expected: { level: 'mine' } },
  {
    name: 'a field called message',
    make: () => ({ message: 'mine' }),
    expected: { message: 'mine' },
    // It is part of the message then.
    differing: { winston: {} },
  },
  {
    name: 'a field called msg',
    make: () => ({ msg: 'mine' }),
    expected: { msg: 'mine' },
    // Pino writes its own after it, and the last of two is used.
    differing: pinoAnd({}),
  },
  { name: 'a field called timestamp', make: () => ({ timestamp: 'noon' }), expected: { timestamp: 'noon' } },
  { name: 'a field called stack', make: () => ({ stack: 'of books' }), expected: { stack: 'of books' } },
  // The last one, because it replaces Pino's own time, so that the record gets the time when the line was read.
  { name: 'a field called time', make: () => ({ time: 'noon' }), expected: { time: 'noon' } },
];

/** The stack contains the path of this file. */
function fixed(error) {
  error.stack = 'the stack';
  return error;
}
