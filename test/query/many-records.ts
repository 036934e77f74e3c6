/** Many records over 30 days, and how much of the table a search reads. */
import type pg from 'pg';
import { expect } from 'vitest';
import { parseQuery } from '../../query/index.js';
import { readIndexes, type SearchIndexes } from '../../query/indexes.js';
import { type Page, type PageOptions, searchPage } from '../../query/page.js';
import type { Statement } from '../../query/read-only.js';
import { newStore, openClient, type TestStore } from '../consumer/store/database.js';

export const DAYS = 30;
/** The newest record is one second older than this. */
export const END = '2026-01-31T00:00:00.000000Z';
const FIRST_DAY = '2026-01-01';

/** An hour before the end. */
export const LAST_HOUR = { since: '2026-01-30T23:00:00.000000Z' };

/**
 * Per 1,000 records: 20 services, 10 errors, one record of each `customer`. A request has 5 records of two services.
 * `env` is the same in all of them.
 */
const ROWS = `
  insert into logs.records (id, ts, service, level, message, information)
  select gen_random_uuid(), ts, 'service-' || n % 20,
    (case when n % 100 = 0 then 'ERROR' when n % 25 = 0 then 'WARNING' when n % 10 = 3 then 'DEBUG' else 'INFO' end)::logs.level,
    'request ' || n || ' of customer ' || n % 1000 || case when n % 10000 = 0 then ' was refused' else ' was answered' end,
    jsonb_build_object('requestId', 'r-' || n / 5, 'customer', 'c-' || n % 1000, 'tookMs', n % 700, 'env', 'production',
      'order', jsonb_build_object('id', n / 3), 'hostname', 'host-' || n % 7)
  from generate_series($1::int8, $2::int8 - 1) n
  cross join lateral (select '${FIRST_DAY}'::timestamptz + n * ($3::float8 * interval '1 second') as ts) as at`;

/** A table with a partition for each day, as the consumer makes them. */
export async function manyRecords(count: number): Promise<TestStore & { client: pg.Client; statement: Statement }> {
  const made = await newStore();
  const { sql, url } = made;
  for (let day = 0; day < DAYS; day++) {
    const [from, to] = [day, day + 1].map((n) => `'${FIRST_DAY} 00:00:00Z'::timestamptz + interval '${n} days'`);
    await sql(`do $$ begin execute format('create table logs.records_day_${day} partition of logs.records
      for values from (%L) to (%L)', ${from}, ${to}); end $$`);
  }
  // An index is built several times faster from all rows at once.
  await sql('drop index logs.records_information');
  const step = Math.ceil(count / 20);
  for (let from = 0; from < count; from += step) {
    await sql(ROWS, [from, Math.min(count, from + step), (DAYS * 86_400) / count]);
  }
  await sql('create index records_information on logs.records using gin (information jsonb_path_ops)');
  await sql('vacuum analyze logs.records');
  const client = await openClient(url);
  await client.query(`set timezone = 'UTC'`);
  const statement: Statement = async <Row>(text: string, values: readonly unknown[]) =>
    (await client.query(text, [...values])).rows as Row[];
  return { ...made, client, statement };
}

interface Plan {
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
}

/** Buffers that PostgreSQL looks at to run the statement. */
export async function buffersOf(client: pg.Client, text: string, values: readonly unknown[]): Promise<number> {
  const { rows } = await client.query(`explain (analyze, buffers, format json) ${text}`, [...values]);
  const plan = rows[0]['QUERY PLAN'][0].Plan as Plan;
  return plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
}

export interface Cost {
  readonly page: Page;
  readonly buffers: number;
  readonly statements: number;
}

/** One page of a query, and what it costs. */
export async function costOf(
  { client, statement }: { client: pg.Client; statement: Statement },
  text: string,
  options: PageOptions,
  indexes?: SearchIndexes,
): Promise<Cost> {
  let buffers = 0;
  let statements = 0;
  const counting: Statement = async (sql, values) => {
    buffers += await buffersOf(client, sql, values);
    statements += 1;
    return statement(sql, values);
  };
  const known = indexes ?? (await readIndexes(statement, 'logs'));
  const page = await searchPage(counting, 'logs', known, parseQuery(text), options);
  return { page, buffers, statements };
}

/** What it costs to read the records of the page one by one, by their keys. */
export async function costByKey({ client }: { client: pg.Client }, { records }: Page): Promise<number> {
  let buffers = 0;
  for (const { timestamp, id } of records) {
    buffers += await buffersOf(client, 'select * from logs.records where ts = $1::timestamptz and id = $2::uuid', [
      timestamp,
      id,
    ]);
  }
  return buffers;
}

/** The promise of the documents: a page costs at most this many times what its records cost by their keys. */
const MAX_RATIO = 50;

/** @param pages to read, one after the other. @returns the costs as ratios. */
export async function expectCheap(
  table: { client: pg.Client; statement: Statement },
  text: string,
  options: PageOptions,
  pages = 1,
): Promise<number[]> {
  const ratios: number[] = [];
  let cursor: string | undefined;
  for (let at = 0; at < pages; at++) {
    const cost = await costOf(table, text, { ...options, cursor });
    const byKey = await costByKey(table, cost.page);
    const ratio = cost.buffers / byKey;
    ratios.push(ratio);
    expect(ratio, `${text}, page ${at + 1}: ${cost.buffers} buffers, ${byKey} by key`).toBeLessThanOrEqual(MAX_RATIO);
    cursor = cost.page.next;
    if (cursor === undefined) break;
  }
  return ratios;
}
