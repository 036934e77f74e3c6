/** `loghive partitions`. */
import { expect, test } from 'vitest';
import { item, newStore, write } from '../consumer/store/database.js';
import { loghive } from './run-loghive.js';

const DAY_MS = 86_400_000;
const noon = Date.parse('2024-03-01T12:00:00Z');
const on = (offset: number) => item({ timestamp: new Date(noon + offset * DAY_MS).toISOString() });

test('loghive partitions lists days with rows and size, including the default partition and manually created ones', {
  timeout: 60_000,
}, async () => {
  const { store, url, sql } = await newStore({}, () => noon);
  await sql(`create table logs.past partition of logs.records for values from (minvalue) to ('2023-01-01 00:00+00');
    create table logs."H 1" partition of logs.records for values from ('2023-01-01 00:00+00') to ('2023-07-01 00:00+00')`);
  await write(store, [on(0), on(0), on(-1), on(20), on(-5000)]);
  const { code, stdout, stderr } = await loghive(['partitions', '--exact', '--database-url', url]);
  expect([code, stderr]).toEqual([0, []]);
  expect(stdout[0]).toMatch(/^DAYS \(UTC\) +ROWS +SIZE +PARTITION$/);
  const rows = stdout.slice(1).map((line) => line.replace(/ +[\d.]+ [KMG]?i?B(?= |$)/, '').split(/ {2,}/));
  expect(rows).toEqual([
    ['others', '1', 'records_default'],
    ['before 2023-01-01', '1', 'past'],
    ['2023-01-01 to 2023-06-30', '0', 'H 1'],
    ['2024-02-29', '1', 'records_20240229'],
    ['2024-03-01', '2', 'records_20240301'],
    ...[2, 3, 4, 5, 6, 7, 8].map((date) => [`2024-03-0${date}`, '0', `records_2024030${date}`]),
    ['all', '5'],
  ]);
  const json = await loghive(['partitions', '--exact', '-o', 'json', '--database-url', url]);
  const found = json.stdout.map((line) => JSON.parse(line));
  expect(found).toHaveLength(rows.length - 1);
  expect(found[0]).toMatchObject({
    name: 'records_default',
    default: true,
    from: null,
    to: null,
    rows: 1,
    exact: true,
  });
  expect(found[1]).toMatchObject({ name: 'past', default: false, from: null, to: '2023-01-01T00:00:00.000Z' });
  expect(found.every(({ bytes }) => bytes > 0)).toBe(true);
  await sql('analyze logs.records');
  const estimated = await loghive(['partitions', '-o', 'json', '--database-url', url]);
  expect(estimated.stdout.map((line) => JSON.parse(line).rows)).toEqual(found.map(({ rows: n }) => n));
});

test('an unpartitioned table is one line, and a missing one is reported', async () => {
  const { url, sql } = await newStore();
  await sql(
    `drop table logs.records cascade; create table logs.records (ts timestamptz); insert into logs.records values (now())`,
  );
  const { stdout } = await loghive(['partitions', '--exact', '--database-url', url]);
  expect(stdout.map((line) => line.replace(/ +[\d.]+ [KMG]?i?B(?= |$)/, '').split(/ {2,}/))).toEqual([
    ['DAYS (UTC)', 'ROWS', 'SIZE', 'PARTITION'],
    ['all', '1', 'records'],
    ['all', '1'],
  ]);
  await sql('drop table logs.records');
  expect(await loghive(['partitions', '--database-url', url])).toMatchObject({
    code: 1,
    stdout: [],
    stderr: [
      expect.stringMatching(/^loghive: PostgreSQL: schema logs of database .* lacks .* Run "loghive migrate"\.$/),
    ],
  });
});

test('loghive partitions reports an unreachable database and usage errors', async () => {
  expect(await loghive(['partitions', '--database-url', 'postgres://u:secret@127.0.0.1:1/d'])).toEqual({
    code: 1,
    stdout: [],
    stderr: ['loghive: PostgreSQL: nothing listens at 127.0.0.1:1. Start PostgreSQL there, or correct host and port.'],
  });
  expect(await loghive(['partitions', 'all'])).toMatchObject({ code: 2, stdout: [] });
});
