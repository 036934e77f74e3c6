import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type DatabaseSession, openSession } from '../../../consumer/store/connect.js';
import { parseDatabaseUrl } from '../../../consumer/store/database-url.js';
import { type Migration, migrate, readMigrations } from '../../../consumer/store/migrate.js';
import type { LoghiveError } from '../../../src/errors.js';
import { onEnd, uniqueName, useDatabase, useProxy } from '../../support/use-servers.js';
import { eventually } from '../../support/wait.mjs';
import { item, openClient, storeOn, unavailable, urlAs, write, writeLetters } from './database.js';

const ALL = [
  '0001_records.sql',
  '0002_dead_letters.sql',
  '0003_logging_details.sql',
  '0004_services.sql',
  '0005_alerts.sql',
];

async function sessionOn(url: string): Promise<DatabaseSession> {
  const session = await openSession(parseDatabaseUrl(url), {
    schema: 'logs',
    connectTimeoutMs: 5000,
    answerTimeoutMs: 0,
  });
  onEnd(() => session.end());
  return session;
}

function optionsWith(migrations: readonly Migration[], notice: (text: string) => void = () => undefined) {
  return { schema: 'logs', shownUrl: 'shown', notice, migrations };
}

async function failure(promise: Promise<unknown>): Promise<LoghiveError> {
  return promise.then(
    () => {
      throw new Error('it did not fail');
    },
    (error) => error,
  );
}

describe('migrating', () => {
  it('creates everything in the storage contract', async () => {
    const { url, query } = await useDatabase();
    expect(await storeOn(url).migrate()).toEqual(ALL);
    const columns = await query(
      `select column_name as name, coalesce(domain_name, udt_name) as type from information_schema.columns
       where table_schema = 'logs' and table_name = 'records' order by ordinal_position`,
    );
    expect(columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'id uuid',
      'ts timestamptz',
      'service text',
      'level level',
      'message text',
      'information jsonb',
    ]);
    const levels = await query(
      'select array_agg(l::text order by l) as all from unnest(enum_range(null::logs.level)) l',
    );
    expect(levels).toEqual([{ all: ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'] }]);
    const indexes = await query(
      `select indexdef from pg_indexes where schemaname = 'logs' and tablename = 'records' order by indexname`,
    );
    const definitions = indexes.map(({ indexdef }) => indexdef.replace(/^.* USING /, '')).join('\n');
    expect(definitions).toContain('btree (ts, id)');
    expect(definitions).toContain('btree (service, ts DESC)');
    expect(definitions).toMatch(/btree \(ts\) WHERE \(level >= 'ERROR'::logs\.level\)/);
    expect(definitions).toContain('gin (information jsonb_path_ops)');
  });

  it('does nothing the second time and returns an empty list', async () => {
    const { url } = await useDatabase();
    const notices: string[] = [];
    const store = storeOn(url, { notice: (text) => notices.push(text) });
    await store.migrate();
    notices.length = 0;
    expect(await store.migrate()).toEqual([]);
    expect(notices).toEqual([]);
  });

  it('logs the database with the password masked before the first migration', async () => {
    const { url, name } = await useDatabase();
    const notices: string[] = [];
    await storeOn(url, { notice: (text) => notices.push(text) }).migrate();
    expect(notices[0]).toContain(`/${name}`);
    expect(notices[0]).toContain(':***@');
    expect(notices.join('\n')).not.toContain(new URL(url).password);
    expect(notices).toHaveLength(1 + ALL.length);
  });

  it('applies each migration once when ten start together', async () => {
    const { url, query } = await useDatabase();
    const applied = await Promise.all(Array.from({ length: 10 }, () => storeOn(url).migrate()));
    expect(applied.flat().sort()).toEqual(ALL);
    expect(await query('select name from logs.migrations order by name')).toEqual(ALL.map((name) => ({ name })));
  });

  it('works in a schema of any name', async () => {
    const { url, query } = await useDatabase();
    const schema = `Odd "na'me"`;
    const store = storeOn(url, { schema });
    await store.migrate();
    await write(store, [item(), item({ message: '\0' })]);
    await writeLetters(store, [
      { raw: Buffer.from('x'), code: 'x', reason: 'x', attempts: 0, queue: 'q', routingKey: 'k', headers: {} },
    ]);
    await store.probe();
    expect(await query(`select count(*)::int as n from "Odd ""na'me""".logging_details`)).toEqual([{ n: 1 }]);
    expect(await query(`select count(*)::int as n from "Odd ""na'me""".dead_letters`)).toEqual([{ n: 1 }]);
    expect(await query(`select 1 from pg_namespace where nspname = 'logs'`)).toEqual([]);
  });

  it('separates two schemas of one database', async () => {
    const { url, query } = await useDatabase();
    await Promise.all([storeOn(url, { schema: 'one' }).migrate(), storeOn(url, { schema: 'two' }).migrate()]);
    const store = storeOn(url, { schema: 'two' });
    await write(store, [item()]);
    expect(
      await query('select (select count(*) from one.records)::int as a, (select count(*) from two.records)::int as b'),
    ).toEqual([{ a: 0, b: 1 }]);
  });

  it('refuses a migration that was applied with other content', async () => {
    const { url } = await useDatabase();
    const session = await sessionOn(url);
    const migrations = await readMigrations();
    await migrate(session, optionsWith(migrations));
    const changed = migrations.map((one) => ({ ...one, checksum: one.name.startsWith('0002') ? 'x' : one.checksum }));
    const error = await failure(migrate(session, optionsWith(changed)));
    expect(error.code).toBe('LOGHIVE_MIGRATION_FAILED');
    expect(error.message).toMatch(/0002_dead_letters\.sql.*other content/);
  });

  it('keeps the migrations before a failed one, and continues from there', async () => {
    const { url, query } = await useDatabase();
    const session = await sessionOn(url);
    const good = { name: '0001_a.sql', sql: 'create table a (n int)', checksum: 'a' };
    const bad = { name: '0002_b.sql', sql: 'create table b (n int); select nonsense', checksum: 'b' };
    const error = await failure(migrate(session, optionsWith([good, bad])));
    expect(error.code).toBe('LOGHIVE_MIGRATION_FAILED');
    expect(error.message).toMatch(/0002_b\.sql.*nonsense/);
    expect(await query(`select to_regclass('logs.a') is not null as a, to_regclass('logs.b') is null as b`)).toEqual([
      { a: true, b: true },
    ]);
    const corrected = { ...bad, sql: 'create table b (n int)' };
    expect(await migrate(session, optionsWith([good, corrected]))).toEqual(['0002_b.sql']);
  });

  it('accepts migrations of a newer version', async () => {
    const { url } = await useDatabase();
    const session = await sessionOn(url);
    const migrations = await readMigrations();
    await migrate(session, optionsWith([...migrations, { name: '9999_new.sql', sql: 'select 1', checksum: 'n' }]));
    expect(await migrate(session, optionsWith(migrations))).toEqual([]);
  });

  it('leaves the table of the Python package alone', async () => {
    const { url, query } = await useDatabase();
    await query('create schema logs');
    await query('create table logs.logging_details (id int, note text)');
    await query(`insert into logs.logging_details values (1, 'mine')`);
    await storeOn(url).migrate();
    expect(await query('select * from logs.logging_details')).toEqual([{ id: 1, note: 'mine' }]);
  });

  it('creates the view for the Python package', async () => {
    const { url, query } = await useDatabase();
    const store = storeOn(url);
    await store.migrate();
    const one = item({ level: 'ERROR', information: '{"a":1}' });
    await write(store, [one]);
    const rows = await query(
      `select id, service_name, data, "timestamp" = $1::timestamptz as same_time, status, information
       from logs.logging_details where status = 'ERROR' and status = $2::text`,
      [one.record.timestamp, 'ERROR'],
    );
    const { id, service, message } = one.record;
    expect(rows).toEqual([
      { id, service_name: service, data: message, same_time: true, status: 'ERROR', information: { a: 1 } },
    ]);
  });

  it('lets a role without CREATE use a migrated schema, and names the missing privilege for a new one', async () => {
    const { url, query } = await useDatabase();
    const role = uniqueName('role');
    await query(`create role ${role} login password 'geheim'`);
    const limited = storeOn(urlAs(url, role, 'geheim'));
    const error = await failure(limited.migrate());
    expect(error.code).toBe('LOGHIVE_MIGRATION_FAILED');
    expect(error.message).toMatch(
      new RegExp(
        `^schema logs cannot be created: user ${role} lacks the CREATE privilege on database (\\w+): permission denied .*42501\\)\\. Run GRANT CREATE ON DATABASE "\\1" TO "${role}" as the owner`,
      ),
    );
    expect(error.message).not.toContain('geheim');
    await storeOn(url).migrate();
    await query(`grant usage on schema logs to ${role}; grant select, insert on all tables in schema logs to ${role}`);
    expect(await limited.migrate()).toEqual([]);
    expect(await write(limited, [item()])).toMatchObject({ stored: 1 });
  });

  it('waits for the migration of another process', async () => {
    const { url } = await useDatabase();
    const other = await openClient(url);
    await other.query('begin');
    await other.query(`select pg_advisory_xact_lock(hashtextextended('loghive:migrations:logs', 0))`);
    const applied = storeOn(url).migrate();
    await expect
      .poll(
        async () => (await other.query(`select 1 from pg_locks where locktype = 'advisory' and not granted`)).rowCount,
      )
      .toBe(1);
    await other.query('commit');
    expect(await applied).toEqual(ALL);
  });

  it('stops waiting for a server that no longer responds', async () => {
    const { url } = await useDatabase();
    const proxy = await useProxy(url);
    const store = storeOn(proxy.url(url), { writeTimeoutMs: 400, notice: () => proxy.halfOpen() });
    const startedAt = performance.now();
    expect((await unavailable(store.migrate())).reason).toMatch(/no answer for 400 ms/);
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });

  it.each(['is under way', 'is about to begin'])('that %s is aborted when the store is closed', async (moment) => {
    const { url } = await useDatabase();
    const proxy = await useProxy(url);
    let silent = moment === 'is about to begin';
    if (silent) proxy.halfOpen();
    const notice = () => {
      proxy.halfOpen();
      silent = true;
    };
    const store = storeOn(proxy.url(url), { connectTimeoutMs: 60_000, writeTimeoutMs: 60_000, notice });
    const refused = unavailable(store.migrate());
    await eventually(() => silent && proxy.accepted > 0);
    const startedAt = performance.now();
    await Promise.all([store.close(), refused]);
    expect(performance.now() - startedAt).toBeLessThan(6000);
  });

  it('accepts a checkout with other line endings', async () => {
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'loghive-migrations-'));
    onEnd(() => fs.rm(folder, { recursive: true }));
    await fs.writeFile(path.join(folder, '0001_a.sql'), 'select 1;\nselect 2;\n');
    await fs.writeFile(path.join(folder, 'notes.txt'), 'no migration');
    const [unix] = await readMigrations(folder);
    await fs.writeFile(path.join(folder, '0001_a.sql'), 'select 1;\r\nselect 2;\r\n');
    expect(await readMigrations(folder)).toEqual([unix]);
  });
});
