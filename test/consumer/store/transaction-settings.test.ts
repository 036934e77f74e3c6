/** Settings of transactions, as a trigger sees them, whatever the role and the database configure. */
import { describe, expect, it } from 'vitest';
import { uniqueName } from '../../support/use-servers.js';
import { item, itemList, newStore, storeOn, urlAs, write } from './database.js';

/** Every table logs the settings of each statement that writes to it. */
const NOTE_SETTINGS = `
  create table public.seen (by_table text, name text, setting text);
  create function public.see() returns trigger language plpgsql security definer as $$ begin
    insert into public.seen select tg_table_name, name, setting from pg_catalog.pg_settings where name in (
      'TimeZone', 'DateStyle', 'client_encoding', 'standard_conforming_strings', 'statement_timeout', 'lock_timeout',
      'idle_in_transaction_session_timeout', 'transaction_timeout', 'synchronous_commit', 'transaction_isolation');
    return null; end $$;
  create trigger see after insert on logs.records for each statement execute function public.see();
  create trigger see after insert on logs.dead_letters for each statement execute function public.see();
  create trigger see after insert on logs.services for each statement execute function public.see()`;

const HOSTILE = {
  TimeZone: 'Asia/Tokyo',
  DateStyle: 'SQL, DMY',
  client_encoding: 'LATIN1',
  standard_conforming_strings: 'off',
  statement_timeout: '400ms',
  lock_timeout: '300ms',
  idle_in_transaction_session_timeout: '500ms',
  synchronous_commit: 'off',
  default_transaction_isolation: 'repeatable read',
  default_transaction_deferrable: 'on',
  search_path: 'nowhere',
  escape_string_warning: 'off',
  bytea_output: 'escape',
  IntervalStyle: 'sql_standard',
  array_nulls: 'off',
  row_security: 'on',
  quote_all_identifiers: 'on',
  extra_float_digits: '-15',
};

const alterations = (what: string, settings: Record<string, string>) =>
  Object.entries(settings)
    .map(([name, value]) => `alter ${what} set ${name} = '${value}'`)
    .join('; ');

const letter = {
  raw: Buffer.from('a \\ of bytes'),
  code: 'invalid',
  reason: 'it is not JSON',
  attempts: 1,
  queue: 'shop_info_logs',
  routingKey: 'shop.info',
  headers: { note: 'C:\\temp' },
};

describe('settings of a role or a database', () => {
  it.each([
    ['of the database', (name: string) => `database ${name}`],
    ['of the role', (_: string, role: string) => `role ${role}`],
  ])('%s change nothing about how anything is stored', async (_, whose) => {
    const { sql, url, name } = await newStore();
    const role = uniqueName('role');
    await sql(`create role ${role} login superuser password 'x'`);
    await sql(alterations(whose(name, role), { ...HOSTILE, ...(await transactionTimeout(sql)) }));
    const store = storeOn(urlAs(url, role, 'x'));
    await sql(NOTE_SETTINGS);
    const old = itemList(3);
    const message = 'Grüße C:\\temp 漢字';
    const one = item({ message, timestamp: '2026-01-31T10:30:45.123456Z' });
    // By COPY alone, by COPY with a dead letter, around a duplicate, around a bad record, a dead letter alone, and a
    // service.
    await write(store, old);
    await write(store, [one], { letters: [letter] });
    expect(await write(store, [...old, item()])).toMatchObject({ stored: 1, duplicates: 3 });
    await write(store, [...itemList(3), item({ message: '\\0' }), item({ information: '{"a":"\\\\u0000"}' })]);
    await write(store, [], { letters: [letter] });
    expect(await store.saveServices(['shop'])).toBeUndefined();
    expect(await store.services()).toEqual(['shop']);
    await store.probe();

    const seen = await sql('select by_table, name, array_agg(distinct setting) as settings from seen group by 1, 2');
    const of = (table: string) =>
      Object.fromEntries(seen.filter((row) => row.by_table === table).map((row) => [row.name, row.settings.join()]));
    const expected = {
      TimeZone: 'UTC',
      DateStyle: 'ISO, DMY',
      client_encoding: 'UTF8',
      standard_conforming_strings: 'on',
      statement_timeout: '10000',
      lock_timeout: '0',
      idle_in_transaction_session_timeout: '60000',
      synchronous_commit: 'on',
      transaction_isolation: 'read committed',
    };
    expect(of('records')).toMatchObject(expected);
    expect(of('dead_letters')).toMatchObject(expected);
    expect(of('services')).toMatchObject({ ...expected, lock_timeout: '1000' });
    expect(['0', undefined]).toContain(of('records').transaction_timeout);
    const [row] = await sql(
      `select to_char(ts at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as ts, message from logs.records where id = $1`,
      [one.record.id],
    );
    expect(row).toEqual({ ts: one.record.timestamp, message });
    const [kept] = await sql('select raw, headers, seen from logs.dead_letters where code = $1', ['invalid']);
    expect(kept).toEqual({ raw: letter.raw, headers: letter.headers, seen: 2 });
  });

  it.each(['local', 'remote_write', 'remote_apply'])('keep a synchronous_commit of %s', async (kept) => {
    const { sql, url, name } = await newStore();
    await sql(`alter database ${name} set synchronous_commit = ${kept}`);
    await sql(NOTE_SETTINGS);
    await write(storeOn(url), itemList(1));
    expect(await sql(`select distinct setting from seen where name = 'synchronous_commit'`)).toEqual([
      { setting: kept },
    ]);
  });
});

/** Since PostgreSQL 17. */
async function transactionTimeout(sql: (text: string) => Promise<unknown[]>): Promise<Record<string, string>> {
  const known = await sql(`select 1 from pg_settings where name = 'transaction_timeout'`);
  return known.length > 0 ? { transaction_timeout: '450ms' } : {};
}
