import { describe, expect, it } from 'vitest';
import { uniqueName } from '../../support/use-servers.js';
import { item, itemList, newStore, storeOn, unavailable, urlAs, write } from './database.js';

describe('a broken table', () => {
  it.each([
    [
      'a new NOT NULL column',
      'truncate logs.records; alter table logs.records add column region text not null',
      '23502',
      /NOT NULL column/,
    ],
    ['a dropped column', 'alter table logs.records drop column information cascade', '42703', /column/],
    ['a dropped table', 'drop table logs.records cascade', '42P01', /loghive migrate/],
    ['a dropped schema', 'drop schema logs cascade', '3F000', /loghive migrate/],
    [
      'a trigger that refuses every row',
      `create function logs.no() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
       create trigger no before insert on logs.records for each row execute function logs.no()`,
      'P0001',
      /trigger.*no/,
    ],
    [
      'a trigger that calls a missing function',
      `create function logs.no() returns trigger language plpgsql as $$ begin perform missing(); return new; end $$;
       create trigger no before insert on logs.records for each row execute function logs.no()`,
      '42883',
      /missing/,
    ],
    [
      'a trigger that breaks a rule for every row',
      `create function logs.no() returns trigger language plpgsql as $$ begin perform 1/0; return new; end $$;
       create trigger no before insert on logs.records for each row execute function logs.no()`,
      '22012',
      /probe row/,
    ],
    ['a renamed enum value', `alter type logs.level rename value 'INFO' to 'NEWS'`, '22P02', /probe row/],
  ])('%s pauses storage with a readable reason, and rejects nothing', async (_, breakage, sqlstate, words) => {
    const { store, sql } = await newStore();
    await write(store, itemList(1));
    await sql(breakage);
    const error = await unavailable(write(store, itemList(10)));
    expect(error.sqlstate).toBe(sqlstate);
    expect(error.reason).toMatch(words);
    await unavailable(store.probe());
  });

  it('pauses storage when the role loses its privileges, and resumes when they are restored', async () => {
    const { store, sql, url } = await newStore();
    const role = uniqueName('role');
    await sql(`create role ${role} login password 'geheim'`);
    const limited = storeOn(urlAs(url, role, 'geheim'));
    const error = await unavailable(write(limited, itemList(3)));
    expect(error.sqlstate).toBe('42501');
    expect(error.reason).toContain(role);
    expect(error.message).not.toContain('geheim');
    await write(store, itemList(1));
    await sql(`grant usage on schema logs to ${role}; grant select, insert on all tables in schema logs to ${role}`);
    expect(await write(limited, itemList(3))).toMatchObject({ stored: 3 });
    await limited.probe();
  });

  it('causes a warning when a trigger discards rows', async () => {
    const { store, sql, notices } = await newStore();
    await sql(`create function logs.filter() returns trigger language plpgsql as $$
      begin if new.message = 'noise' then return null; end if; return new; end $$;
      create trigger filter before insert on logs.records for each row execute function logs.filter()`);
    expect(await write(store, [item({ message: 'noise' }), item()])).toMatchObject({ stored: 1, rejected: [] });
    expect(notices.filter((text) => text.includes('trigger'))).toHaveLength(1);
  });
});
