import { expect, test } from 'vitest';
import { type RedactOptions, redaction } from '../../src/fields/redact.js';
import { encodeRecord } from '../../src/record.js';

const stamp = { id: '01993f0e-1111-7111-8111-000000000001', epochMicros: 1_769_855_445_123_456 };

/** The information of a record after redaction. */
function redacted(options: RedactOptions, information: unknown, more?: object) {
  const members = Object.entries(more ?? {}).map(([name, value]) => ({ name, value }));
  const input = { service: 'shop', level: 'INFO' as const, message: 'm', information, more: members };
  return JSON.parse(encodeRecord({ ...input, redact: redaction(options) }, stamp, 1024 * 1024)).information;
}

test.each<[string, unknown, unknown]>([
  ['password', { password: 'x', user: 'a' }, { password: '[Redacted]', user: 'a' }],
  ['user.card', { user: { card: '4111', name: 'a' } }, { user: { card: '[Redacted]', name: 'a' } }],
  [
    '*.token',
    { a: { token: 1 }, b: { token: 2, c: 3 } },
    { a: { token: '[Redacted]' }, b: { token: '[Redacted]', c: 3 } },
  ],
  ['items[*].secret', { items: [{ secret: 1 }, { id: 2 }] }, { items: [{ secret: '[Redacted]' }, { id: 2 }] }],
  ['headers["set-cookie"]', { headers: { 'set-cookie': 'x' } }, { headers: { 'set-cookie': '[Redacted]' } }],
  [
    'error.config.key',
    { error: Object.assign(new Error('e'), { config: { key: 'k' } }) },
    { error: { config: { key: '[Redacted]' } } },
  ],
  ['absent.path', { a: 1 }, { a: 1 }],
  ['restore', { restore: 'x', redact: 'y' }, { restore: '[Redacted]', redact: 'y' }],
  ['password', 'no object', { value: 'no object' }],
])('the path %s hides only what it names', (path, information, expected) => {
  expect(redacted([path], information)).toMatchObject(expected as object);
});

test('a record that exceeds the limit because of long replacements is cut', () => {
  const information = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`a${at}`, { token: 1 }]));
  const redact = redaction({ paths: ['*.token'], censor: 'x'.repeat(1000) });
  const line = encodeRecord({ service: 's', level: 'INFO', message: 'm', information, redact }, stamp, 4096);
  expect(Buffer.byteLength(line)).toBeLessThanOrEqual(4096);
});

test('members can be removed from a list that also has to be cut', () => {
  const items = Array.from({ length: 100_000 }, (_, number) => ({ number, text: 'x'.repeat(20) }));
  const information = redacted({ paths: ['items[*]'], remove: true }, { items, long: 'y'.repeat(2_000_000) });
  expect(information.long).toMatch(/^y+…\[cut \d+ characters\]$/);
});

test('later changes to the array of paths have no effect', () => {
  const paths = ['password'];
  const redact = redaction(paths);
  paths.length = 0;
  expect(redact?.fields({ password: 'x' })).toEqual({ password: '[Redacted]' });
});

test('a field called restore, a name that the redaction library uses, is kept', () => {
  expect(redacted(['password'], { restore: 1 })).toEqual({ restore: 1 });
});

test('fields that are added to a record are redacted as well', () => {
  expect(redacted(['session'], {}, { session: 's1', requestId: 'r1' })).toEqual({
    session: '[Redacted]',
    requestId: 'r1',
  });
});

test("the application's own values are not changed", () => {
  const information = { user: { card: '4111' }, list: [{ card: 1 }] };
  redacted(['user.card', 'list[*].card'], information);
  expect(information).toEqual({ user: { card: '4111' }, list: [{ card: 1 }] });
});

test('a value can be replaced by another text, or removed', () => {
  expect(redacted({ paths: ['a'], censor: '***' }, { a: 1, b: 2 })).toEqual({ a: '***', b: 2 });
  expect(redacted({ paths: ['a'], remove: true }, { a: 1, b: 2 })).toEqual({ b: 2 });
});

test('a record that has to be cut contains no part of a hidden value', () => {
  const secret = 'S'.repeat(100_000);
  const line = encodeRecord(
    { service: 's', level: 'INFO', message: 'm'.repeat(5000), information: { secret }, redact: redaction(['secret']) },
    stamp,
    2048,
  );
  expect(line).not.toContain('SS');
  expect(JSON.parse(line).information).toEqual({ secret: '[Redacted]' });
});

test.each([
  'password',
  {},
  { preset: 'all' },
  { censor: 'x' },
  7,
  null,
  [''],
  [7],
  ['a..b'],
  ['a[b'],
  { paths: 'a' },
  { paths: ['a'], censor: 7 },
  { paths: ['a'], censor: null },
  { paths: ['a'], remove: 'yes' },
  { paths: ['a'], serialize: false },
])('%j is refused', (value) => {
  expect(() => redaction(value)).toThrow(/paths /);
});

test('a function can compute the replacement from the value and its path', () => {
  const calls: [unknown, string[]][] = [];
  const censor = (value: unknown, path: string[]) => {
    calls.push([value, path]);
    return `${path.join('.')} hidden`;
  };
  expect(
    redacted(
      { paths: ['password', 'user.card', 'list[*].pin', 'absent.path', '*.none'], censor },
      {
        password: 'x',
        user: { card: 4111 },
        list: [{ pin: 1 }, {}],
      },
    ),
  ).toEqual({
    password: 'password hidden',
    user: { card: 'user.card hidden' },
    list: [{ pin: 'list.0.pin hidden' }, {}],
  });
  expect(calls).toEqual([
    ['x', ['password']],
    [4111, ['user', 'card']],
    [1, ['list', '0', 'pin']],
  ]);
});

test('a function is also called for what the preset hides, at any depth, once for each value', () => {
  const seen: string[] = [];
  const censor = (value: unknown, path: string[]) => {
    seen.push(path.join('.'));
    return typeof value === 'string' ? value.slice(-2) : { type: typeof value };
  };
  const information = {
    request: { headers: { authorization: 'Bearer abcdef12', cookie: ['a', 'b'] }, url: '/?token=abcdef34' },
    tokens: ['abcdef56', 7],
    env: [{ name: 'API_TOKEN', value: 'abcdef78' }],
    own: { secret: 'abcdef90' },
    password: 1234,
  };
  expect(redacted({ preset: 'http', paths: ['own.secret'], censor }, information)).toEqual({
    request: { headers: { authorization: '12', cookie: { type: 'object' } }, url: '/?token=34' },
    tokens: ['56', 7],
    env: [{ name: 'API_TOKEN', value: '78' }],
    own: { secret: '90' },
    password: { type: 'number' },
  });
  expect(seen.sort()).toEqual([
    'env.0.value',
    'own.secret',
    'password',
    'request.headers.authorization',
    'request.headers.cookie',
    'request.url',
    'tokens.0',
  ]);
});

test('in a message, the result of a function is converted to text', () => {
  const textOf = (result: unknown) =>
    redaction({ preset: 'http', censor: () => result })?.text('user=1 password=abc&token="xyz" Bearer abcdefgh12');
  expect(textOf('***')).toBe('user=1 password=***&token="***" Bearer ***');
  expect(textOf(7)).toBe('user=1 password=7&token="7" Bearer 7');
  expect(textOf(undefined)).toBe('user=1 password=null&token="null" Bearer null');
});

test.each<[string, () => unknown, unknown]>([
  [
    'throws',
    () => {
      throw new Error('broken');
    },
    '[Redacted]',
  ],
  ['returns a BigInt', () => 7n, '7n'],
  ['returns nothing', () => undefined, null],
  [
    'returns a cycle',
    () => {
      const cycle: Record<string, unknown> = {};
      cycle.self = cycle;
      return cycle;
    },
    { self: '[Circular]' },
  ],
])('a function that %s does not lose the record', (_what, censor, expected) => {
  expect(redacted({ paths: ['a'], censor }, { a: 1 })).toEqual({ a: expected });
  expect(redacted({ preset: 'http', censor }, { password: 'x' })).toEqual({ password: expected });
});

test('an object that a function returns is not changed', () => {
  const shared = { token: 'x' };
  const information = redacted({ preset: 'http', paths: ['user'], censor: () => shared }, { user: 1 });
  expect(information.user).toEqual({ token: { token: 'x' } });
  expect(shared).toEqual({ token: 'x' });
});
