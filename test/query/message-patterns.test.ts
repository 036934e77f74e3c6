/** Patterns of stored records: what is read, what is compared, and where it ends. */
import { describe, expect, test } from 'vitest';
import { openRecordReader, type PatternOptions, parseQuery } from '../../query/index.js';
import { readPatterns } from '../../query/message-patterns.js';
import type { Page } from '../../query/page.js';
import { LoghiveError } from '../../src/errors.js';
import { item, itemList, newStore, openClient, write } from '../consumer/store/database.js';
import { onEnd } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';

async function withReader() {
  const made = await newStore();
  const reader = openRecordReader({ databaseUrl: made.url });
  onEnd(() => reader.close());
  return { ...made, reader };
}

const at = (second: number) => new Date(Date.UTC(2026, 0, 31, 10, 0, second)).toISOString().replace('Z', '000Z');
const everything = parseQuery('');
const named = ({ patterns }: { patterns: readonly { pattern: string; count: number }[] }) =>
  patterns.map(({ pattern, count }) => [pattern, count]);

describe('reading', () => {
  test('covers several pages, and each record counts once', async () => {
    const { reader, store } = await withReader();
    const message = (n: number) => (n % 100 === 0 ? `card ${n} refused` : `order ${n} placed`);
    await write(
      store,
      itemList(2500, (n) => ({ timestamp: at(Math.floor(n / 10)), message: message(n) })),
    );
    const progress: number[] = [];
    const found = await reader.patterns(everything, { onProgress: (records) => progress.push(records) });
    expect(progress).toEqual([1000, 2000, 2500]);
    expect(named(found)).toEqual([
      ['order <number> placed', 2475],
      ['card <number> refused', 25],
    ]);
    expect(found).toMatchObject({ reading: { records: 2500, end: 'all' }, comparison: undefined, ungrouped: 0 });
    const refused = await reader.patterns(parseQuery('refused'), { since: at(100), until: at(200) });
    expect(named(refused)).toEqual([['card <number> refused', 10]]);
  });

  test('ends at the limit, and says to where the newest records were read', async () => {
    const { reader, store } = await withReader();
    await write(
      store,
      itemList(30, (n) => ({ timestamp: at(n), message: n < 10 ? 'old' : 'new' })),
    );
    const found = await reader.patterns(everything, { maxRecords: 20 });
    expect(named(found)).toEqual([['new', 20]]);
    expect(found.reading).toEqual({ records: 20, end: 'records', readTo: at(10) });
    expect((await reader.patterns(everything, { maxRecords: 30 })).reading.end).toBe('all');
  });

  /** Pages of 1000 records, the second of which never comes. */
  function twoPages(second: (signal: AbortSignal | undefined) => Promise<Page>) {
    let pages = 0;
    const records = itemList(1000, (n) => ({ timestamp: at(1000 - n), message: 'same' })).map(({ record }) => record);
    return (_query: unknown, { signal }: PatternOptions): Promise<Page> => {
      pages += 1;
      if (pages > 1) return second(signal);
      return Promise.resolve({ records, next: 'older', previous: undefined, searchedTo: undefined });
    };
  }

  test('that takes too long ends with what was read until then', async () => {
    const timeout = new LoghiveError('LOGHIVE_SEARCH_TIMEOUT', 'PostgreSQL did not finish');
    const found = await readPatterns(
      twoPages(() => Promise.reject(timeout)),
      everything,
      {},
    );
    expect(named(found)).toEqual([['same', 1000]]);
    expect(found.reading).toEqual({ records: 1000, end: 'time', readTo: at(1) });
  });

  test('that is stopped ends with what was read until then, and cancels its statement', async () => {
    const stop = new AbortController();
    const second = (signal: AbortSignal | undefined) =>
      new Promise<Page>((_, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason));
        stop.abort();
      });
    const found = await readPatterns(twoPages(second), everything, { stop: stop.signal });
    expect(found.reading).toEqual({ records: 1000, end: 'stopped', readTo: at(1) });
  });

  test('of which nothing comes in time is an error with what to do, and an aborted one rejects', async () => {
    const { reader, url, sql } = await withReader();
    const client = await openClient(url);
    await client.query('begin; lock table logs.records in access exclusive mode');
    await expect(reader.patterns(everything, { timeoutMs: 200 })).rejects.toMatchObject({
      code: 'LOGHIVE_SEARCH_TIMEOUT',
    });
    const abort = new AbortController();
    const running = reader.patterns(everything, { signal: abort.signal });
    running.catch(() => undefined);
    const RUNNING = `select 1 from pg_stat_activity where application_name = 'loghive' and state = 'active'
      and datname = current_database()`;
    await eventually(async () => expect(await sql(RUNNING)).toHaveLength(1));
    abort.abort(new Error('the reader has gone'));
    await expect(running).rejects.toThrow('the reader has gone');
    expect(await sql(RUNNING)).toEqual([]);
  });
});

describe('new patterns', () => {
  const stored = async () => {
    const made = await withReader();
    const items = [
      ...itemList(5, (n) => ({ timestamp: at(n), message: `order ${n} placed` })),
      item({ timestamp: at(10), message: 'card 1 refused', service: 'till' }),
      // The deployment.
      ...itemList(5, (n) => ({ timestamp: at(100 + n), message: `order ${n} placed` })),
      item({ timestamp: at(110), message: 'card 2 refused' }),
      item({ timestamp: at(111), message: 'card 3 refused', service: 'till' }),
      item({ timestamp: at(112), message: 'x is undefined' }),
    ];
    await write(made.store, items);
    return made.reader;
  };

  test('are those of a service and level that do not occur before', async () => {
    const reader = await stored();
    const found = await reader.patterns(everything, { since: at(100), newOnly: { comparedSince: undefined } });
    expect(found.patterns.map(({ service, pattern }) => [service, pattern])).toEqual([
      ['shop', 'card <number> refused'],
      ['shop', 'x is undefined'],
    ]);
    expect(found).toMatchObject({ reading: { records: 8 }, comparison: { end: 'all', records: 6, known: 2 } });
  });

  test('are compared with a range, or with as many records as are to be read', async () => {
    const reader = await stored();
    const since = at(100);
    const recent = await reader.patterns(everything, { since, newOnly: { comparedSince: at(5) } });
    expect(recent.patterns).toHaveLength(3);
    expect(recent.comparison).toMatchObject({ records: 1, known: 1, end: 'all' });
    const limited = await reader.patterns(everything, { since, newOnly: { comparedSince: undefined }, maxRecords: 8 });
    expect(limited.comparison).toMatchObject({ records: 6, end: 'all' });
  });

  test('are searched for in what was not read, so that a rare one that is older is not taken for a new one', async () => {
    const reader = await stored();
    const found = await reader.patterns(everything, {
      since: at(110),
      maxRecords: 3,
      newOnly: { comparedSince: undefined },
    });
    // Only the three orders before it were read.
    expect(found.comparison).toEqual({ records: 3, end: 'all', readTo: undefined, known: 1 });
    expect(found.patterns.map(({ service, pattern }) => [service, pattern])).toEqual([
      ['shop', 'card <number> refused'],
      ['shop', 'x is undefined'],
    ]);
  });

  test('need no comparison if there are none at all', async () => {
    const reader = await stored();
    const found = await reader.patterns(everything, { since: at(500), newOnly: { comparedSince: undefined } });
    expect(found).toMatchObject({ patterns: [], comparison: undefined });
  });
});
