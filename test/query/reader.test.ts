/** Reading: limits of time, cancellation, counts, names, and warnings. */
import { describe, expect, test } from 'vitest';
import { openRecordReader, parseQuery } from '../../query/index.js';
import { DEFAULT_INDEXES } from '../../query/indexes.js';
import { searchPage } from '../../query/page.js';
import type { Statement } from '../../query/read-only.js';
import { warningsFor } from '../../query/warnings.js';
import { item, itemList, newStore, openClient, write } from '../consumer/store/database.js';
import { onEnd, useProxy } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';

async function withReader() {
  const made = await newStore();
  const reader = openRecordReader({ databaseUrl: made.url });
  onEnd(() => reader.close());
  return { ...made, reader };
}

const at = (minute: number) => `2026-01-31T10:${String(minute).padStart(2, '0')}:00.000000Z`;

describe('a search that takes long', () => {
  /** Every search waits for this lock. */
  async function locked(url: string) {
    const client = await openClient(url);
    await client.query('begin; lock table logs.records in access exclusive mode');
    return client;
  }
  const RUNNING = `select count(*)::int as n from pg_stat_activity
    where datname = current_database() and application_name = 'loghive' and state = 'active' and query ~ 'records'`;

  test('is canceled on the server when its signal is aborted, and the reader works on', async () => {
    const { reader, url, sql } = await withReader();
    const client = await locked(url);
    const abort = new AbortController();
    const page = reader.page(parseQuery('card'), { signal: abort.signal });
    page.catch(() => undefined);
    await eventually(async () => expect(await sql(RUNNING)).toEqual([{ n: 1 }]));
    abort.abort(new Error('the reader has gone'));
    await expect(page).rejects.toThrow('the reader has gone');
    expect(await sql(RUNNING)).toEqual([{ n: 0 }]);
    await client.query('rollback');
    expect((await reader.page(parseQuery('card'))).records).toEqual([]);
  });

  test('ends at its time limit, with what to do', async () => {
    const { reader, url, sql } = await withReader();
    await locked(url);
    await expect(reader.count(parseQuery('card'), { timeoutMs: 200 })).rejects.toMatchObject({
      code: 'LOGHIVE_SEARCH_TIMEOUT',
      message: expect.stringMatching(/within 0.2 s\. Search a shorter range of time/),
    });
    expect(await sql(RUNNING)).toEqual([{ n: 0 }]);
  });

  test('keeps its connection after a time limit', async () => {
    const { reader, url, sql } = await withReader();
    const sessions = () =>
      sql(
        `select pid from pg_stat_activity where datname = current_database() and application_name = 'loghive' order by pid`,
      );
    await reader.services();
    const before = await sessions();
    const client = await locked(url);
    await expect(reader.count(parseQuery('card'), { timeoutMs: 200 })).rejects.toThrow(/within 0.2 s/);
    await client.query('rollback');
    await reader.services();
    expect(await sessions()).toEqual(before);
  });

  test('ends on the server when the connection is lost', async () => {
    const { url, sql } = await withReader();
    await locked(url);
    const proxy = await useProxy(url);
    const reader = openRecordReader({ databaseUrl: proxy.url(url) });
    onEnd(() => reader.close());
    const page = reader.page(parseQuery('card'));
    page.catch(() => undefined);
    await eventually(async () => expect(await sql(RUNNING)).toEqual([{ n: 1 }]));
    await proxy.refuse();
    await proxy.reset();
    await expect(page).rejects.toMatchObject({ code: 'LOGHIVE_STORAGE_UNAVAILABLE' });
    // Long before its time limit of 30 s.
    await eventually(async () => expect(await sql(RUNNING)).toEqual([{ n: 0 }]));
  });

  test('returns what it found until then, and a cursor to continue', async () => {
    const found = { ...item().record, size: 505, spanS: 10, endTime: at(5), endId: item().record.id };
    let statements = 0;
    const statement = (async () => {
      statements += 1;
      if (statements > 1) throw Object.assign(new Error('canceling statement'), { code: '57014' });
      return [found];
    }) as unknown as Statement;
    const page = await searchPage(statement, 'logs', DEFAULT_INDEXES, parseQuery('card'), { limit: 100 });
    expect(page).toMatchObject({
      records: [{ id: found.id }],
      searchedTo: at(5),
      next: `older.${at(5)}.${found.endId}`,
    });
  });
});

test('a wrong cursor, time or address is refused', async () => {
  const { reader } = await withReader();
  const query = parseQuery('');
  await expect(reader.page(query, { cursor: 'older.x' })).rejects.toThrow(/option "cursor" is "older.x", expected/);
  await expect(reader.page(query, { since: 'yesterday' })).rejects.toMatchObject({ code: 'LOGHIVE_INVALID_OPTION' });
  await expect(reader.count(query, { until: '2026-01-31T10:00:00' })).rejects.toThrow(/with its time zone/);
  expect(() => openRecordReader({ databaseUrl: 'mysql://h/db' })).toThrow(/expected postgres/);
});

test('times may have any time zone, and the range excludes its end', async () => {
  const { reader, store } = await withReader();
  await write(
    store,
    itemList(5, (n) => ({ timestamp: at(n) })),
  );
  const range = { since: '2026-01-31T12:01:00+02:00', until: at(3) };
  const { records } = await reader.page(parseQuery(''), { ...range, order: 'oldest first' });
  expect(records.map(({ timestamp }) => timestamp)).toEqual([at(1), at(2)]);
  expect(await reader.count(parseQuery('message'), range)).toBe(2);
});

test('records are shown with those of the same service around them', async () => {
  const { reader, store } = await withReader();
  const items = itemList(20, (n) => ({ timestamp: at(n), message: `${n}`, service: n % 2 === 0 ? 'shop' : 'till' }));
  await write(store, items);
  const { before, after } = await reader.surroundings(items[10]!.record, 3);
  expect(before.map(({ message }) => message)).toEqual(['4', '6', '8']);
  expect(after.map(({ message }) => message)).toEqual(['12', '14', '16']);
});

test('a histogram has a bar for each step of a round length, by level', async () => {
  const { reader, store } = await withReader();
  await write(
    store,
    itemList(30, (n) => ({ timestamp: at(n), level: n < 10 ? 'ERROR' : 'INFO' })),
  );
  const { stepS, bars } = await reader.histogram(parseQuery('service:shop'), {
    since: at(0),
    until: at(40),
    maxBars: 10,
  });
  expect(stepS).toBe(300);
  expect(bars).toHaveLength(8);
  expect(bars[1]).toEqual({ start: at(5), counts: { DEBUG: 0, INFO: 0, WARNING: 0, ERROR: 5, CRITICAL: 0 } });
  expect(bars[7]).toMatchObject({ start: at(35), counts: { INFO: 0, ERROR: 0 } });
  const all = await reader.histogram(parseQuery('level:error'), {});
  expect(all.bars.at(0)?.start).toBe(at(0));
  expect(all.bars.reduce((sum, { counts }) => sum + counts.ERROR, 0)).toBe(10);
  expect(await reader.histogram(parseQuery('nowhere'), {})).toMatchObject({ bars: [] });
});

test('names of services and fields are known for completion', async () => {
  const { reader, store } = await withReader();
  await store.saveServices(['announced']);
  const information = '{"order":{"id":7},"http.status":200,"a b":1,"list":[1],"esc\\u001b[2J":1}';
  await write(store, [...itemList(3, () => ({ information })), item({ service: 'till' }), item({ service: 'admin' })]);
  expect(await reader.services()).toEqual(['admin', 'announced', 'shop', 'till']);
  const fields = await reader.fieldNames();
  expect([...fields].sort()).toEqual(['"a b"', 'http.status', 'list', 'order', 'order.id']);
  for (const name of fields) expect(parseQuery(`exists:${name}`).condition.type).toBe('field');
});

describe('warnings', () => {
  const MANY = 50_000_000;
  const warn = (text: string, changes = {}, records = MANY) =>
    warningsFor(parseQuery(text), { ...DEFAULT_INDEXES, ...changes }, records);

  test.each([
    '',
    'service:shop',
    'level>=error',
    'service:shop level:critical',
    'order:7',
    'trace:x card',
    '(a:1 or b:2) -card',
  ])('there are none for what an index serves: %s', (text) => {
    expect(warn(text)).toEqual([]);
  });

  test('name what no index serves, and what would make it fast', () => {
    expect(warn('card')).toEqual([
      'No index finds a text in the message: the 50 million records in this time range are read until there are enough matches. Faster: a service or level>=error in addition, or an index on the message (loghive migrate --with-text-search), or a shorter range of time.',
    ]);
    expect(warn('card', { text: true })).toEqual([]);
    expect(warn('ab', { text: true })[0]).toMatch(/three letters/);
    expect(warn('tookMs>500')[0]).toMatch(/other than by equality/);
    expect(warn('order:7', { information: false })[0]).toMatch(/INDEX_FIELDS/);
    expect(warn('card', {}, 10_000)).toEqual([]);
  });

  test('name fields that are not searched, because only others have an index', () => {
    const hasField = (path: readonly string[]) => path.join('.') === 'requestId';
    expect(warn('id:r-7', { information: false, hasField })).toEqual([
      'Only requestId has an index, so reqId, request_id, req.id, trace_id, traceId, id are not searched (INDEX_FIELDS, INDEX_INFORMATION).',
    ]);
  });

  test('of a reader come from its table', async () => {
    const { reader, sql } = await withReader();
    expect(await reader.warnings(parseQuery('card'))).toEqual([]);
    await sql(`update pg_class set reltuples = 5e6 where oid = 'logs.records_default'::regclass`);
    expect(await reader.warnings(parseQuery('card'))).toHaveLength(1);
    expect(await reader.warnings(parseQuery('order:7'))).toEqual([]);
  });
});
