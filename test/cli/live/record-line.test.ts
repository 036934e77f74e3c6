import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { recordLine } from '../../../cli/live/record-line.js';
import type { StoredRecord } from '../../../src/record.js';

function record(fields: Partial<StoredRecord> & { information?: string } = {}): StoredRecord {
  return {
    id: '01993f0e-0000-7000-8000-000000000001',
    timestamp: '2026-01-31T10:30:45.123456Z',
    service: 'shop',
    level: 'INFO',
    message: 'order placed',
    information: '{}',
    ...fields,
  };
}

const SAME_DAY = new Date('2026-01-31T10:31:00Z');
const plain = (fields?: Partial<StoredRecord>) =>
  recordLine(record(fields), false, SAME_DAY).replace(/^\d\d:\d\d:/, 'HH:MM:');

describe('a record on a terminal', () => {
  test('is one line: time, level, service, message, information', () => {
    expect(plain({ information: '{"order":7}' })).toBe('HH:MM:45.123  INFO      shop  order placed  {"order":7}');
  });

  test('shows local time', () => {
    const local = new Date('2026-01-31T10:30:45.123Z').toTimeString().slice(0, 8);
    expect(recordLine(record(), false, SAME_DAY)).toMatch(new RegExp(`^${local}\\.123 `));
  });

  test.each(['2026-02-01T10:31:00Z', '2026-01-30T10:29:00Z', '2027-01-31T10:31:00Z'])(
    'has its date where it is of another day than now, %s',
    (now) => {
      const day = new Date('2026-01-31T10:30:45.123Z');
      const date = [day.getFullYear(), day.getMonth() + 1, day.getDate()]
        .map((n) => String(n).padStart(2, '0'))
        .join('-');
      expect(recordLine(record(), false, new Date(now))).toMatch(new RegExp(`^${date} \\d\\d:30:45\\.123  INFO`));
    },
  );

  test('without information ends with its message', () => {
    expect(plain()).toBe('HH:MM:45.123  INFO      shop  order placed');
  });

  test("has its error's stack below it, and the error's other fields beside the message", () => {
    const error = {
      name: 'Error',
      message: 'refused',
      stack: 'Error: refused\n    at pay (shop.js:1:2)',
      code: 'E_CARD',
    };
    expect(plain({ level: 'ERROR', message: 'payment failed', information: JSON.stringify({ order: 7, error }) })).toBe(
      [
        'HH:MM:45.123  ERROR     shop  payment failed  {"order":7,"error":{"code":"E_CARD"}}',
        '              Error: refused',
        '                  at pay (shop.js:1:2)',
      ].join('\n'),
    );
  });

  test('has the stacks of the causes below that', () => {
    const cause = { name: 'Error', message: 'limit', stack: 'Error: limit\n    at b', code: 'E_LIMIT' };
    const error = { name: 'Error', message: 'refused', stack: 'Error: refused\n    at a', cause };
    expect(plain({ information: JSON.stringify({ error }) })).toBe(
      [
        'HH:MM:45.123  INFO      shop  order placed  {"error":{"cause":{"code":"E_LIMIT"}}}',
        '              Error: refused',
        '                  at a',
        '              caused by Error: limit',
        '                  at b',
      ].join('\n'),
    );
  });

  test('does not repeat a stack that is its message, as console.error(error) logs it', () => {
    const cause = new Error('limit reached');
    const error = Object.assign(new Error('card refused', { cause }), { code: 'E_CARD' });
    const { name, message, stack, code } = error;
    const logged = {
      name,
      message,
      stack,
      code,
      cause: { name: cause.name, message: cause.message, stack: cause.stack },
    };
    const shown = plain({ message: inspect(error), information: JSON.stringify({ error: logged }) });
    expect(shown.match(/Error: card refused/g)).toHaveLength(1);
    expect(shown).toContain('{"error":{"code":"E_CARD"}}');
    const single = plain({ message: `failed: ${error.stack}`, information: JSON.stringify({ error: { stack } }) });
    expect(single.match(/Error: card refused/g)).toHaveLength(1);
  });

  test.each([11, 5500, 200_000])('has the stacks of the first ten of %i causes, and the rest as JSON', (depth) => {
    const level = (n: number) => `{"name":"Error","message":"m${n}","stack":"Error: m${n}","n":${n}`;
    const levels = Array.from({ length: depth }, (_, n) => level(n)).join(',"cause":');
    const shown = plain({ information: `{"error":${levels}${'}'.repeat(depth)}}` });
    expect(shown.split('\n').slice(1)).toEqual(
      Array.from({ length: 10 }, (_, n) => `              ${n === 0 ? '' : 'caused by '}Error: m${n}`),
    );
    expect(shown.split('\n')[0]).toContain('"n":9,"cause":{"name":"Error","message":"m10","stack":"Error: m10","n":10');
    expect(shown.length).toBeLessThan(3000);
  });

  test('is shown however deep its information is nested', () => {
    const deep = (depth: number) => `${'{"a":['.repeat(depth)}1${']}'.repeat(depth)}`;
    expect(plain({ information: deep(200_000) })).toMatch(/^HH\S+ {2}INFO {6}shop {2}order placed {2}\{"a":\[/);
    const error = `{"stack":"Error: x","fields":${deep(200_000)}}`;
    expect(plain({ information: `{"error":${error}}` })).toMatch(/\{"error":\{"fields":\{"a":\[.*\n {14}Error: x$/);
  });

  test('keeps the digits of its numbers, also beside the stack of an error', () => {
    const information = '{"order":12345678901234567890,"error":{"stack":"Error: x","sum":0.10000000000000000001}}';
    expect(plain({ information })).toContain('{"order":12345678901234567890,"error":{"sum":0.10000000000000000001}}');
  });

  test('continues the lines of a message below it', () => {
    expect(plain({ message: 'one\r\ntwo\nthree' })).toBe(
      'HH:MM:45.123  INFO      shop  one\n              two\n              three',
    );
  });

  test('cannot control the terminal', () => {
    expect(plain({ message: '\x1b[2Jgone \u202egnp.exe \x07' })).toBe(
      'HH:MM:45.123  INFO      shop  \\x1b[2Jgone \\u202egnp.exe \\x07',
    );
  });

  test.each<[string, Partial<StoredRecord>]>([
    ['service', { service: 'x\n12:00:00.000  ERROR     bank  forged' }],
    ['service', { service: 'x\x1b[2J\r\x9b\u202e' }],
    ['message', { message: 'x\r12:00:00.000\x9b2J\u2028\u0085\x0b\x0c' }],
    ['information', { information: '{"a":1,\n"12:00:00.000  ERROR     bank  forged":2}' }],
    ['information', { information: '{"a":"\x7f\x9b2J\u2028\u2066"}' }],
    ['stack', { information: JSON.stringify({ error: { stack: 'Error: x\n12:00:00.000  ERROR\r\x1b[2J' } }) }],
    ['field of the error', { information: '{"error":{"stack":"Error: x",\n"12:00:00.000  ERROR":"\u202e"}}' }],
    ['cause', { information: JSON.stringify({ error: { stack: 'x', cause: { stack: 'y\n12:00:00.000' } } }) }],
    ['timestamp', { timestamp: 'no time\n\x1b[2J' }],
  ])('cannot contain a forged line: %s %j', (_, fields) => {
    const shown = plain(fields);
    expect(shown).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202e\u2066]/);
    for (const line of shown.split('\n').slice(1)) expect(line).toMatch(/^ {14}/);
  });

  test('is cut between characters', () => {
    expect(plain({ message: `${'x'.repeat(1999)}😀😀` })).toMatch(/x… \(4 more\)$/);
  });

  test('is cut if it is long, and shows by how much', () => {
    expect(plain({ message: 'x'.repeat(2500) })).toMatch(/x{2000}… \(500 more\)$/);
  });

  test('is colored by level only if colors are enabled', () => {
    const esc = '\x1b[';
    expect(recordLine(record({ level: 'ERROR' }), true)).toContain(`${esc}31mERROR`);
    expect(recordLine(record({ level: 'ERROR' }), false)).not.toContain(esc);
  });
});
