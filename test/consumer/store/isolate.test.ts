import { describe, expect, it } from 'vitest';
import { item, itemList, newStore, write } from './database.js';

const count = 'select count(*)::int as n from logs.records';

describe('a bad record', () => {
  it.each([
    ['NUL in the text', { message: 'a\0b' }, '22021'],
    ['NUL in the information', { information: '{"a":"\\u0000"}' }, '22P05'],
    ['a lone surrogate in the information', { information: '{"a":"\\ud800"}' }, '22P02'],
    ['information that is not JSON', { information: '{"a":' }, '22P02'],
    ['a number that numeric cannot hold', { information: '{"a":1e999999}' }, '22003'],
    ['an id that is none', { id: 'x' }, '22P02'],
    ['a timestamp that is none', { timestamp: '2026-02-30T00:00:00Z' }, '22008'],
    ['a level that is none', { level: 'LOUD' as 'INFO' }, '22P02'],
    ['a service too long for its index', { service: Array.from({ length: 9000 }, (_, n) => n).join('') }, '54000'],
    ['information nested deeper than the stack', { information: '['.repeat(20_000) + ']'.repeat(20_000) }, '54001'],
  ])('%s becomes a dead letter, and only that record is rejected', async (_, changes, code) => {
    const { store, sql } = await newStore();
    const bad = item(changes);
    const items = [...itemList(5), bad, ...itemList(5)];
    const outcome = await write(store, items);
    expect(outcome).toMatchObject({ stored: 10, duplicates: 0, rejected: [{ action: 'dead-letter', code }] });
    expect(outcome.rejected[0]!.item).toBe(bad);
    expect(outcome.rejected[0]!.message).not.toBe('');
    expect(await sql(count)).toEqual([{ n: 10 }]);
  });

  it('is found in a few steps, seven among a thousand', async () => {
    const { store, sql } = await newStore();
    const bad = new Set([0, 1, 250, 500, 501, 998, 999]);
    const items = itemList(1000, (index) => (bad.has(index) ? { message: 'a\0b' } : {}));
    await write(store, itemList(1000));
    await sql(`create sequence tries; create function try() returns trigger language plpgsql as $$
      begin perform nextval('public.tries'); return null; end $$;
      create trigger try before insert on logs.records for each statement execute function try()`);
    const outcome = await write(store, items);
    const [{ tries }] = await sql("select nextval('tries')::int as tries");
    expect(outcome.stored).toBe(993);
    expect(outcome.rejected.map(({ item: { record } }) => record.id)).toEqual(
      [...bad].map((index) => items[index]!.record.id),
    );
    expect(await sql(count)).toEqual([{ n: 1993 }]);
    // Halving finds one of a thousand in ten steps, each with two halves.
    expect(tries).toBeLessThan(7 * 2 * 10);
  });

  it('is found among duplicates too', async () => {
    const { store, sql } = await newStore();
    const old = itemList(50);
    await write(store, old);
    const items = [...itemList(20), item({ message: '\0' }), ...old, item({ information: '{"a":"\\u0000"}' })];
    const outcome = await write(store, [...items, ...itemList(3), items[0]!]);
    expect(outcome).toMatchObject({ stored: 23, duplicates: 51 });
    expect(outcome.rejected.map(({ code }) => code)).toEqual(['22021', '22P05']);
    expect(await sql(count)).toEqual([{ n: 73 }]);
  });

  it('may be every record of the batch', async () => {
    const { store, sql } = await newStore();
    const outcome = await write(
      store,
      itemList(500, () => ({ message: '\0' })),
    );
    expect(outcome.stored).toBe(0);
    expect(outcome.rejected).toHaveLength(500);
    expect(await sql(count)).toEqual([{ n: 0 }]);
  });

  it('refused by a constraint is retried, and stored once the constraint is gone', async () => {
    const { store, sql } = await newStore();
    await sql(`alter table logs.records add constraint polite check (message <> 'damn')`);
    const refused = item({ message: 'damn' });
    const outcome = await write(store, [...itemList(9), refused]);
    expect(outcome).toMatchObject({ stored: 9, rejected: [{ item: refused, action: 'retry', code: '23514' }] });
    await sql('alter table logs.records drop constraint polite');
    expect(await write(store, [refused])).toEqual({ stored: 1, duplicates: 0, rejected: [] });
  });

  it('refused by a unique index of the user is retried', async () => {
    const { store, sql } = await newStore();
    await sql('create unique index on logs.records (ts, service, message)');
    const timestamp = new Date().toISOString();
    const outcome = await write(store, [
      item({ timestamp, message: 'same' }),
      item({ timestamp, message: 'same' }),
      item({ timestamp, message: 'other' }),
    ]);
    expect(outcome).toMatchObject({ stored: 2, rejected: [{ action: 'retry', code: '23505' }] });
  });

  it('refused by a deferred trigger is found too', async () => {
    const { store, sql } = await newStore();
    await sql(`create function logs.late() returns trigger language plpgsql as $$
      begin if new.message = 'bad' then raise exception 'too late' using errcode = '23001'; end if; return null; end $$`);
    await sql(`create constraint trigger late after insert on logs.records deferrable initially deferred
      for each row execute function logs.late()`);
    const outcome = await write(store, [...itemList(4), item({ message: 'bad' }), ...itemList(4)]);
    expect(outcome).toMatchObject({ stored: 8, rejected: [{ action: 'retry', code: '23001' }] });
  });

  it('without a partition, because the default one was dropped, is retried', async () => {
    const { store, sql } = await newStore();
    await write(store, itemList(1));
    await sql('drop table logs.records_default');
    const outcome = await write(store, [...itemList(3), item({ timestamp: '2001-01-01T00:00:00Z' })]);
    expect(outcome).toMatchObject({ stored: 3, rejected: [{ action: 'retry', code: '23514' }] });
  });

  it('is distinguished from a constraint on services', async () => {
    const { store, sql } = await newStore();
    await sql(`alter table logs.records add check (service in ('shop', 'api'))`);
    const outcome = await write(store, [...itemList(3), item({ message: '\0' })]);
    expect(outcome).toMatchObject({ stored: 3, rejected: [{ code: '22021' }] });
  });
});
