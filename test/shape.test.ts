import { expect, test } from 'vitest';
import { errorWordsOf, shapeOf } from '../src/shape.js';

test.each([
  ['payment of order 4711 failed', 'payment of order <number> failed'],
  ['took 1,204.5 ms, limit 999 ms', 'took <number> ms, limit <number> ms'],
  ['took 12ms', 'took <number>ms'],
  ['order-4711 and user_1234567 and item #7', 'order-<number> and <id> and item #<number>'],
  ['record 01993f0e-77aa-7bbb-8ccc-0123456789ab is gone', 'record <id> is gone'],
  ['commit 4f8a2c9d is unknown', 'commit <id> is unknown'],
  ['session a1b2c3d4e5f6 expired', 'session <id> expired'],
  ['worker12 died', 'worker<number> died'],
  ['connect ECONNREFUSED 10.0.0.7:5432', 'connect ECONNREFUSED <address>'],
  ['connect ETIMEDOUT 2001:db8::7:443', 'connect ETIMEDOUT <address>'],
  ['no route to [fe80::1]:80', 'no route to <address>'],
  ['mail to ann.lee+x@example.co.uk bounced', 'mail to <address> bounced'],
  ['GET https://shop.example/orders/17?token=abc failed', 'GET https://<address> failed'],
  ['GET /orders/17/items/3 failed', 'GET /orders/<number>/items/<number> failed'],
  [`no user "Ann Lee", 'bob' or \`carl\``, 'no user <text>, <text> or <text>'],
  ['no user "with \\"quotes\\" inside"', 'no user <text>'],
  [`can't open it, don't ask`, `can't open it, don't ask`],
  ['since 2026-01-31T10:30:45.123Z and 2026-01-31 10:30:45', 'since <time> and <time>'],
  ['at 10:30:45 on 2026-01-31', 'at <time> on <time>'],
  ['invalid utf8, sha256 or base64 in v2 over http2', 'invalid utf8, sha256 or base64 in v2 over http2'],
  ['at 0x7ffe3a1b', 'at <id>'],
  ['  many\n\tblanks   here ', 'many blanks here'],
  ['unable to load std::bad_alloc', 'unable to load std::bad_alloc'],
  ['äöü 17 ß', 'äöü <number> ß'],
  ['', ''],
])('%j is of the shape %j', (message, title) => {
  expect(shapeOf(message).title).toBe(title);
});

test('errors of one shape share a hash; other shapes differ', () => {
  const hashes = (messages: string[]) => new Set(messages.map((message) => shapeOf(message).hash)).size;
  expect(hashes(['order 1 failed', 'order 22 failed', 'order 333 failed'])).toBe(1);
  expect(hashes(['order 1 failed', 'order 1 passed', 'Order 1 failed'])).toBe(3);
  expect(shapeOf('order 1 failed').hash).toMatch(/^[0-9a-f]{16}$/);
});

test('only the first thousand characters matter', () => {
  const long = 'x '.repeat(500);
  expect(shapeOf(`${long}one`)).toEqual(shapeOf(`${long}two`));
});

test('the error of a record distinguishes records with the same message', () => {
  const refused = { name: 'Error', message: 'connect ECONNREFUSED 10.0.0.1:5432' };
  const typed = { name: 'TypeError', message: 'x is undefined' };
  expect(shapeOf('request failed', refused).title).toBe('request failed | Error: connect ECONNREFUSED <address>');
  expect(shapeOf('request failed', typed).hash).not.toBe(shapeOf('request failed', refused).hash);
  // Winston: the message is that of the error.
  expect(shapeOf('x is undefined', typed).title).toBe('x is undefined | TypeError');
  expect(shapeOf('TypeError: x is undefined', typed).title).toBe('TypeError: x is undefined');
});

test('the error is found in the JSON as sent and as PostgreSQL prints it', () => {
  const error = { name: 'TypeError', message: 'x is "undefined"', stack: 'TypeError: x\n  at y' };
  const sent = JSON.stringify({ order: 7, error });
  const stored =
    '{"error": {"name": "TypeError", "stack": "TypeError: x\\n  at y", "message": "x is \\"undefined\\""}, "order": 7}';
  expect(errorWordsOf(sent)).toEqual({ name: 'TypeError', message: 'x is "undefined"' });
  expect(errorWordsOf(stored)).toEqual(errorWordsOf(sent));
  expect(errorWordsOf('{"err":{"message":"no"}}')).toEqual({ name: 'Error', message: 'no' });
  expect(errorWordsOf('{"response":{"error":{"name":"X","message":"no"}}}')).toBeUndefined();
  expect(errorWordsOf('{"error":{"status":500}}')).toBeUndefined();
  expect(errorWordsOf('{"error":"text"}')).toBeUndefined();
});

test.each([
  '"'.repeat(1000),
  "'".repeat(1000),
  'a'.repeat(1000),
  '1:'.repeat(500),
  'a1'.repeat(500),
  '\\"'.repeat(500),
  'a.b@'.repeat(250),
])('the shape of a long text is found quickly: %.10s…', (text) => {
  // A backtracking pattern would exceed the test timeout.
  for (let round = 0; round < 20; round++) expect(shapeOf(`${round}${text}`).title).not.toBe('');
});
