import { describe, expect, it } from 'vitest';
import { item, itemList, newStore, storeOn, write } from './database.js';

const count = 'select count(*)::int as n from logs.records';

describe('writing records', () => {
  it('stores every field unchanged', async () => {
    const { store, sql } = await newStore();
    const message = 'tab\t newline\n return\r backslash \\ \\. \\N \\x41 Grüße 漢字 🎉 \u2028';
    const information = JSON.stringify({ path: 'C:\\temp\\new', lines: 'a\nb', quote: '"', emoji: '🎉', empty: '' });
    const timestamp = '2026-01-31T10:30:45.123456Z';
    const one = item({ message, information, timestamp, level: 'CRITICAL', service: 'odd\tname' });
    expect(await write(store, [one])).toEqual({ stored: 1, duplicates: 0, rejected: [] });
    const [row] = await sql(
      `select id, to_char(ts at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as timestamp, service, level, message,
         information from logs.records`,
    );
    expect(row).toEqual({ ...one.record, information: JSON.parse(information) });
  });

  it('stores a batch of records that begin with the end-of-data mark', async () => {
    const { store, sql } = await newStore();
    const items = itemList(3, () => ({ service: '\\.', message: '\\.' }));
    expect((await write(store, items)).stored).toBe(3);
    expect(await sql(`select count(*)::int as n from logs.records where service = '\\.'`)).toEqual([{ n: 3 }]);
  });

  it('does nothing for an empty batch', async () => {
    const store = storeOn('postgres://nobody@127.0.0.1:1/nothing');
    expect(await write(store, [])).toEqual({ stored: 0, duplicates: 0, rejected: [] });
  });

  it('runs overlapping calls one after the other', async () => {
    const { store, sql } = await newStore();
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => write(store, itemList(100))));
    expect(outcomes.every(({ stored }) => stored === 100)).toBe(true);
    expect(await sql(count)).toEqual([{ n: 1000 }]);
  });

  it('stores a record once if it comes twice, across batches and within one', async () => {
    const { store, sql } = await newStore();
    const items = itemList(10);
    await write(store, items);
    const more = itemList(5);
    const outcome = await write(store, [...items, ...more, more[0]!]);
    const again = [...items, more[0]!].map(({ record }) => record);
    expect(outcome).toEqual({ stored: 5, duplicates: 11, duplicateRecords: again, rejected: [] });
    expect(await sql(count)).toEqual([{ n: 15 }]);
  });

  it('stores values in the duplicate path exactly as in the fast one', async () => {
    const { store, sql } = await newStore();
    const message = 'tab\t "quoted" {braces} NULL \\ comma, \n';
    const first = item({ message: 'NULL' });
    const other = item({ message, information: '{"a":"\\"\\\\,{}"}' });
    await write(store, [first]);
    expect(await write(store, [first, other])).toMatchObject({ stored: 1, duplicateRecords: [first.record] });
    const rows = await sql('select message, information from logs.records where id = $1', [other.record.id]);
    expect(rows).toEqual([{ message, information: { a: '"\\,{}' } }]);
  });
});
