/**
 * Calls of the console. Run as a program, it makes each of them after a line with its name. Another line has what the
 * call threw.
 */
import fs from 'node:fs';

class Order {
  constructor() {
    this.number = 7;
  }
  get total() {
    throw new Error('a getter');
  }
}

const deep = { a: { b: { c: { d: { e: 1 } } } } };
const failed = () => new TypeError('refused', { cause: new Error('limit') });
const circular = { name: 'round' };
circular.self = circular;

/** The calls by name. */
export const calls = {
  nothing: () => console.log(),
  'an empty text': () => console.log(''),
  text: () => console.log('order placed'),
  'several arguments': () => console.log('order', 7, true, null, undefined, 12n, Symbol('s'), -0),
  'text of several lines': () => console.log('one\ntwo\n'),
  'text with colours of its own': () => console.log('\u001b[31mred\u001b[39m'),
  '%s': () => console.log('%s of %s', 'a', { b: { c: {} } }, 'rest'),
  '%s of a class': () => console.log('%s', new Order()),
  '%d': () => console.log('%d %d %d', 7, '8', 9n),
  '%i': () => console.log('%i %i', 7.9, '8.1px'),
  '%f': () => console.log('%f', '7.5'),
  '%j': () => console.log('%j', { order: 7 }),
  '%j of a cycle': () => console.log('%j', circular),
  '%o': () => console.log('%o', [1, { f() {} }]),
  '%O': () => console.log('%O', deep),
  '%c': () => console.log('%cred%c and %s', 'color: red', '', 'not'),
  '%%': () => console.log('100%% of %s', 'all'),
  'a lone %': () => console.log('100% of it', 7),
  'too few arguments': () => console.log('%s and %s', 'one'),
  objects: () => console.log({ order: 7 }, [1, 2, [3]], new Map([['a', new Set([1])]]), new Order(), null),
  'a deep object': () => console.log(deep),
  'a cycle': () => console.log(circular),
  'a long array': () => console.log(Array.from({ length: 200 }, (_, number) => number)),
  functions: () => console.log(() => {}, Order, Math.max),
  'dates and expressions': () => console.log(new Date(0), /x/g, new URL('http://localhost/a'), Buffer.from('a')),
  info: () => console.info('info %s', 'text', { a: 1 }),
  debug: () => console.debug('debug %s', 'text'),
  warn: () => console.warn('warn %s', 'text', [1]),
  error: () => console.error('error %s', 'text'),
  'an error': () => console.error(failed()),
  'an error behind text': () => console.error('payment failed', failed(), { order: 7 }),
  'an error with fields': () => console.log(Object.assign(failed(), { code: 'E_DECLINED' })),
  dir: () => console.dir({ a: { b: { c: { d: 1 } } } }),
  'dir with options': () => console.dir(deep, { depth: 0 }),
  'dir with colours': () =>
    console.dir({ a: 1, hidden: Object.defineProperty({}, 'b', { value: 1 }) }, { showHidden: true }),
  'dir of text': () => console.dir('text'),
  'dir that customizes nothing': () => console.dir({ [Symbol.for('nodejs.util.inspect.custom')]: () => 'custom' }),
  dirxml: () => console.dirxml({ a: 1 }, 'b', deep),
  'a table of objects': () =>
    console.table([
      { a: 1, b: 'x' },
      { a: 2, c: true },
    ]),
  'a table of some columns': () => console.table([{ a: 1, b: 2 }], ['b']),
  'a table of a Map': () => console.table(new Map([['k', { v: 1 }]])),
  'a table of rows': () =>
    console.table([
      [1, 2],
      [3, 4],
    ]),
  'a table of text': () => console.table('text'),
  'an empty table': () => console.table([]),
  'an assertion that holds': () => console.assert('x', 'nothing'),
  'an assertion that fails': () => console.assert(false),
  'an assertion that fails with text': () => console.assert(0, 'no %s', 'way', { a: 1 }),
  'an assertion that fails with an object': () => console.assert('', { a: 1 }),
  count: () => console.count(),
  'count again': () => console.count(),
  'count of a label': () => console.count('label'),
  countReset: () => console.countReset(),
  'count after countReset': () => console.count(),
  time: () => console.time('label'),
  timeLog: () => console.timeLog('label', 'so far', { a: 1 }),
  timeEnd: () => console.timeEnd('label'),
  trace: () => console.trace('where %s', 'am I', { a: 1 }),
  'trace of nothing': () => console.trace(),
  'trace of an error': () =>
    (function inner() {
      console.trace(failed());
    })(),
  'a getter that prints': () =>
    console.log('%s', {
      toString() {
        console.warn('inner');
        return 'outer';
      },
    }),
  'an inspection that prints': () =>
    console.log({
      [Symbol.for('nodejs.util.inspect.custom')]() {
        console.log('inner');
        return 'outer';
      },
    }),
  'a toJSON that prints nothing here': () => console.log({ toJSON: () => 'json', a: 1 }),
  'an inspection that throws': () =>
    console.log('before', {
      [Symbol.for('nodejs.util.inspect.custom')]() {
        throw new Error('not today');
      },
    }),
  'a label that is a symbol': () => console.count(Symbol('s')),
};

/** Calls that depend on each other, in this order. */
export const groups = {
  group: () => console.group('outer', { a: 1 }),
  within: () => console.log('one\ntwo'),
  'a table within': () => console.table([{ a: 1 }]),
  groupCollapsed: () => console.groupCollapsed('inner'),
  'within both': () => console.warn('deep', { b: 2 }),
  'a group without a label': () => console.group(),
  'within three': () => console.error('deeper'),
  groupEnd: () => console.groupEnd(),
  'groupEnd again': () => console.groupEnd(),
  'within one': () => console.debug('again'),
  'groupEnd of the last': () => console.groupEnd(),
  'groupEnd of none': () => console.groupEnd(),
  outside: () => console.log('outside'),
};

if (process.argv[1] === import.meta.filename) {
  const mark = (text) => fs.writeSync(1, `\u0002${text}\n`);
  for (const [name, call] of Object.entries({ ...calls, ...groups })) {
    mark(name);
    try {
      call();
    } catch (error) {
      mark(`threw ${error.message}`);
    }
  }
  mark('end');
}
