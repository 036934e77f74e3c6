import { describe, expect, it } from 'vitest';
import type { LoghiveError } from '../../../src/errors.js';
import { startPostgres } from '../../support/postgres.mjs';
import { onEnd, uniqueName, useProxy } from '../../support/use-servers.js';
import { eventually } from '../../support/wait.mjs';
import { item, itemList, newStore, openClient, storeOn, unavailable, urlAs, write } from './database.js';

const count = 'select count(*)::int as n from logs.records';

describe('a store', () => {
  it('pauses while the server is read-only, and resumes afterwards', async () => {
    const { store, sql, url, name } = await newStore();
    await write(store, itemList(1));
    await sql(`alter database ${name} set default_transaction_read_only = on`);
    await sql(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'loghive' and datname = current_database()`,
    );
    const error = await unavailable(write(store, itemList(1)));
    expect(error.sqlstate).toBe('25006');
    expect(error.reason).toMatch(/read-only/);
    expect((await unavailable(store.probe())).sqlstate).toBe('25006');
    const admin = await openClient(url);
    await admin.query('set default_transaction_read_only = off');
    await admin.query(`alter database ${name} reset default_transaction_read_only`);
    await store.probe();
    expect(await write(store, itemList(1))).toMatchObject({ stored: 1 });
  });

  it('retries on a new connection if an idle one was closed', async () => {
    const { store, sql } = await newStore();
    await write(store, itemList(1));
    await sql(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'loghive' and datname = current_database()`,
    );
    expect(await write(store, itemList(7))).toMatchObject({ stored: 7 });
  });

  it('stores every record once although its sessions are terminated repeatedly', async () => {
    const { store, sql, url } = await newStore();
    const killer = await openClient(url);
    let ended = 0;
    let on = true;
    const terminating = (async () => {
      while (on) {
        const { rows } = await killer.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
           where application_name = 'loghive' and datname = current_database()`,
        );
        ended += rows.length;
      }
    })();
    const batches = Array.from({ length: 30 }, () => itemList(200));
    let pauses = 0;
    for (const batch of batches) {
      await eventually(
        async () => {
          try {
            await write(store, batch);
          } catch (error) {
            pauses += 1;
            expect((error as LoghiveError).code).toBe('LOGHIVE_STORAGE_UNAVAILABLE');
            if (pauses > 50) on = false;
            throw error;
          }
        },
        { withinMs: 20_000, everyMs: 1 },
      );
    }
    on = false;
    await terminating;
    expect(ended).toBeGreaterThan(10);
    expect(await sql(count)).toEqual([{ n: 6000 }]);
  }, 60_000);

  it('pauses while the server has no free connection', async () => {
    const { store, sql, url, name } = await newStore();
    const role = uniqueName('role');
    await sql(`create role ${role} login password 'x' connection limit 1 in role pg_write_all_data`);
    const own = urlAs(url, role, 'x');
    await sql(`grant usage on schema logs to ${role}; grant create on database ${name} to ${role}`);
    const holder = await openClient(own);
    const limited = storeOn(own);
    const error = await unavailable(write(limited, itemList(1)));
    expect(error.sqlstate).toBe('53300');
    expect(error.reason).toMatch(/max_connections/);
    await holder.end();
    await eventually(() => write(limited, itemList(1)));
    await store.probe();
  });

  it('stores a batch in parts if the whole takes too long', async () => {
    const { store, sql } = await newStore({ statementTimeoutMs: 300 });
    await sql(`create function logs.slow() returns trigger language plpgsql as $$
      begin if new.message <> 'probe' then perform pg_sleep(0.01); end if; return new; end $$;
      create trigger slow before insert on logs.records for each row execute function logs.slow()`);
    const outcome = await write(store, itemList(60));
    expect(outcome).toEqual({ stored: 60, duplicates: 0, rejected: [] });
    expect(await sql(count)).toEqual([{ n: 60 }]);
  });

  it('closes a connection that does not answer', async () => {
    const { store, sql, url } = await newStore({ writeTimeoutMs: 300 });
    await write(store, itemList(1));
    const locker = await openClient(url);
    await locker.query('begin; lock table logs.records in access exclusive mode');
    const startedAt = performance.now();
    const error = await unavailable(write(store, itemList(1)));
    expect(error.reason).toMatch(/no answer for 300 ms/);
    expect(performance.now() - startedAt).toBeLessThan(1500);
    await locker.query('rollback');
    await eventually(() => write(store, itemList(1)));
    expect((await sql(count))[0].n).toBeGreaterThanOrEqual(2);
  });

  it('retries after a deadlock', async () => {
    const { store, sql } = await newStore();
    await sql(`create table logs.calls (n int); insert into logs.calls values (0);
      create function logs.deadlock() returns trigger language plpgsql as $$
      begin
        if new.message <> 'probe' and nextval('logs.tries') <= 3 then
          raise exception 'deadlock detected' using errcode = '40P01';
        end if;
        return new;
      end $$;
      create sequence logs.tries;
      create trigger deadlock before insert on logs.records for each row execute function logs.deadlock()`);
    expect(await write(store, itemList(1))).toMatchObject({ stored: 1 });
  });

  it('pauses while the server is down and stores everything once when it is back', async () => {
    const server = await startPostgres();
    onEnd(() => server.stop());
    const store = storeOn(server.url);
    await store.migrate();
    const items = itemList(100);
    await write(store, items.slice(0, 50));
    await server.kill('SIGKILL');
    const error = await unavailable(write(store, items));
    expect(error.reason).toMatch(/nothing listens|connection/);
    await unavailable(store.probe());
    await server.start();
    await eventually(() => store.probe());
    expect(await write(store, items)).toMatchObject({ stored: 50, duplicates: 50, rejected: [] });
    expect(await server.query(count)).toEqual([{ n: 100 }]);
  }, 30_000);

  it('stores records once if the reply to COMMIT was lost', async () => {
    const { url, sql } = await newStore();
    const proxy = await useProxy(url);
    const store = storeOn(proxy.url(url));
    await write(store, itemList(1));
    await sql(`create sequence logs.commits; create function logs.slow() returns trigger language plpgsql as $$
      begin perform nextval('logs.commits'); perform pg_sleep(0.5); return null; end $$;
      create constraint trigger slow after insert on logs.records deferrable initially deferred
      for each row when (new.message = 'slow') execute function logs.slow()`);
    const written = write(store, [item({ message: 'slow' }), ...itemList(9)]);
    // COMMIT has started; its reply is lost.
    await eventually(async () => (await sql('select is_called from logs.commits'))[0].is_called);
    await proxy.reset();
    const outcome = await written;
    expect(outcome.stored + outcome.duplicates).toBe(10);
    expect(outcome.duplicates).toBe(10);
    expect(await sql(count)).toEqual([{ n: 11 }]);
  });

  it('pauses on a half-open connection, and stores everything once afterwards', async () => {
    const { url, sql } = await newStore();
    const proxy = await useProxy(url);
    const store = storeOn(proxy.url(url), { writeTimeoutMs: 500, connectTimeoutMs: 500 });
    const items = itemList(2000, () => ({ message: 'x'.repeat(2000) }));
    await write(store, items.slice(0, 10));
    proxy.halfOpen();
    expect((await unavailable(write(store, items))).reason).toMatch(/no answer for 500 ms/);
    expect((await unavailable(store.probe())).reason).toMatch(/did not answer in time/);
    await proxy.heal();
    await eventually(() => write(store, items), { withinMs: 15_000 });
    expect(await sql(count)).toEqual([{ n: 2000 }]);
  });

  it('pauses while the disk is full', async () => {
    const { store, sql } = await newStore();
    // Raised by a trigger, because the disk of one database cannot be filled here.
    await sql(`create function logs.full() returns trigger language plpgsql as $$
      begin raise exception 'could not extend file' using errcode = '53100'; end $$;
      create trigger full_disk before insert on logs.records for each row execute function logs.full()`);
    const error = await unavailable(write(store, itemList(5)));
    expect(error.sqlstate).toBe('53100');
    expect(error.reason).toMatch(/disk of .* is full/);
    await sql('drop trigger full_disk on logs.records');
    expect(await write(store, itemList(5))).toMatchObject({ stored: 5 });
  });

  it('finishes the write in flight when it is closed, and accepts no more', async () => {
    const { store, sql } = await newStore();
    const written = write(store, itemList(500));
    const closed = store.close();
    expect(await written).toMatchObject({ stored: 500 });
    await closed;
    await unavailable(write(store, itemList(1)));
    expect(await sql(count)).toEqual([{ n: 500 }]);
    expect(
      await sql(`select 1 from pg_stat_activity where application_name = 'loghive' and datname = current_database()`),
    ).toEqual([]);
  });

  it('closes within seconds while the server does not answer', async () => {
    const { url } = await newStore();
    const proxy = await useProxy(url);
    const store = storeOn(proxy.url(url));
    await write(store, itemList(1));
    proxy.halfOpen();
    const written = unavailable(write(store, itemList(1)));
    const startedAt = performance.now();
    await store.close();
    expect(performance.now() - startedAt).toBeLessThan(5000);
    await written;
  });
});
