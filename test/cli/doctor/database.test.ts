/** What `loghive doctor` says about a database that is set up wrongly. */
import { beforeAll, expect, inject, test, vi } from 'vitest';
import { openMaintenance } from '../../../consumer/store/index.js';
import { openClient, storeOn, testConfig, urlAs } from '../../consumer/store/database.js';
import { startPgbouncer } from '../../support/pgbouncer.mjs';
import { administer } from '../../support/postgres-admin.mjs';
import { onEnd, type TestDatabase, uniqueName, useBroker, useDatabase, useProxy } from '../../support/use-servers.js';
import { detailOf, examined } from './examine.js';

// Each examines several servers, some of which do not answer.
vi.setConfig({ testTimeout: 60_000 });

let broker: string;

beforeAll(async () => {
  broker = (await useBroker()).url;
});

/** Without services: their queues are examined elsewhere. */
const at = (databaseUrl: string) => examined({ url: broker, databaseUrl, services: [] });

/** As a consumer leaves it. */
async function useMigrated(): Promise<TestDatabase> {
  const database = await useDatabase();
  await storeOn(database.url).migrate();
  await makePartitions(database.url);
  return database;
}

async function makePartitions(databaseUrl: string): Promise<void> {
  const maintenance = openMaintenance(testConfig(databaseUrl), { days: undefined, levels: {} });
  onEnd(() => maintenance.close());
  await maintenance.run(new AbortController().signal);
}

/** A role of this test. */
async function useRole({ query }: TestDatabase, grants: (role: string) => string): Promise<string> {
  const role = uniqueName('role');
  await query(`create role ${role} login password 'pw-secret'; ${grants(role)}`);
  onEnd(() => query(`drop owned by ${role}; drop role ${role}`));
  return role;
}

test('a database that works has no faults', async () => {
  const { url } = await useMigrated();
  const result = await at(url);
  expect(result.faults).toEqual([]);
  expect(detailOf(result, 'pooler')).toBe('none: connected to the server itself');
});

test('a port on which nothing listens', async () => {
  const { faults } = await at('postgres://postgres@127.0.0.1:1/logs');
  expect(faults).toEqual([
    'TCP: nothing listens at 127.0.0.1:1 (ECONNREFUSED) → Start the server, or correct host and port.',
  ]);
});

test('a host name that does not exist', async () => {
  const { faults } = await at('postgres://postgres@database.invalid/logs');
  expect(faults).toEqual([expect.stringMatching(/^name: the host name database\.invalid cannot be resolved/)]);
});

test('a server that accepts the connection and never answers is named', async () => {
  const { url } = await useDatabase();
  const proxy = await useProxy(url);
  proxy.halfOpen();
  const { faults } = await at(proxy.url(url));
  expect(faults).toEqual([
    expect.stringMatching(/^login: 127\.0\.0\.1:\d+ did not answer in time → Check the address/),
  ]);
});

test('a database that does not exist, a wrong password, TLS that the server does not have', async () => {
  const { url } = await useDatabase();
  const unknown = new URL(url);
  unknown.pathname = '/elsewhere';
  expect((await at(unknown.href)).faults).toEqual([
    expect.stringMatching(
      /^login: there is no database elsewhere on 127\.0\.0\.1:\d+: .*\(SQLSTATE 3D000\) → Create it\.$/,
    ),
  ]);
  const { faults } = await at(urlAs(url, 'postgres', 'wrong-secret'));
  expect(faults).toEqual([
    expect.stringMatching(/^login: .* refuses the password of user postgres: .* → Correct it in the database URL\.$/),
  ]);
  expect(faults.join()).not.toContain('wrong-secret');
  expect((await at(`${url}?sslmode=require`)).faults).toEqual([
    expect.stringMatching(/^login: .* does not support TLS, but sslmode requires it → Enable ssl on the server/),
  ]);
});

test('a read-only database', async () => {
  const { url, name, query } = await useMigrated();
  await query(`alter database ${name} set default_transaction_read_only = on`);
  expect((await at(url)).faults).toEqual([
    expect.stringMatching(/^login: 127\.0\.0\.1:\d+ is read-only → Point the database URL at the primary, or turn off/),
  ]);
});

test('a database without the schema, and a user that may not create it', async () => {
  const database = await useDatabase();
  expect((await at(database.url)).faults).toEqual([
    `schema: database ${database.name} has no tables of Loghive in schema logs → Run loghive migrate, or start loghive consume, which does the same.`,
  ]);
  const role = await useRole(database, () => '');
  expect((await at(urlAs(database.url, role, 'pw-secret'))).faults).toEqual([
    expect.stringContaining(`→ GRANT CREATE ON DATABASE ${database.name} TO ${role}; then run loghive migrate`),
  ]);
});

test('an old schema, a changed one, and one of a newer version', async () => {
  const { url, query } = await useMigrated();
  await query(`insert into logs.migrations values ('9999_future.sql', 'x')`);
  const newer = await at(url);
  expect(newer.faults).toEqual([]);
  expect(newer.findings).toContainEqual(
    expect.objectContaining({ step: 'schema', state: 'note', detail: expect.stringContaining('9999_future.sql') }),
  );
  await query(`delete from logs.migrations where name like '0005%'`);
  expect((await at(url)).faults).toEqual([
    'schema: schema logs is old: 0005_alerts.sql is not applied → Run loghive migrate.',
  ]);
  await query(`update logs.migrations set checksum = 'x' where name like '0001%'`);
  expect((await at(url)).faults).toEqual([
    expect.stringMatching(/^schema: 0001_records\.sql of schema logs was applied with other content .* → Install the/),
  ]);
});

test('a user without privileges, with some, and with those of docs/database-rights.md', async () => {
  const database = await useMigrated();
  const { url, query } = database;
  const role = await useRole(database, () => '');
  const own = urlAs(url, role, 'pw-secret');
  const repaired = async (faults: readonly string[]) => {
    for (const fault of faults) await query(/→ Run as the owner: (.*)$/.exec(fault)![1]!);
  };
  const first = (await at(own)).faults;
  expect(first).toEqual([
    expect.stringMatching(/^schema: user \w+ may not read which migrations .* → .*GRANT USAGE ON SCHEMA logs TO role_/),
  ]);
  await repaired(first);
  const second = (await at(own)).faults;
  expect(second).toEqual([
    expect.stringMatching(
      /^privileges: user \w+ lacks privileges in schema logs: select and insert on .* and 1 other → .*GRANT SELECT, INSERT ON/,
    ),
  ]);
  await repaired(second);
  const third = await at(own);
  expect(third.faults).toEqual([]);
  expect(detailOf(third, 'privileges')).toMatch(/may store records, but not add partitions: only the owner/);
});

test('retention by a user that may not drop partitions', async () => {
  const database = await useMigrated();
  const tables = 'select, insert on all tables in schema logs';
  const role = await useRole(database, (name) => `grant usage on schema logs to ${name}; grant ${tables} to ${name}`);
  process.env.RETENTION_DAYS = '30';
  onEnd(() => delete process.env.RETENTION_DAYS);
  expect((await at(urlAs(database.url, role, 'pw-secret'))).faults).toEqual([
    expect.stringMatching(
      /^privileges: .* nor drop those that RETENTION_DAYS asks for: .* → As a superuser, grant the/,
    ),
  ]);
});

test('tables that refuse records: a lock, a trigger', async () => {
  const { url, query } = await useMigrated();
  const client = await openClient(url);
  await client.query('begin; lock table logs.dead_letters in access exclusive mode');
  expect((await at(url)).faults).toEqual([
    expect.stringMatching(
      /^storing: a table of schema logs is locked by another session: .* → End that session, or wait/,
    ),
  ]);
  await client.query('rollback');
  await query(`create function logs.refuse() returns trigger language plpgsql as $$ begin raise 'no'; end $$;
    create trigger refuse before insert on logs.records for each row execute function logs.refuse()`);
  expect((await at(url)).faults).toEqual([
    expect.stringMatching(/^storing: a trigger on a table of schema logs refuses rows: no .* → Correct or drop it\.$/),
  ]);
});

test('no partition for tomorrow, and rows in the default partition', async () => {
  const { url, query } = await useMigrated();
  const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
  await query(`drop table logs.records_${tomorrow.replaceAll('-', '')}`);
  const row = (time: string) =>
    `insert into logs.records (id, ts, service, level, message) values (gen_random_uuid(), ${time}, 's', 'INFO', 'm')`;
  await query(row(`'2001-01-01'`));
  const result = await at(url);
  expect(result.faults).toEqual([
    `partitions: there is no partition for tomorrow (${tomorrow}) → A running consumer makes partitions a week ahead: start one, or read in its log why it cannot (usually it does not own the table, or another session locks it).`,
  ]);
  expect(detailOf(result, 'default rows')).toBe('1 row, older than 30 days or more than a day ahead');
  await query(row(`now() at time zone 'UTC' - interval '20 days'`));
  const { faults } = await at(url);
  expect(faults[1]).toMatch(
    /^default rows: the default partition holds 1 row of the last 30 days, .* → Read in the log/,
  );
});

test('a database in another encoding', async () => {
  const { query, url } = await useDatabase();
  const name = uniqueName('latin');
  await query(`create database ${name} encoding 'LATIN1' locale 'C' template template0`);
  onEnd(() => administer(inject('postgres')).dropDatabase(name));
  const latin = new URL(url);
  latin.pathname = `/${name}`;
  expect((await at(latin.href)).faults[0]).toMatch(
    /^version: database \w+ uses encoding LATIN1: .* → Create a database with/,
  );
});

test('a pooler is recognized, with its mode', async () => {
  const { url } = await useMigrated();
  const modes = ['transaction', 'session', 'statement'];
  const poolers = await Promise.all(
    modes.map((pool_mode) => startPgbouncer({ target: inject('postgres').url, settings: { pool_mode } })),
  );
  onEnd(() => Promise.all(poolers.map((each) => each.stop())));
  const [transaction, session, statement] = poolers;
  const pooled = await at(transaction!.url(url));
  expect(pooled.faults).toEqual([]);
  expect(detailOf(pooled, 'pooler')).toMatch(/^a pooler in transaction mode: supported/);
  expect(detailOf(await at(session!.url(url)), 'pooler')).toMatch(/^a pooler in session mode/);
  expect((await at(statement!.url(url))).faults).toEqual([
    'pooler: a pooler in statement mode, which allows no transactions → Set its pool_mode to transaction or session.',
  ]);
  const withOptions = `${transaction!.url(url)}?options=-c%20work_mem%3D1MB`;
  expect((await at(withOptions)).faults).toEqual([
    expect.stringMatching(/^login: the pooler at .* refuses the options of the database URL: .* → Remove them, or add/),
  ]);
});
