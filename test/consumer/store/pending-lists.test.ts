/** GIN pending lists: their limits, and cleaning them. */
import { expect, test } from 'vitest';
import { PendingListCleanup } from '../../../consumer/pending-list-cleanup.js';
import { openPendingListCleaner } from '../../../consumer/store/index.js';
import { storageUnavailable } from '../../../consumer/store/storage-fault.js';
import { onEnd, uniqueName } from '../../support/use-servers.js';
import { eventually } from '../../support/wait.mjs';
import { item, itemList, newStore, openClient, testConfig, urlAs, write } from './database.js';

const LIMITS = `select relname as name, reloptions as options from pg_class join pg_am on pg_am.oid = relam
  where amname = 'gin' and relkind = 'i' order by relname`;
/** Number of pages that were in the lists: cleaning removes them. */
const PENDING = `select coalesce(sum(gin_clean_pending_list(pg_class.oid)), 0)::int as pages
  from pg_class join pg_am on pg_am.oid = relam where amname = 'gin' and relkind = 'i'`;

function cleanerOf(url: string) {
  const cleaner = openPendingListCleaner(testConfig(url));
  onEnd(() => cleaner.close());
  return cleaner;
}

const records = () => itemList(200, (n) => ({ information: JSON.stringify({ requestId: `r-${n}`, n }) }));

test('a new partition has a list limit of 64 MiB; existing ones get it when lists are cleaned', async () => {
  const { store, sql, url } = await newStore();
  await write(store, records());
  const before = await sql(LIMITS);
  expect(before).toHaveLength(9);
  expect(before.filter(({ options }) => options === null)).toEqual([
    { name: 'records_default_information_idx', options: null },
  ]);
  await cleanerOf(url).cleanPendingLists();
  const after = await sql(LIMITS);
  expect(after.map(({ options }) => options)).toEqual(Array(9).fill(['gin_pending_list_limit=65536']));
});

test('entries of batches are moved into the index', async () => {
  const { store, sql, url } = await newStore();
  const cleaner = cleanerOf(url);
  await write(store, records());
  expect((await sql(PENDING))[0].pages).toBeGreaterThan(0);
  await write(store, records());
  await cleaner.cleanPendingLists();
  expect(await sql(PENDING)).toEqual([{ pages: 0 }]);
  // The connection may be released in between.
  await cleaner.release();
  await write(store, records());
  await cleaner.cleanPendingLists();
  expect(await sql(PENDING)).toEqual([{ pages: 0 }]);
});

test('a limit that a user has set is kept, and nothing changes while a reader holds the index', async () => {
  const { store, sql, url } = await newStore();
  await write(store, records());
  await sql('alter index logs.records_default_information_idx set (gin_pending_list_limit = 1000)');
  const cleaner = cleanerOf(url);
  await cleaner.cleanPendingLists();
  expect((await sql(LIMITS)).at(-1).options).toEqual(['gin_pending_list_limit=1000']);

  await sql('alter index logs.records_default_information_idx reset (gin_pending_list_limit)');
  const reader = await openClient(url);
  await reader.query('begin; select count(*) from logs.records where information @> \'{"n":1}\'');
  await write(store, records());
  const other = cleanerOf(url);
  await other.cleanPendingLists();
  expect((await sql(LIMITS)).at(-1).options).toBeNull();
  expect(await sql(PENDING)).toEqual([{ pages: 0 }]);
});

test('a list whose index is locked does not prevent cleaning the others', async () => {
  const { store, sql, url } = await newStore();
  const cleaner = cleanerOf(url);
  await write(store, records());
  await cleaner.cleanPendingLists();
  const [first, second] = (await sql(LIMITS)).map(({ name }) => `logs.${name}`);
  const later = new Date(Date.now() + 86_400_000).toISOString();
  for (const [locked, free] of [
    [first, second],
    [second, first],
  ]) {
    await write(store, [...records(), ...records().map(({ record }) => item({ ...record, timestamp: later }))]);
    const other = await openClient(url);
    await other.query(`begin; reindex index ${locked}`);
    await expect(cleaner.cleanPendingLists()).rejects.toMatchObject({ sqlstate: '55P03' });
    expect(await sql(`select gin_clean_pending_list('${free}')::int as pages`)).toEqual([{ pages: 0 }]);
    await other.query('rollback');
    await cleaner.cleanPendingLists();
    expect(await sql(PENDING)).toEqual([{ pages: 0 }]);
  }
});

test('a dropped partition does not prevent cleaning the others', async () => {
  const { store, sql, url } = await newStore();
  await write(store, records());
  const names = (await sql(LIMITS)).map(({ name }) => name);
  const cleaner = cleanerOf(url);
  await cleaner.cleanPendingLists();
  await sql(`drop table logs.${names.at(1).replace('_information_idx', '')}`);
  await write(store, records());
  await cleaner.cleanPendingLists();
  expect(await sql(PENDING)).toEqual([{ pages: 0 }]);
});

test('a role that does not own the tables leaves their lists alone without a warning', async () => {
  const { store, sql, url } = await newStore();
  await write(store, records());
  const role = uniqueName('consumer');
  await sql(`create user ${role} password 'secret'; grant usage on schema logs to ${role};
    grant select, insert on all tables in schema logs to ${role}`);
  await cleanerOf(urlAs(url, role, 'secret')).cleanPendingLists();
  expect((await sql(PENDING))[0].pages).toBeGreaterThan(0);
});

test('a table without partitions has one list', async () => {
  const { store, sql, url } = await newStore();
  await sql(`drop table logs.records cascade;
    create table logs.records (id uuid not null, ts timestamptz not null, service text not null, level logs.level not null,
      message text not null, information jsonb not null default '{}', primary key (ts, id));
    create index on logs.records using gin (information jsonb_path_ops)`);
  await write(store, records());
  await cleanerOf(url).cleanPendingLists();
  expect(await sql(PENDING)).toEqual([{ pages: 0 }]);
  expect(await sql(LIMITS)).toMatchObject([{ options: ['gin_pending_list_limit=65536'] }]);
});

function useLists(results: Array<() => Promise<void>> = [], everyMs = 5, onClose: () => void = () => {}) {
  const calls: string[] = [];
  const warnings: string[] = [];
  const lists = new PendingListCleanup({
    everyMs,
    warn: (sentence) => warnings.push(sentence),
    store: {
      cleanPendingLists: () => {
        calls.push('empty');
        return (results.shift() ?? (async () => {}))();
      },
      release: async () => void calls.push('release'),
      close: async () => {
        calls.push('close');
        onClose();
      },
    },
  });
  onEnd(() => lists.stop());
  return { lists, calls, warnings, emptied: () => calls.filter((call) => call === 'empty').length };
}

test('lists are cleaned at the start, after records were stored, and once more at the end', async () => {
  const { lists, calls, emptied } = useLists();
  lists.start();
  await eventually(() => emptied() === 1);
  lists.stored(1);
  await eventually(() => emptied() === 2);
  lists.stored(1);
  await lists.stop();
  expect(calls).toEqual(['empty', 'empty', 'empty', 'close']);
});

test('a failed cleaning is retried', async () => {
  const { lists, emptied } = useLists([
    async () => {
      throw new Error('PostgreSQL is away');
    },
  ]);
  lists.start();
  await eventually(() => emptied() === 2);
  await lists.stop();
  expect(emptied()).toBe(2);
});

test('cleaning does not wait for the end of a burst', async () => {
  const { lists, emptied } = useLists([], 3_600_000);
  lists.start();
  await eventually(() => emptied() === 1);
  lists.stored(19_999);
  expect(emptied()).toBe(1);
  lists.stored(1);
  await eventually(() => emptied() === 2);
});

test('a call in flight at the end is not awaited twice', async () => {
  let end = () => {};
  const untilClosed = () =>
    new Promise<void>((resolve) => {
      end = resolve;
    });
  const { lists, calls, emptied } = useLists([untilClosed], 5, () => end());
  lists.start();
  await eventually(() => emptied() === 1);
  lists.stored(1);
  await lists.stop();
  expect(calls).toEqual(['empty', 'close']);
});

test('lists that cannot be cleaned for long cause one warning, until they can', async () => {
  const refused = async () => {
    throw storageUnavailable('a table is locked.', { sqlstate: '55P03' });
  };
  const away = async () => {
    throw storageUnavailable('nothing listens.');
  };
  const { lists, warnings, emptied } = useLists([
    ...Array(12).fill(away),
    async () => {},
    ...Array(9).fill(refused),
    async () => {},
    ...Array(12).fill(refused),
  ]);
  lists.start();
  await eventually(() => emptied() === 13);
  lists.stored(1);
  await eventually(() => emptied() === 23);
  expect(warnings).toEqual([]);
  lists.stored(1);
  await eventually(() => emptied() === 36);
  expect(warnings).toEqual([expect.stringMatching(/cannot be cleaned up: a table is locked\./)]);
});

test('it can be stopped before it was started', async () => {
  const { lists, calls } = useLists();
  await lists.stop();
  expect(calls).toEqual(['close']);
});
