import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { uniqueName } from '../../support/use-servers.js';
import { item, itemList, newStore, openClient, storeOn, urlAs, write } from './database.js';

const DAY_MS = 86_400_000;
const noon = Date.parse('2026-03-01T12:00:00Z');

const day = (offset: number) => new Date(noon + offset * DAY_MS).toISOString();
const on = (offset: number) => item({ timestamp: day(offset) });
const nameOf = (offset: number) => `records_${day(offset).slice(0, 10).replaceAll('-', '')}`;

const PARTITIONS = `select relname as name from pg_inherits join pg_class on pg_class.oid = inhrelid
  where inhparent = 'logs.records'::regclass order by relname`;
const PLACES = `select tableoid::regclass::text as place, count(*)::int as n from logs.records group by 1 order by 1`;

/** A store with a clock that the test controls. */
async function storeWithClock() {
  const clock = { ms: noon };
  return { clock, ...(await newStore({}, () => clock.ms)) };
}

describe('partitions', () => {
  it('are created for today and a week ahead, and for the days of a batch within the window', async () => {
    const { store, sql } = await storeWithClock();
    await write(store, [on(0), on(-30), on(-31), on(8), item({ timestamp: '0001-01-01T00:00:00Z' })]);
    const names = (await sql(PARTITIONS)).map(({ name }) => name);
    expect(names).toEqual([nameOf(-30), ...[0, 1, 2, 3, 4, 5, 6, 7].map(nameOf), 'records_default'].sort());
    expect(await sql(PLACES)).toEqual([
      { place: `logs.${nameOf(-30)}`, n: 1 },
      { place: `logs.${nameOf(0)}`, n: 1 },
      { place: 'logs.records_default', n: 3 },
    ]);
  });

  it('separate days at midnight to the microsecond', async () => {
    const { store, sql } = await storeWithClock();
    const edges = ['2026-02-28T23:59:59.999999Z', '2026-03-01T00:00:00.000000Z', '2026-03-01T23:59:59.999999Z'];
    await write(
      store,
      edges.map((timestamp) => item({ timestamp })),
    );
    expect(await sql(PLACES)).toEqual([
      { place: 'logs.records_20260228', n: 1 },
      { place: 'logs.records_20260301', n: 2 },
    ]);
  });

  it('have the primary key and every index', async () => {
    const { store, sql } = await storeWithClock();
    await write(store, [on(0)]);
    const made = await sql(`select count(*)::int as n from pg_indexes where tablename = '${nameOf(0)}'`);
    expect(made).toEqual([{ n: 4 }]);
    const orphans = await sql(`select count(*)::int as n from pg_index join pg_class on pg_class.oid = indexrelid
      where indrelid = 'logs.${nameOf(0)}'::regclass and not relispartition`);
    expect(orphans).toEqual([{ n: 0 }]);
  });

  it('are created one day further each day', async () => {
    const { store, sql, clock } = await storeWithClock();
    await write(store, [on(0)]);
    clock.ms += DAY_MS;
    await write(store, [on(1)]);
    expect(await sql(PARTITIONS)).toContainEqual({ name: nameOf(8) });
  });

  it('receive their rows from the default partition', async () => {
    const { store, sql, clock } = await storeWithClock();
    const early = itemList(100, () => ({ timestamp: day(9) }));
    await write(store, early);
    expect(await sql(PLACES)).toEqual([{ place: 'logs.records_default', n: 100 }]);
    clock.ms += 3 * DAY_MS;
    const outcome = await write(store, [...early.slice(0, 10), on(9)]);
    expect(outcome).toMatchObject({ stored: 1, duplicates: 10 });
    expect(await sql(PLACES)).toEqual([{ place: `logs.${nameOf(9)}`, n: 101 }]);
  });

  it('receive rows with columns that a user added', async () => {
    const { store, sql, clock } = await storeWithClock();
    await sql(`alter table logs.records drop column message cascade, add column message text not null default '',
      add column words int generated always as (length(message)) stored, add column note text default 'n'`);
    await write(store, [item({ timestamp: day(9), message: 'four' })]);
    clock.ms += 3 * DAY_MS;
    await write(store, [on(9)]);
    expect(await sql(`select words, note from logs.${nameOf(9)} where message = 'four'`)).toEqual([
      { words: 4, note: 'n' },
    ]);
  });

  it('are deferred while a reader holds the lock, without pausing storage or blocking others', async () => {
    const { store, sql, url, clock, notices } = await storeWithClock();
    const reader = await openClient(url);
    await reader.query('begin; select count(*) from logs.records');
    let done = false;
    const written = write(store, [on(-3)]).finally(() => {
      done = true;
    });
    let others = 0;
    while (!done) {
      await sql('select count(*) from logs.records');
      others++;
    }
    expect(await written).toMatchObject({ stored: 1, rejected: [] });
    // If they had to wait for the lock as well, there would be one.
    expect(others).toBeGreaterThan(3);

    const again = performance.now();
    await write(store, [on(-4)]);
    // It would wait for the lock for two seconds.
    expect(performance.now() - again).toBeLessThan(2000);
    expect(await sql(PLACES)).toEqual([{ place: 'logs.records_default', n: 2 }]);

    await reader.query('commit');
    clock.ms += 61_000;
    await write(store, [on(-3), on(-4)]);
    expect(await sql(PLACES)).toEqual([
      { place: `logs.${nameOf(-4)}`, n: 2 },
      { place: `logs.${nameOf(-3)}`, n: 2 },
    ]);
    expect(notices.join()).not.toContain('Partition');
  });

  it('that change under a waiting COPY cause a retry, not a rejection', async () => {
    const { store, sql, url } = await storeWithClock();
    const other = await openClient(url);
    await other.query('begin; select count(*) from logs.records');
    await write(store, [on(-3)]);
    await other.query(`commit; begin; delete from logs.records;
      create table logs.mine (like logs.records including all);
      alter table logs.records attach partition logs.mine for values from ('2026-02-26 00:00+00') to ('2026-02-27 00:00+00')`);
    const written = write(store, [on(-3), on(-3)]);
    await expect
      .poll(() => sql(`select 1 from pg_locks where not granted and mode = 'RowExclusiveLock'`))
      .toHaveLength(1);
    await other.query('commit');
    expect(await written).toEqual({ stored: 2, duplicates: 0, rejected: [] });
    expect(await sql(PLACES)).toEqual([{ place: 'logs.mine', n: 2 }]);
  });

  it('are created by many concurrent consumers under load, and every record is stored once', async () => {
    const { store, sql, url, clock } = await storeWithClock();
    const stores = [store, ...Array.from({ length: 4 }, () => storeOn(url, {}, () => clock.ms))];
    const reader = await openClient(url);
    let reading = true;
    const reads = (async () => {
      while (reading) await reader.query('select level, count(*) from logs.records group by 1');
    })();
    const batches = stores.map((_, writer) =>
      Array.from({ length: 12 }, (_, round) => itemList(100, () => ({ timestamp: day(-round - (writer % 2)) }))),
    );
    await Promise.all(
      stores.map(async (one, writer) => {
        for (const batch of batches[writer]!) await write(one, batch);
      }),
    );
    reading = false;
    await reads;
    expect(await sql('select count(*)::int as n, count(distinct id)::int as ids from logs.records')).toEqual([
      { n: 6000, ids: 6000 },
    ]);
    clock.ms += 61_000;
    await write(store, batches.flat(2).slice(0, 1200));
    const places = await sql(PLACES);
    expect(places.reduce((sum, { n }) => sum + n, 0)).toBe(6000);
    expect(places.map(({ place }) => place)).not.toContain('logs.records_default');
  });

  it('that users created for longer than a day are used', async () => {
    const { store, sql } = await storeWithClock();
    await sql(`create table logs.by_month partition of logs.records for values from ('2026-03-01 00:00+00') to ('2026-04-01 00:00+00');
      create table logs.past partition of logs.records for values from (minvalue) to ('2026-02-20 00:00+00')`);
    await write(store, [on(0), on(-1), on(-20)]);
    expect((await sql(PARTITIONS)).map(({ name }) => name)).toEqual([
      'by_month',
      'past',
      nameOf(-1),
      'records_default',
    ]);
  });

  it.each([
    [
      'for a part of the day',
      `create table logs.morning partition of logs.records for values from ('2026-03-01 00:00+00') to ('2026-03-01 06:00+00')`,
    ],
    ['whose name is taken', 'create table logs.records_20260301 (n int)'],
  ])('%s leave the other records to the default partition, with one warning', async (_, obstacle) => {
    const { store, sql, notices } = await storeWithClock();
    await sql(obstacle);
    expect(await write(store, [on(0)])).toMatchObject({ stored: 1 });
    await write(store, [on(0)]);
    expect(await sql(PLACES)).toEqual([{ place: 'logs.records_default', n: 2 }]);
    expect(notices.filter((text) => text.includes('partition records_20260301'))).toHaveLength(1);
    expect(await sql(PARTITIONS)).toContainEqual({ name: nameOf(1) });
  });

  it('that the role may not create leave all records to the default partition, with one warning', async () => {
    const { sql, url } = await storeWithClock();
    const role = uniqueName('role');
    await sql(`create role ${role} login password 'x'; grant usage on schema logs to ${role};
      grant select, insert on all tables in schema logs to ${role}`);
    const notices: string[] = [];
    const limited = storeOn(urlAs(url, role, 'x'), { notice: (text) => notices.push(text) }, () => noon);
    expect(await write(limited, [on(0), on(-1)])).toMatchObject({ stored: 2 });
    expect(await sql(PLACES)).toEqual([{ place: 'logs.records_default', n: 2 }]);
    expect(notices).toHaveLength(1);
    expect(notices[0]).toMatch(/default partition stores.*privileges/);
  });

  it('that others dropped are created again within an hour', async () => {
    const { store, sql, clock } = await storeWithClock();
    await write(store, [on(0)]);
    await sql(`drop table logs.${nameOf(0)}`);
    await write(store, [on(0)]);
    expect(await sql(PLACES)).toEqual([{ place: 'logs.records_default', n: 1 }]);
    clock.ms += 3_600_001;
    await write(store, [on(0)]);
    expect(await sql(PLACES)).toEqual([{ place: `logs.${nameOf(0)}`, n: 2 }]);
  });

  it('are recognized in any time zone of the server', async () => {
    const { store, sql, name } = await storeWithClock();
    await write(store, [on(0)]);
    await sql(`alter database ${name} set timezone = 'Asia/Kolkata'; alter database ${name} set datestyle = 'German'`);
    await sql(`select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'loghive' and datname = current_database()`);
    await write(store, [on(0), on(-2)]);
    expect(await sql(PLACES)).toEqual([
      { place: `logs.${nameOf(-2)}`, n: 1 },
      { place: `logs.${nameOf(0)}`, n: 2 },
    ]);
  });

  describe('that cannot be created within two seconds', () => {
    const COUNT = `select count(*)::int as n from pg_inherits where inhparent = 'logs.records'::regclass`;

    /** Delays attaching a partition, as if there were millions of rows to scan. */
    async function storeWith(what: string) {
      const made = await storeWithClock();
      await made.sql(`create sequence public.tries; create function public.slow() returns event_trigger language plpgsql as $$
        begin if current_query() like '%attach partition%' then perform nextval('public.tries'); ${what}; end if; end $$`);
      await made.sql('create event trigger slow on ddl_command_start execute function public.slow()');
      const tries = async () =>
        (await made.sql(`select case when is_called then last_value else 0 end::int as n from public.tries`))[0].n;
      const triesAfter = async (ms: number, offset = 0) => {
        made.clock.ms += ms;
        expect(await write(made.store, [on(offset)])).toMatchObject({ stored: 1 });
        return tries();
      };
      return { ...made, triesAfter };
    }
    const cancelled = `raise exception 'cancelled after %', current_setting('statement_timeout') using errcode = '57014'`;
    const MINUTE_MS = 60_000;

    it('are all deferred with increasing delays, whatever the next day', async () => {
      const { sql, triesAfter, notices } = await storeWith(cancelled);
      expect(await triesAfter(0)).toBe(1);
      expect(await triesAfter(0, -3)).toBe(1);
      expect(await triesAfter(11 * MINUTE_MS)).toBe(2);
      expect(await triesAfter(11 * MINUTE_MS, -4)).toBe(2);
      expect(await triesAfter(50 * MINUTE_MS)).toBe(3);
      expect(await triesAfter(61 * MINUTE_MS, -5)).toBe(3);
      expect(await triesAfter(DAY_MS)).toBe(4);
      expect(await sql(COUNT)).toEqual([{ n: 1 }]);
      const warnings = notices.filter((text) => text.startsWith('partition'));
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toMatch(
        /^partition records_20260301 of schema logs cannot be created within 2 s; the default partition stores its records\..* too large\. .*docs\/default-partition\.md/,
      );
      expect(warnings[0]).toMatch(/cancelled after (?:2s|1\d\d\dms) \(SQLSTATE 57014\)/);

      await sql('drop event trigger slow');
      await triesAfter(DAY_MS + MINUTE_MS, 2);
      expect(await sql(COUNT)).toEqual([{ n: 9 }]);
    });

    it('because of the rows of one day delay the other days only once', async () => {
      const { sql, triesAfter } = await storeWith(
        `if current_query() like '%records_20260301 %' then ${cancelled}; end if`,
      );
      await triesAfter(0);
      expect(await sql(COUNT)).toEqual([{ n: 1 }]);
      await triesAfter(11 * MINUTE_MS);
      expect((await sql(PARTITIONS)).map(({ name }) => name)).toEqual([
        ...[1, 2, 3, 4, 5, 6, 7].map(nameOf),
        'records_default',
      ]);
    });

    it('together are created over several passes', async () => {
      const { sql, triesAfter } = await storeWith('perform pg_sleep(0.9)');
      await triesAfter(0);
      const [{ n }] = await sql(COUNT);
      expect(n).toBeGreaterThan(1);
      expect(n).toBeLessThan(9);
      await sql('drop event trigger slow');
      await triesAfter(11 * MINUTE_MS);
      expect(await sql(COUNT)).toEqual([{ n: 9 }]);
    });

    it('can be created after moving the old rows of the default partition as documented', async () => {
      const { store, sql, clock } = await storeWithClock();
      const old = itemList(50, (n) => ({ timestamp: new Date(noon - (50 + 5 * n) * DAY_MS).toISOString() }));
      const recent = item({ timestamp: day(-40) });
      await write(store, [...old, recent, on(-3)]);
      expect(await sql(PLACES)).toContainEqual({ place: 'logs.records_default', n: 51 });
      const page = await readFile(new URL('../../../docs/default-partition.md', import.meta.url), 'utf8');
      const [, script = ''] = /```sql\n(.*?)```/s.exec(page) ?? [];
      await sql(script.replaceAll('2026-01-01', '2026-01-15').replaceAll('20260101', '20260115'));
      expect(await sql(PLACES)).toEqual(
        [
          { place: 'logs.records_before_20260115', n: 50 },
          { place: 'logs.records_default', n: 1 },
          { place: `logs.${nameOf(-3)}`, n: 1 },
        ].sort((a, b) => (a.place < b.place ? -1 : 1)),
      );
      clock.ms += DAY_MS;
      expect(await write(store, [...old, recent, on(8)])).toMatchObject({ stored: 1, duplicates: 51 });
      expect(await sql(PARTITIONS)).toContainEqual({ name: nameOf(8) });
    });
  });
});
