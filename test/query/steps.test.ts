/** Pages in a table with many records and partitions: complete, in order, and cheap. */
import { beforeAll, describe, expect, test } from 'vitest';
import { matches, type PageOptions, parseQuery } from '../../query/index.js';
import { readIndexes } from '../../query/indexes.js';
import { searchPage } from '../../query/page.js';
import { costOf, DAYS, expectCheap, manyRecords } from './many-records.js';

const ROWS = 60_000;
let table: Awaited<ReturnType<typeof manyRecords>>;

beforeAll(async () => {
  table = await manyRecords(ROWS);
}, 120_000);

async function pageOf(text: string, options: PageOptions) {
  return searchPage(table.statement, 'logs', await readIndexes(table.statement, 'logs'), parseQuery(text), options);
}

/** All records, page by page. */
async function allOf(text: string, options: PageOptions) {
  const records = [];
  let cursor: string | undefined;
  do {
    const page = await pageOf(text, { ...options, cursor });
    records.push(...page.records);
    cursor = page.next;
  } while (cursor !== undefined);
  return records;
}

describe('pages have every matching record once, in order', () => {
  test.each([
    'customer:c-77',
    'customer:c-77 tookMs>=350',
    'refused',
    'trace:r-777',
    'level:error service:service-0 /9\\d/',
    'requestId:r-5,r-11000,"r-300" -service:service-3',
    'nowhere',
  ])('%s', { timeout: 60_000 }, async (text) => {
    const query = parseQuery(text);
    const range = { since: '2026-01-02T00:00:00.000000Z', until: '2026-01-30T12:00:00.000000Z' };
    const everything = await allOf('', { ...range, limit: 50_000 });
    const expected = everything.filter((record) => matches(query, record)).map(({ id }) => id);
    const newestFirst = await allOf(text, { ...range, limit: 25 });
    expect(newestFirst.map(({ id }) => id)).toEqual(expected);
    const oldestFirst = await allOf(text, { ...range, limit: 40, order: 'oldest first' });
    expect(oldestFirst.map(({ id }) => id)).toEqual(expected.reverse());
  });
});

test('the page before a page ends where that one begins, and so on to the newest record', async () => {
  const query = 'customer:c-77 -health';
  const first = await pageOf(query, { limit: 7 });
  const second = await pageOf(query, { limit: 7, cursor: first.next });
  const third = await pageOf(query, { limit: 7, cursor: second.next });
  const back = await pageOf(query, { limit: 7, cursor: third.previous });
  expect(back.records).toEqual(second.records);
  expect((await pageOf(query, { limit: 7, cursor: back.previous })).records).toEqual(first.records);
  expect((await pageOf(query, { limit: 7, cursor: back.next })).records).toEqual(third.records);
  const beforeAll = await pageOf(query, { limit: 7, cursor: first.previous });
  expect(beforeAll.records).toEqual([]);
  expect((await pageOf(query, { limit: 7, cursor: beforeAll.next })).records).toEqual(first.records);
});

describe('a page costs at most 50 times what its records cost by their keys', () => {
  test.each([
    '',
    'service:service-0 level>=error',
    'level>=error',
    'customer:c-77',
    'env:production',
    'customer:c-77 tookMs>=0 -health',
    'answered',
  ])('%j', { timeout: 60_000 }, async (text) => {
    await expectCheap(table, text, { limit: 50 }, 3);
  });

  test('and one with a few records, or none, a few buffers for each partition', async () => {
    for (const text of ['trace:r-777', 'order.id:777', 'trace:nowhere', 'customer:nobody or order.id:5']) {
      const { buffers, page } = await costOf(table, text, { limit: 50 });
      expect(buffers, text).toBeLessThan(DAYS * 30);
      expect(page.next).toBeUndefined();
    }
  });
});

describe('without the index on information', () => {
  test('the index of a field finds numbers and texts', async () => {
    await table.client.query('begin; drop index logs.records_information');
    await table.client.query(
      `create index records_by_order_id on logs.records ((information #>> '{order,id}')) where (information #>> '{order,id}') is not null`,
    );
    await table.client.query('analyze logs.records');
    const known = { information: false, text: false, hasField: (path: readonly string[]) => path.length === 2 };
    const { page, buffers } = await costOf(table, 'order.id:777', { limit: 50 }, known);
    expect(page.records).toHaveLength(3);
    expect(buffers).toBeLessThan(DAYS * 30);
    expect((await costOf(table, 'order.id:7.77e2', { limit: 50 }, known)).page.records).toEqual(page.records);
    expect((await costOf(table, 'order.id:"777"', { limit: 50 }, known)).page.records).toEqual([]);
    await table.client.query('rollback');
  });
});
