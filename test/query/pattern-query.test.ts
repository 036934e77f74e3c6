/** Groups of records by shape, and the queries that find them: in memory and in PostgreSQL. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type MessagePattern, matches, openRecordReader, parseQuery } from '../../query/index.js';
import { createPatternGroups } from '../../query/pattern-groups.js';
import type { Level } from '../../src/level.js';
import type { StoredRecord } from '../../src/record.js';
import { errorWordsOf, shapeOf } from '../../src/shape.js';
import { uuidv7 } from '../../src/uuid.js';
import { newStore, write } from '../consumer/store/database.js';
import { onEnd } from '../support/use-servers.js';

let made = 0;
function recordOf(changes: Partial<StoredRecord>): StoredRecord {
  made += 1;
  const id = uuidv7(Date.UTC(2026, 0, 31) * 1000 + made);
  const timestamp = `2026-01-31T10:30:${String(made % 60).padStart(2, '0')}.123456Z`;
  return { id, timestamp, service: 'shop', level: 'ERROR', message: '', information: '{}', ...changes };
}

const errorOf = (name: string, message: string, field = 'error') => JSON.stringify({ [field]: { name, message } });

function queryOf(records: readonly Partial<StoredRecord>[], scope = ''): string {
  const groups = createPatternGroups(parseQuery(scope), 100);
  for (const record of records) groups.add(recordOf(record));
  const list = groups.list();
  expect(list).toHaveLength(1);
  return list[0]!.query;
}

describe('a group', () => {
  test('is a shape in one service and level, with its count and its first and last time', () => {
    const groups = createPatternGroups(parseQuery(''), 100);
    const at = (second: number) => `2026-01-31T10:30:0${second}.000000Z`;
    const records = [
      { message: 'order 2 placed', timestamp: at(3) },
      { message: 'order 1 placed', timestamp: at(1) },
      { message: 'order 3 placed', timestamp: at(2) },
      { message: 'order 4 placed', level: 'INFO' as const, timestamp: at(5) },
      { message: 'order 5 placed', service: 'till', timestamp: at(4) },
      { message: 'order lost', timestamp: at(1) },
    ];
    for (const record of records) groups.add(recordOf(record));
    expect(groups.list()[0]).toEqual({
      shape: shapeOf('order 1 placed').hash,
      pattern: 'order <number> placed',
      service: 'shop',
      level: 'ERROR',
      count: 3,
      first: at(1),
      last: at(3),
      query: 'service:shop level:error /^order -?[\\d.,]+ placed$/',
    });
    expect(groups.list().map(({ service, level, pattern, count }) => [service, level, pattern, count])).toEqual([
      ['shop', 'ERROR', 'order <number> placed', 3],
      // Of equally frequent ones, the one that began first is often the cause.
      ['shop', 'ERROR', 'order lost', 1],
      ['till', 'ERROR', 'order <number> placed', 1],
      ['shop', 'INFO', 'order <number> placed', 1],
    ]);
  });

  test('has the error of its records, as alerts do', () => {
    const groups = createPatternGroups(parseQuery(''), 100);
    for (const host of [1, 2]) {
      const information = errorOf('Error', `connect ECONNREFUSED 10.0.0.${host}:5432`);
      groups.add(recordOf({ message: 'request failed', information }));
    }
    groups.add(recordOf({ message: 'request failed', information: errorOf('TypeError', 'x is undefined') }));
    expect(groups.list().map(({ pattern, count }) => [pattern, count])).toEqual([
      ['request failed | Error: connect ECONNREFUSED <address>', 2],
      ['request failed | TypeError: x is undefined', 1],
    ]);
  });

  test('is not kept if there are too many others, but its records are counted', () => {
    const groups = createPatternGroups(parseQuery(''), 2);
    for (const message of ['a', 'b', 'c', 'b', 'd']) groups.add(recordOf({ message }));
    expect(groups.list().map(({ pattern, count }) => [pattern, count])).toEqual([
      ['b', 2],
      ['a', 1],
    ]);
    expect([groups.size, groups.ungrouped]).toEqual([2, 2]);
  });
});

describe('the query of a group', () => {
  test.each<[string, string]>([
    ['card refused', '/^card refused$/'],
    ['payment of order 4711 failed', '/^payment of order -?[\\d.,]+ failed$/'],
    ['took 12ms', '/^took -?[\\d.,]+ms$/'],
    ['connect ECONNREFUSED 10.0.0.7:5432', '/^connect ECONNREFUSED \\S+$/'],
    ['GET https://shop/orders/17 failed (1)', '/^GET https:\\/\\/\\S+ failed \\(-?[\\d.,]+\\)$/'],
    ['no user "Ann Lee"', '/^no user .+$/'],
    ['at 2026-01-31T10:30:45Z', '/^at [-+\\d:.,TZ\\s]+$/'],
    ['session a1b2c3d4e5f6 expired', '/^session [\\w-]+ expired$/'],
    ["can't open it", '/^can.t open it$/'],
    ['\x1b[31mred\x1b[0m', '/^\\x1b\\[[\\w-]+\\x1b\\[-?[\\d.,]+m$/'],
    ['', '/^$/'],
  ])('%j', (message, expression) => {
    expect(queryOf([{ message }])).toBe(`service:shop level:error ${expression}`);
  });

  test('names the error, where the record has it', () => {
    const message = 'request failed';
    const information = errorOf('Error', 'connect ECONNREFUSED 10.0.0.1:5432');
    expect(queryOf([{ message, information }])).toBe(
      'service:shop level:error /^request failed$/ error.name:Error error.message:/^connect ECONNREFUSED \\S+/',
    );
    const pino = errorOf('TypeError', 'x is undefined', 'err');
    expect(queryOf([{ message: 'x is undefined', information: pino }])).toBe(
      'service:shop level:error /^x is undefined$/ err.name:TypeError',
    );
  });

  test('has what the grouped records were searched for, if that is more than service and level', () => {
    const record = { message: 'card refused', information: '{"tier":"gold"}' };
    const own = 'service:shop level:error /^card refused$/';
    expect(queryOf([record], 'level>=warning service:shop,till')).toBe(own);
    expect(queryOf([record], 'tier:gold -health')).toBe(`${own} tier:gold -health`);
    expect(queryOf([record], 'tier:gold or refused')).toBe(`${own} (tier:gold or refused)`);
  });

  test.each<[string, readonly string[], RegExp]>([
    ['spaces differ', ['card  refused', 'card\nrefused', ' card refused'], / \/\^\\s\*card\\s\+refused\/$/],
    ['spaces are not those of ASCII', ['card\u00a0refused'], / "card" "refused"$/],
    ['a message has the name of a placeholder', ['order <number> placed', 'order 7 placed'], / "order" "placed"$/],
    ['a message is longer than its shape', [`begin ${'x'.repeat(2000)}`], / \/\^begin x+\/$/],
    ['there are many values', ['in "a", "b", "c", "d"'], / \/\^in \.\+, \.\+, \/$/],
  ])('is less precise if %s', (_reason, messages, words) => {
    const query = queryOf(messages.map((message) => ({ message })));
    expect(query).toMatch(words);
    for (const message of messages) expect(matches(parseQuery(query), recordOf({ message }))).toBe(true);
  });

  test('finds the records of a service whose name needs quotes', () => {
    const service = 'a "b" \\c';
    const query = queryOf([{ message: 'x', service }]);
    expect(matches(parseQuery(query), recordOf({ message: 'x', service }))).toBe(true);
  });
});

const value = fc.oneof(
  fc.integer().map(String),
  fc.constantFrom('1,204.5', '<number>', '12ms', 'a1b2c3d4e5f6', 'user_1234567', 'utf8', '0x7ffe3a1b', '-7'),
  fc.constantFrom('10.0.0.7:443', 'ann.lee@example.com', 'https://shop/a?b=1', 'fe80::1', '[fe80::1]:80'),
  fc.constantFrom('"Ann Lee"', "'bob'", '`x y`', '"a \\" b"', "it's", '""', '"unclosed'),
  fc.constantFrom('2026-01-31T10:30:45.123Z', '2026-01-31t10:30z', '10:30:45', '2026-01-31'),
  fc.uuid(),
  fc.constantFrom('card', 'Refused', '(x)', '[1]', 'a|b', '100%', 'a_b', 'C:\\temp', '$1', '^', '.*', '{1}', 'ä', '😀'),
  fc.string({ maxLength: 4 }),
);
const space = fc.constantFrom(' ', ' ', ' ', ' ', '  ', '\n', '\u00a0', '-', '=', ', ', '');
const template = fc.constantFrom(
  (a: string, b: string) => `payment of order ${a} failed for ${b}`,
  (a: string, b: string) => `${a} ${b}`,
  (a: string, b: string) => `GET /orders/${a}/items/${b}`,
  (a: string, b: string) => `key=${a} value=${b}ms`,
  (a: string, b: string) => `${a.repeat(120)} ${b}`,
  (a: string, b: string) => `${'long '.repeat(199)}${a}${b} ${'end '.repeat(30)}`,
  (a: string, b: string) => `${`${a},`.repeat(15)}${b}`,
);
const message = fc.oneof(
  fc.tuple(template, value, value).map(([write, a, b]) => write(a, b)),
  fc.array(fc.tuple(value, space), { maxLength: 6 }).map((parts) => parts.flat().join('')),
);
const information = fc.oneof(
  fc.constant('{}'),
  fc
    .tuple(fc.constantFrom('TypeError', 'Error', 'a b"c', ''), message, fc.constantFrom('error', 'err'))
    .map(([name, text, field]) => errorOf(name, text, field)),
  fc.constant('{"error": {"message": "no name"}}'),
);
/** As they are stored: without what PostgreSQL does not take. */
const clean = (text: string) => text.replaceAll('\0', '␀').replace(/\p{Cs}/gu, '\ufffd');
const record = fc
  .record({
    service: fc.constantFrom('shop', 'my "till"'),
    level: fc.constantFrom<Level>('INFO', 'ERROR'),
    message: message.map(clean),
    information: information.map((json) => clean(json).replaceAll('\\u0000', '')),
  })
  .map(recordOf);
const scope = fc.constantFrom('', '', 'level>=info', '-zzz', 'order or e or a', 'service:shop');

test('it finds each record of its group, in memory and in PostgreSQL', { timeout: 120_000 }, async () => {
  const { store, url } = await newStore();
  const reader = openRecordReader({ databaseUrl: url });
  onEnd(() => reader.close());
  const all = fc.sample(fc.tuple(fc.array(record, { minLength: 1, maxLength: 30 }), scope), { numRuns: 40, seed: 16 });
  const items = all.flatMap(([records]) => records).map((each) => ({ record: each, raw: Buffer.from('') }));
  expect((await write(store, items)).rejected).toEqual([]);
  let precise = 0;
  let groupCount = 0;
  for (const [records, scopeText] of all) {
    const query = parseQuery(scopeText);
    const members = records.filter((each) => matches(query, each));
    const groups = createPatternGroups(query, 1000);
    for (const each of members) groups.add(each);
    let counted = 0;
    for (const group of groups.list()) {
      const { count, query: text } = group;
      const ofGroup = members.filter((each) => isOf(each, group));
      const made = parseQuery(text);
      for (const each of ofGroup) expect(matches(made, each), `${text}\n${each.message}`).toBe(true);
      const { records: found } = await reader.page(made, { limit: 10_000 });
      const ids = new Set(found.map(({ id }) => id));
      for (const each of ofGroup) expect(ids.has(each.id), `${text}\n${each.message}`).toBe(true);
      counted += count;
      groupCount += 1;
      if (text.includes('/^')) precise += 1;
    }
    expect(counted).toBe(members.length);
  }
  expect(precise).toBeGreaterThan(groupCount / 2);
});

function isOf({ message, information, ...place }: StoredRecord, { shape, service, level }: MessagePattern): boolean {
  const isOfShape = shapeOf(message, errorWordsOf(information)).hash === shape;
  return isOfShape && place.service === service && place.level === level;
}
