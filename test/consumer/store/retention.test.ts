/** Dropping days and deleting rows, and what continues meanwhile. */
import { describe, expect, it } from 'vitest';
import { openMaintenance, type Retention } from '../../../consumer/store/index.js';
import type { Level } from '../../../src/level.js';
import { onEnd, uniqueName } from '../../support/use-servers.js';
import { item, itemList, newStore, openClient, storeOn, testConfig, urlAs, write } from './database.js';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const noon = Date.parse('2024-03-01T12:00:00Z');
const never = new AbortController().signal;

const day = (offset: number) => new Date(noon + offset * DAY_MS).toISOString();
const on = (offset: number, level: Level = 'INFO') => item({ timestamp: day(offset), level });
const nameOf = (offset: number) => `records_${day(offset).slice(0, 10).replaceAll('-', '')}`;
const all = (days: number, levels: Retention['levels'] = {}): Retention => ({ days, levels });

const PARTITIONS = `select relname as name from pg_inherits join pg_class on pg_class.oid = inhrelid
  where inhparent = 'logs.records'::regclass and relname <> 'records_default' order by relname`;
const COUNT = 'select count(*)::int as n from logs.records';

/** A store with a clock that the test controls, and its maintenance. */
async function useRetention(retention: Retention) {
  const clock = { ms: noon };
  const made = await newStore({ retentionDays: retention.days }, () => clock.ms);
  const notices: string[] = [];
  const maintenanceOn = (url: string) => {
    const config = testConfig(url, { notice: (text) => notices.push(text) });
    const maintenance = openMaintenance(config, retention, () => clock.ms);
    onEnd(() => maintenance.close());
    return maintenance;
  };
  const maintenance = maintenanceOn(made.url);
  const names = async () => (await made.sql(PARTITIONS)).map(({ name }) => name);
  const left = async (): Promise<string[]> =>
    (
      await made.sql(`select level || ' ' || to_char(ts at time zone 'UTC', 'YYYY-MM-DD') as it
        from logs.records order by ts, level`)
    ).map(({ it }) => it);
  const count = async (): Promise<number> => (await made.sql(COUNT))[0].n;
  return { ...made, clock, notices, maintenance, maintenanceOn, names, left, count };
}

describe('maintenance', () => {
  it('creates partitions for today and a week ahead without any records, also after midnight and after a month', async () => {
    const { maintenance, clock, names, notices } = await useRetention({ days: undefined, levels: {} });
    for (const [passed, first] of [
      [0, 0],
      [1, 0],
      [30, 0],
    ] as const) {
      clock.ms = noon + passed * DAY_MS;
      expect(await maintenance.run(never)).toMatchObject({ partitions: [], records: 0 });
      expect((await names()).at(0)).toBe(nameOf(first));
      expect((await names()).at(-1)).toBe(nameOf(passed + 7));
    }
    expect(await names()).toHaveLength(8 + 1 + 8);
    expect(notices).toEqual([]);
  });

  it('closes its connection between two passes', async () => {
    const { maintenance, sql } = await useRetention(all(3));
    await maintenance.run(never);
    await expect
      .poll(() =>
        sql(`select 1 from pg_stat_activity where application_name = 'loghive' and datname = current_database()`),
      )
      // The store has not connected yet: migrations use their own connection.
      .toHaveLength(0);
  });

  it('fails without a database, and works once it is available', async () => {
    const { url } = await useRetention(all(3));
    const away = openMaintenance(testConfig('postgres://u@127.0.0.1:1/d'), all(3));
    onEnd(() => away.close());
    await expect(away.run(never)).rejects.toMatchObject({ code: 'LOGHIVE_STORAGE_UNAVAILABLE' });
    expect(url).toContain('postgres');
  });
});

describe('retention', () => {
  it('drops expired days and leaves the rest', async () => {
    const { store, maintenance, names, left } = await useRetention(all(3));
    await write(
      store,
      [-1, -2, -3, 0, 7].map((offset) => on(offset)),
    );
    await maintenance.run(never);
    expect(await left()).toHaveLength(5);
    expect((await names())[0]).toBe(nameOf(-3));
  });

  it('drops the days of a month in which no consumer ran, and one more after each midnight', async () => {
    const { store, maintenance, clock, names, left } = await useRetention(all(3));
    await write(
      store,
      [-3, -2, -1, 0].map((offset) => on(offset)),
    );
    clock.ms = noon + DAY_MS;
    expect(await maintenance.run(never)).toMatchObject({ partitions: [nameOf(-3)], records: 0 });
    clock.ms = noon + 30 * DAY_MS;
    const { partitions } = await maintenance.run(never);
    expect(partitions).toEqual(Array.from({ length: 11 }, (_, at) => nameOf(at - 2)));
    expect(await left()).toEqual([]);
    expect(await names()).toEqual(Array.from({ length: 8 }, (_, at) => nameOf(30 + at)));
  });

  it('deletes old rows of the default partition: 1970 and the year 1, not those of 2262 or of next month', async () => {
    const { sql, maintenance, left } = await useRetention(all(3));
    await sql(`insert into logs.records select gen_random_uuid(), ts, 'shop', 'INFO', 'm'
      from unnest('{0001-01-01 00:00+00,1970-01-01 00:00+00,2024-02-26 23:59:59.999999+00,2024-02-27 00:00+00,2024-03-09 00:00+00,2262-04-11 23:47:16+00}'::timestamptz[]) as ts`);
    // Takes several steps.
    await sql(`insert into logs.records select gen_random_uuid(), '2020-01-01 00:00+00'::timestamptz + n * interval '1 ms', 'shop', 'INFO', 'm'
      from generate_series(1, 5000) n`);
    expect(await maintenance.run(never)).toMatchObject({ partitions: [], records: 5003 });
    expect(await left()).toEqual(['INFO 2024-02-27', 'INFO 2024-03-09', 'INFO 2262-04-11']);
    expect(await maintenance.run(never)).toMatchObject({ partitions: [], records: 0 });
  });

  it('runs while a new partition receives its rows from the default partition', async () => {
    const { store, sql, maintenance, clock, left } = await useRetention(all(3));
    await write(
      store,
      itemList(100, () => ({ timestamp: day(9) })),
    );
    clock.ms += 3 * DAY_MS;
    await maintenance.run(never);
    expect(await left()).toHaveLength(100);
    expect(await sql(`select count(*)::int as n from logs.${nameOf(9)}`)).toEqual([{ n: 100 }]);
    clock.ms = noon + 13 * DAY_MS;
    expect((await maintenance.run(never)).partitions).toContain(nameOf(9));
    expect(await left()).toEqual([]);
  });

  it('drops user-created partitions only when all their rows are expired, and reports those that it cannot drop', async () => {
    const { sql, maintenance, names, notices, clock } = await useRetention(all(3));
    await sql(`create table logs.past partition of logs.records for values from (minvalue) to ('2024-01-01 00:00+00');
      create table logs.half partition of logs.records for values from ('2024-01-01 00:00+00') to ('2024-02-28 00:00+00');
      create table logs.parted partition of logs.records for values from ('2024-02-28 00:00+00') to ('2024-02-29 00:00+00') partition by range (ts);
      create table logs.used partition of logs.records for values from ('2024-02-29 00:00+00') to ('2024-03-01 00:00+00');
      create view public.of_used as select * from logs.used`);
    expect(await maintenance.run(never)).toMatchObject({ partitions: ['past'] });
    clock.ms = noon + 3 * DAY_MS;
    expect(await maintenance.run(never)).toMatchObject({ partitions: ['half'] });
    expect(await maintenance.run(never)).toMatchObject({ partitions: [] });
    expect(await names()).toEqual(expect.arrayContaining(['parted', 'used']));
    clock.ms += 3 * DAY_MS;
    await maintenance.run(never);
    await maintenance.run(never);
    expect(notices).toHaveLength(2);
    expect(notices.sort()).toEqual([
      expect.stringMatching(/^cannot delete expired partition parted of schema logs: it is not an ordinary table\./),
      expect.stringMatching(/^cannot delete expired partition used of schema logs\. .*depend.*2BP01/),
    ]);
  });

  it('waits for a reader for at most two seconds, and drops the day a minute later', async () => {
    const { store, url, sql, maintenance, clock, notices, names } = await useRetention(all(3));
    await write(store, [on(-3), on(0)]);
    clock.ms += DAY_MS;
    await maintenance.run(never);
    const reader = await openClient(url);
    await reader.query('begin; select count(*) from logs.records');
    clock.ms += 3 * DAY_MS;
    // The partitions ahead need the same lock.
    let done = false;
    const removed = maintenance.run(never).finally(() => {
      done = true;
    });
    let written = 0;
    while (!done) {
      await write(store, [on(4)]);
      await sql(COUNT);
      written++;
    }
    expect(await removed).toMatchObject({ partitions: [], records: 0 });
    expect(written).toBeGreaterThan(3);
    expect(await names()).toContain(nameOf(0));
    await reader.query('commit');
    expect((await maintenance.run(never)).partitions).toEqual([]);
    clock.ms += MINUTE_MS;
    expect((await maintenance.run(never)).partitions).toContain(nameOf(0));
    expect(await sql(COUNT)).toEqual([{ n: written }]);
    expect(notices).toHaveLength(1);
  });

  /** A long-running reader, and thirty expired days. */
  async function useLongReader(levels: Retention['levels'] = {}) {
    const made = await useRetention(all(3, levels));
    const { sql, url, clock, maintenance } = made;
    await maintenance.run(never);
    clock.ms += 30 * DAY_MS;
    for (let offset = -30; offset < 0; offset++) {
      await sql(`create table logs.${nameOf(offset)} partition of logs.records
        for values from ('${day(offset).slice(0, 10)} 00:00+00') to ('${day(offset + 1).slice(0, 10)} 00:00+00')`);
    }
    const reader = await openClient(url);
    await reader.query(`set application_name = 'report'; begin; select count(*) from logs.records`);
    const { rows } = await reader.query('select pg_backend_pid() as pid');
    return { ...made, reader, pid: rows[0].pid as number };
  }

  it('tries none of thirty days again after a reader blocked one, and names the reader', async () => {
    const { maintenance, clock, notices, names, reader, pid } = await useLongReader();
    const before = await names();
    expect(await maintenance.run(never)).toMatchObject({ partitions: [], records: 0 });
    // Increasing delays.
    for (const minutes of [1, 2]) {
      clock.ms += minutes * MINUTE_MS;
      expect(await maintenance.run(never)).toMatchObject({ partitions: [], records: 0 });
    }
    expect(await names()).toEqual(expect.arrayContaining(before));
    expect(notices).toEqual([
      expect.stringMatching(
        new RegExp(
          `^cannot delete expired partition ${nameOf(-30)} of schema logs: session ${pid} \\(user \\w+, application report\\) has held a lock on it since \\d{4}-.* UTC\\. End its transaction, if necessary with "select pg_terminate_backend\\(${pid}\\)"\\. Loghive keeps trying\\.$`,
        ),
      ),
    ]);
    await reader.query('commit');
    clock.ms += 4 * MINUTE_MS;
    expect((await maintenance.run(never)).partitions).toEqual([]);
    clock.ms += MINUTE_MS;
    expect((await maintenance.run(never)).partitions).toContain(nameOf(-30));
    // The next long-running reader is reported again.
    await reader.query('begin; select count(*) from logs.records');
    clock.ms += 4 * DAY_MS;
    await maintenance.run(never);
    expect(notices).toHaveLength(2);
  }, 60_000);

  it('deletes by level from unlocked partitions while locked days wait', async () => {
    const { store, maintenance, clock, notices, reader, left } = await useLongReader({ DEBUG: 1 });
    await reader.query('rollback');
    await write(store, [on(30, 'DEBUG'), on(28, 'DEBUG'), on(28)]);
    await reader.query('begin; lock table logs.records in access share mode');
    await maintenance.run(never);
    // The next pass has its two seconds for other locks.
    clock.ms += 1000;
    expect((await maintenance.run(never)).records).toBe(1);
    expect(await left()).toHaveLength(2);
    expect(notices).toHaveLength(1);
  });

  it('warns once if the role may not drop partitions', async () => {
    const { store, sql, url, maintenanceOn, notices, clock, left } = await useRetention(all(3, { DEBUG: 1 }));
    await write(store, [on(-3), on(0), on(-2, 'DEBUG')]);
    const role = uniqueName('role');
    await sql(`create role ${role} login password 'x'; grant usage on schema logs to ${role};
      grant select, insert on all tables in schema logs to ${role}`);
    clock.ms += DAY_MS;
    const limited = maintenanceOn(urlAs(url, role, 'x'));
    await limited.run(never);
    await limited.run(never);
    expect(await left()).toHaveLength(3);
    expect(notices).toHaveLength(1);
    expect(notices[0]).toMatch(/^cannot delete expired .*privileges/);
  });

  it('deletes nothing that is expired only by a wrong local clock', async () => {
    const { store, maintenance, clock, left } = await useRetention(all(3));
    const today = new Date().toISOString();
    clock.ms = Date.now();
    await write(store, [item({ timestamp: today })]);
    clock.ms = Date.now() + 400 * DAY_MS;
    expect(await maintenance.run(never)).toMatchObject({ partitions: [] });
    expect(await left()).toHaveLength(1);
  });

  it('deletes nothing from a table without declarative partitioning, warns once, and storing continues', async () => {
    const { store, sql, maintenance, left, notices } = await useRetention(all(3));
    await sql(`drop table logs.records cascade; create table logs.records (
      id uuid, ts timestamptz, service text, level logs.level, message text, information jsonb, primary key (ts, id))`);
    await write(store, [on(0), on(-40)]);
    await maintenance.run(never);
    await maintenance.run(never);
    expect(await left()).toHaveLength(2);
    expect(notices).toEqual([
      expect.stringMatching(/^logs\.records does not use declarative partitioning: nothing is deleted/),
    ]);
    expect(await sql(`select relname from pg_class where relname like 'records\\_2%'`)).toEqual([]);
  });

  it('by level deletes only expired rows, in every partition, once', async () => {
    const { store, sql, maintenance, clock, left } = await useRetention(all(10, { DEBUG: 1, INFO: 3, CRITICAL: 10 }));
    const levels = ['DEBUG', 'INFO', 'WARNING', 'CRITICAL'] as const;
    await write(
      store,
      [0, -1, -2, -3, -4].flatMap((offset) => levels.map((level) => on(offset, level))),
    );
    await sql(`insert into logs.records select gen_random_uuid(), '2024-02-21 12:00+00', 'shop', level, 'm'
      from unnest(enum_range(null::logs.level)) level`);
    expect(await maintenance.run(never)).toMatchObject({ partitions: [], records: 6 });
    expect((await left()).map((it) => it.replace('2024-', ''))).toEqual([
      ...['WARNING', 'ERROR', 'CRITICAL'].map((level) => `${level} 02-21`),
      ...['WARNING', 'CRITICAL'].map((level) => `${level} 02-26`),
      ...[27, 28].flatMap((date) => ['INFO', 'WARNING', 'CRITICAL'].map((level) => `${level} 02-${date}`)),
      ...['02-29', '03-01'].flatMap((date) => levels.map((level) => `${level} ${date}`)),
    ]);
    expect(await maintenance.run(never)).toMatchObject({ partitions: [], records: 0 });
    clock.ms += DAY_MS;
    expect(await maintenance.run(never)).toMatchObject({ partitions: [], records: 2 });
  });

  it('by level alone deletes from a large default partition, in steps that can be aborted', async () => {
    const { sql, maintenance, count } = await useRetention({ days: undefined, levels: { DEBUG: 1 } });
    await sql(`insert into logs.records select gen_random_uuid(), '2020-01-01 00:00+00'::timestamptz + n * interval '1 s', 'shop',
      (case when n % 2 = 0 then 'DEBUG' else 'ERROR' end)::logs.level, repeat('m', 1000) from generate_series(1, 9000) n`);
    const abort = new AbortController();
    abort.abort();
    expect((await maintenance.run(abort.signal)).records).toBe(0);
    expect((await maintenance.run(never)).records).toBe(4500);
    expect(await count()).toBe(4500);
  });

  it('is shared by several processes: only expired records are deleted, and no process fails', async () => {
    const { store, url, maintenanceOn, clock, names } = await useRetention(all(3, { DEBUG: 1 }));
    await write(
      store,
      [0, -1, -2, -3].flatMap((offset) => [on(offset, 'DEBUG'), on(offset)]),
    );
    clock.ms += 2 * DAY_MS;
    const passes = await Promise.all(Array.from({ length: 5 }, () => maintenanceOn(url).run(never)));
    expect(passes.reduce((sum, { partitions }) => sum + partitions.length, 0)).toBeGreaterThan(0);
    await maintenanceOn(url).run(never);
    expect((await names())[0]).toBe(nameOf(-1));
  });

  it('deletes only expired records under concurrent load', { timeout: 60_000 }, async () => {
    const { store, sql, url, maintenance, clock, notices } = await useRetention(all(3, { DEBUG: 1 }));
    const old = itemList(20_000, (n) => ({ timestamp: day(-1 - (n % 3)), level: n % 4 === 0 ? 'DEBUG' : 'INFO' }));
    await write(store, old);
    clock.ms += 2 * DAY_MS;
    const writers = [store, storeOn(url, { retentionDays: 3 }, () => clock.ms)];
    const reader = await openClient(url);
    let running = true;
    let reads = 0;
    const reading = (async () => {
      for (; running; reads++) await reader.query('select level, count(*) from logs.records group by 1');
    })();
    const sent: string[] = [];
    const writing = writers.map(async (one) => {
      for (let round = 0; running || round < 20; round++) {
        const batch = itemList(100, (n) => ({ timestamp: day(2 - (n % 2)), level: n % 3 === 0 ? 'DEBUG' : 'ERROR' }));
        expect(await write(one, batch)).toMatchObject({ stored: 100, rejected: [] });
        sent.push(...batch.map(({ record }) => record.id));
      }
    });
    const removed: string[] = [];
    for (let pass = 0; removed.length < 2 || pass < 5; pass++) {
      removed.push(...(await maintenance.run(never)).partitions);
      // Locked objects are retried.
      clock.ms += MINUTE_MS;
    }
    running = false;
    await Promise.all([...writing, reading]);
    await maintenance.run(never);
    expect(removed).toEqual([nameOf(-3), nameOf(-2)]);
    expect(reads).toBeGreaterThan(3);
    const kept = new Set(
      (await sql(`select id from logs.records where ts >= '2024-03-02 00:00+00'`)).map(({ id }) => id),
    );
    expect(kept.size).toBe(sent.length);
    expect(sent.filter((id) => !kept.has(id))).toEqual([]);
    const rest = await sql(
      `select level, count(*)::int as n from logs.records where ts < '2024-03-02 00:00+00' group by 1`,
    );
    const wanted = old.filter(({ record }) => record.timestamp.startsWith('2024-02-29') && record.level === 'INFO');
    expect(rest.filter(({ level }) => level === 'DEBUG')).toEqual([]);
    expect(rest.find(({ level }) => level === 'INFO').n).toBe(wanted.length);
    expect(notices).toEqual([]);
  });
});
