/** The index on the text of messages: `loghive migrate --with-text-search`. */
import { expect, test } from 'vitest';
import { buildTextIndex } from '../../../consumer/store/index.js';
import { openRecordReader, parseQuery } from '../../../query/index.js';
import { onEnd } from '../../support/use-servers.js';
import { item, newStore, testConfig, write } from './database.js';

test('is built on every partition, and then searches for words use it', async () => {
  const { url, store, sql } = await newStore();
  await write(store, [item({ message: 'Card refused' })]);
  expect(await buildTextIndex(testConfig(url))).toBe(true);
  expect(await buildTextIndex(testConfig(url))).toBe(false);
  const [{ parts, partitions }] = await sql(`select
    (select count(*) from pg_inherits where inhparent = 'logs.records_message'::regclass)::int as parts,
    (select count(*) from pg_inherits where inhparent = 'logs.records'::regclass)::int as partitions`);
  expect(parts).toBe(partitions);
  await sql(`insert into logs.records select gen_random_uuid(), now() - n * interval '1 s', 'shop', 'INFO', 'paid ' || n, '{}'
    from generate_series(1, 20000) n`);
  await sql('vacuum analyze logs.records');
  const plan = await sql(`explain select * from logs.records where message ilike '%refused%'`);
  expect(plan.map((row) => row['QUERY PLAN']).join('\n')).toMatch(/Bitmap Index Scan/);
  const reader = openRecordReader({ databaseUrl: url });
  onEnd(() => reader.close());
  const { records } = await reader.page(parseQuery('REFUSED'));
  expect(records.map(({ message }) => message)).toEqual(['Card refused']);
});

test('says what to do if the user may not install the extension', async () => {
  const { url, name, sql } = await newStore();
  await sql(`create role trigram_${name} login password 'secret'; grant usage on schema logs to trigram_${name}`);
  onEnd(() => sql(`drop owned by trigram_${name}; drop role trigram_${name}`));
  const own = new URL(url);
  own.username = `trigram_${name}`;
  own.password = 'secret';
  await expect(buildTextIndex(testConfig(own.href))).rejects.toMatchObject({
    code: 'LOGHIVE_MIGRATION_FAILED',
    message: expect.stringContaining('create extension pg_trgm'),
  });
});
