/**
 * PostgreSQL behind a pooler in transaction mode: each transaction may run in another session, which other clients have
 * used.
 */
import type pg from 'pg';
import { beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { type PgbouncerServer, startPgbouncer } from '../../support/pgbouncer.mjs';
import { onEnd, uniqueName, useDatabase } from '../../support/use-servers.js';
import { eventually } from '../../support/wait.mjs';
import { item, itemList, newStore, openClient, storeOn, unavailable, urlAs, write } from './database.js';

const ALL = 5;
const count = 'select count(*)::int as n, count(distinct id)::int as ids from logs.records';

async function usePooler(settings: Record<string, string | number> = {}): Promise<PgbouncerServer> {
  const pooler = await startPgbouncer({ target: inject('postgres').url, settings });
  onEnd(() => pooler.stop());
  return pooler;
}

const letter = {
  raw: Buffer.from('{'),
  code: 'invalid',
  reason: 'it is not JSON',
  attempts: 1,
  queue: 'shop_info_logs',
  routingKey: 'shop.info',
  headers: {},
};

describe('one session for all clients of the pool', () => {
  let pooler: PgbouncerServer;
  beforeAll(async () => {
    pooler = await usePooler({ default_pool_size: 1, min_pool_size: 0, reserve_pool_size: 0 });
  });

  /** Session state that the next client would see. */
  const left = async (client: pg.Client) => {
    const { rows: settings } = await client.query('select name, setting from pg_settings order by name');
    const { rows: locks } = await client.query(
      `select locktype, mode from pg_locks where pid = pg_backend_pid() and locktype = 'advisory'`,
    );
    const { rows: others } = await client.query(
      `select name from pg_cursors union all select name from pg_prepared_statements`,
    );
    // The pooler sets the name, and a procedural language adds settings when it is loaded.
    const ours = settings.filter(({ name }) => name !== 'application_name' && !name.includes('.'));
    return { settings: ours, locks, others };
  };

  it('has no settings of Loghive when another client gets it', async () => {
    const { url, sql, name } = await newStore();
    await sql(`alter database ${name} set synchronous_commit = off`);
    await sql(`alter database ${name} set default_transaction_isolation = 'repeatable read'`);
    const other = await openClient(pooler.url(url));
    const before = await left(other);
    const store = storeOn(pooler.url(url));
    const role = uniqueName('role');
    const steps: Array<() => Promise<unknown>> = [
      () => store.connect(),
      () => store.migrate(),
      () => write(store, itemList(3)),
      () => write(store, [item()], { letters: [letter] }),
      () => write(store, [...itemList(3), item({ message: '\0' })]),
      () => write(store, [item({ timestamp: '2020-01-01T00:00:00Z' }), item({ timestamp: '1999-01-01T00:00:00Z' })]),
      () => store.saveServices(['shop']),
      () => store.services(),
      () => store.probe(),
      async () => {
        await sql(`create function logs.no() returns trigger language plpgsql as $$
          begin if new.message = '${role}' then raise exception 'no'; end if; return new; end $$;
          create trigger no before insert on logs.records for each row execute function logs.no()`);
        expect(await write(store, [item(), item({ message: role })])).toMatchObject({ rejected: [{ code: 'P0001' }] });
      },
      async () => {
        await sql('alter table logs.dead_letters rename to others');
        await unavailable(write(store, [item()], { letters: [letter] }));
      },
      () => unavailable(store.probe()),
    ];
    for (const step of steps) {
      await step();
      expect(await left(other)).toEqual(before);
    }
  });

  it('ignores settings of other clients', async () => {
    const { url, sql } = await newStore();
    const other = await openClient(pooler.url(url));
    // Settings that the pooler does not track per client. The time-out comes last, or it may cancel the others.
    await other.query(`set synchronous_commit = off; set lock_timeout = 1; set search_path = nowhere;
      set session characteristics as transaction isolation level serializable; set statement_timeout = 1`);
    await sql(`create table seen (name text, setting text);
      create function see() returns trigger language plpgsql as $$ begin
        insert into public.seen select name, setting from pg_settings where name in ('synchronous_commit',
          'statement_timeout', 'lock_timeout', 'transaction_isolation'); return null; end $$;
      create trigger see after insert on logs.records for each statement execute function see()`);
    const store = storeOn(pooler.url(url));
    await eventually(() => store.connect());
    await eventually(() => write(store, itemList(3)));
    expect(await sql('select distinct name, setting from seen order by name')).toEqual([
      { name: 'lock_timeout', setting: '0' },
      { name: 'statement_timeout', setting: '10000' },
      { name: 'synchronous_commit', setting: 'on' },
      { name: 'transaction_isolation', setting: 'read committed' },
    ]);
  });
});

describe('sessions that come and go', () => {
  it('store everything once, wherever in a batch they end', async () => {
    const pooler = await usePooler({ default_pool_size: 3 });
    const { url, sql } = await newStore();
    const store = storeOn(pooler.url(url));
    const used = new Set<number>();
    const recycle = async () => {
      for (const { remote_pid } of await pooler.admin('show servers')) used.add(Number(remote_pid));
      await pooler.admin('reconnect');
    };
    const batches = Array.from({ length: 60 }, (_, index) =>
      itemList(50, () => (index % 5 === 0 ? { timestamp: `2020-01-${10 + (index % 7)}T00:00:00Z` } : {})),
    );
    for (const batch of batches) {
      const [outcome] = await Promise.all([write(store, batch, { letters: [letter] }), recycle()]);
      expect(outcome).toMatchObject({ stored: 50 });
    }
    expect(used.size).toBeGreaterThan(3);
    expect(await sql(count)).toEqual([{ n: 3000, ids: 3000 }]);
    expect(await sql('select seen from logs.dead_letters')).toEqual([{ seen: 60 }]);
  });

  it('survive a restart of the pooler', async () => {
    const pooler = await usePooler();
    const { url, sql } = await newStore();
    const store = storeOn(pooler.url(url));
    const items = itemList(200);
    await write(store, items.slice(0, 100));
    await pooler.kill();
    expect((await unavailable(write(store, items))).reason).toMatch(/nothing listens/);
    await unavailable(store.probe());
    await pooler.start();
    await store.probe();
    expect(await write(store, items)).toMatchObject({ stored: 100, duplicates: 100, rejected: [] });
    await pooler.restart();
    expect(await write(store, itemList(5))).toMatchObject({ stored: 5 });
    expect(await sql(count)).toEqual([{ n: 205, ids: 205 }]);
  });
});

describe('bad records behind a pooler', () => {
  it.each([
    [
      'that ends its session',
      'perform pg_terminate_backend(pg_backend_pid()); perform pg_sleep(60)',
      /^(57P01|08P01|08006)$/,
    ],
    ['that takes too long', 'perform pg_sleep(60)', /^57014$/],
    ['that a trigger refuses', `raise exception 'no'`, /^P0001$/],
  ])('one %s is found, and all others are stored once', async (_, what, code) => {
    const pooler = await usePooler();
    const { url, sql } = await newStore();
    await sql(`create function logs.poison() returns trigger language plpgsql as $$
      begin if new.message = 'poison' then ${what}; end if; return new; end $$;
      create trigger poison before insert on logs.records for each row execute function logs.poison()`);
    const store = storeOn(pooler.url(url), { statementTimeoutMs: 300 });
    const bad = item({ message: 'poison' });
    const outcome = await write(store, [...itemList(20), bad, item({ message: '\0' })], { letters: [letter] });
    expect(outcome.rejected).toMatchObject([
      { item: bad, action: 'retry', code: expect.stringMatching(code) },
      { action: 'dead-letter', code: '22021' },
    ]);
    expect(await sql(count)).toEqual([{ n: 20, ids: 20 }]);
    expect(await sql('select seen from logs.dead_letters')).toEqual([{ seen: 1 }]);
  });
});

describe('a pooler', () => {
  it('gets no unknown startup parameters', async () => {
    const pooler = await usePooler();
    const { url } = await newStore();
    await storeOn(pooler.url(url)).connect();
    const error = await unavailable(storeOn(`${pooler.url(url)}?options=-c%20work_mem%3D123kB`).connect());
    expect(error.reason).toMatch(/refuses the options of the database URL: unsupported startup parameter: options/);
  });

  it('gets no settings from environment variables of libpq', async () => {
    const pooler = await usePooler();
    const { url } = await newStore();
    // Set only now: the clients of the test would send them too.
    vi.stubEnv('PGOPTIONS', '-c work_mem=123kB');
    vi.stubEnv('PGREPLICATION', 'database');
    onEnd(() => vi.unstubAllEnvs());
    expect(await write(storeOn(pooler.url(url)), itemList(1))).toMatchObject({ stored: 1 });
  });

  it('accepts roles with their own settings', async () => {
    const pooler = await usePooler();
    const { url, sql, name } = await newStore();
    const role = uniqueName('role');
    await sql(`create role ${role} login password 'geheim'; grant create on database ${name} to ${role};
      alter role ${role} set timezone = 'Asia/Tokyo'; alter role ${role} set datestyle = 'German';
      alter role ${role} set default_transaction_isolation = 'serializable'; alter role ${role} set search_path = nowhere`);
    onEnd(() => sql(`drop owned by ${role}; drop role ${role}`));
    await pooler.addLogin(role, 'geheim');
    const store = storeOn(urlAs(pooler.url(url), role, 'geheim'), { schema: 'own' });
    expect(await store.migrate()).toHaveLength(ALL);
    expect(await write(store, [...itemList(4), item({ message: '\0' })])).toMatchObject({ stored: 4 });
    expect(await write(store, itemList(4), { letters: [letter] })).toMatchObject({ stored: 4 });
    await store.probe();
    expect(await sql('select count(distinct tableoid)::int as n from own.records')).toEqual([{ n: 1 }]);
  });
});

describe('ten concurrent migrations', () => {
  it.each(['read committed', 'repeatable read', 'serializable'])(
    'apply each migration once with default isolation %s, with and without a pooler',
    async (isolation) => {
      const pooler = await usePooler({ default_pool_size: 20 });
      for (const through of [(url: string) => url, pooler.url]) {
        const { url, name, query } = await useDatabase();
        await query(`alter database ${name} set default_transaction_isolation = '${isolation}'`);
        const applied = await Promise.all(Array.from({ length: 10 }, () => storeOn(through(url)).migrate()));
        expect(applied.flat()).toHaveLength(ALL);
        expect(await query('select count(*)::int as n from logs.migrations')).toEqual([{ n: ALL }]);
      }
    },
  );
});
