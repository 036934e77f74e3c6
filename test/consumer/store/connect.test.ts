import net from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DatabaseSession, openSession } from '../../../consumer/store/connect.js';
import { parseDatabaseUrl } from '../../../consumer/store/database-url.js';
import type { StorageUnavailable } from '../../../consumer/store/index.js';
import { LoghiveError } from '../../../src/errors.js';
import { freePort } from '../../support/ports.mjs';
import { type PostgresServer, startPostgres } from '../../support/postgres.mjs';
import { onEnd, uniqueName, useDatabase, useProxy } from '../../support/use-servers.js';
import { item, newStore, storeOn, unavailable, urlAs, write } from './database.js';

async function open(url: string): Promise<DatabaseSession> {
  const settings = { schema: 'logs', connectTimeoutMs: 3000, answerTimeoutMs: 0 };
  const session = await openSession(parseDatabaseUrl(url), settings);
  onEnd(() => session.end());
  return session;
}

async function refusal(url: string): Promise<StorageUnavailable> {
  const error = await open(url).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(LoghiveError);
  return error as StorageUnavailable;
}

/** The URL with other hosts. */
function withHosts(url: string, hosts: string): string {
  const { username, password, pathname } = new URL(url);
  return `postgres://${username}:${password}@${hosts}${pathname}`;
}

const placeOf = (url: string) => new URL(url).host;

describe('a session', () => {
  it('sets nothing but its name, because a pooler would pass it on to others', async () => {
    const { url } = await useDatabase();
    const session = await open(url);
    const { rows } = await session.query('select name, source from pg_settings where source in ($1, $2) order by 1', [
      'session',
      'client',
    ]);
    expect(rows).toEqual([
      { name: 'application_name', source: 'client' },
      { name: 'client_encoding', source: 'client' },
    ]);
  });

  it('has the application name and options of the URL', async () => {
    const { url } = await useDatabase();
    const session = await open(`${url}?application_name=night%20shift&options=-c%20work_mem%3D123kB`);
    const { rows } = await session.query(
      `select current_setting('application_name') as name, current_setting('work_mem') as memory`,
    );
    expect(rows).toEqual([{ name: 'night shift', memory: '123kB' }]);
  });

  it('notices when the server closes it', async () => {
    const { url, query } = await useDatabase();
    const session = await open(url);
    expect(session.isOpen()).toBe(true);
    await query(`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name = 'loghive'`);
    await expect.poll(() => session.isOpen()).toBe(false);
    await expect(session.query('select 1')).rejects.toMatchObject({ code: '57P01' });
    await expect(session.copy('copy t from stdin', [])).rejects.toMatchObject({ code: '57P01' });
  });
});

describe('a list of hosts', () => {
  it('is tried in order until one accepts writes', async () => {
    const { url } = await useDatabase();
    const dead = await freePort();
    const session = await open(withHosts(url, `127.0.0.1:${dead},${placeOf(url)}`));
    expect(session.place.host).toBe(placeOf(url));
  });

  it('skips a read-only server, unless target_session_attrs is any', async () => {
    const readOnly = await startPostgres({ settings: { default_transaction_read_only: 'on' } });
    onEnd(() => readOnly.stop());
    const shared = await useDatabase();
    const role = uniqueName('role');
    const createRole = `create role ${role} login superuser password 'pw'`;
    await shared.query(createRole);
    await readOnly.query(`begin read write; ${createRole}; commit`);
    const { url } = shared;
    const both = `postgres://${role}:pw@${placeOf(readOnly.url)},${placeOf(url)}/postgres`;
    expect((await open(both)).place.host).toBe(placeOf(url));
    expect((await open(`${both}?target_session_attrs=any`)).place.host).toBe(placeOf(readOnly.url));
    expect((await open(`${both}?target_session_attrs=primary`)).place.host).toBe(placeOf(readOnly.url));
    const error = await refusal(readOnly.url);
    expect(error).toMatchObject({ code: 'LOGHIVE_STORAGE_UNAVAILABLE', sqlstate: '25006' });
    expect(error.reason).toMatch(/read-only/);
  });

  it('with no reachable host fails with a reason for each', async () => {
    const [one, two] = [await freePort(), await freePort()];
    const error = await refusal(`postgres://u:geheim@127.0.0.1:${one},127.0.0.1:${two}/db`);
    expect(error.code).toBe('LOGHIVE_STORAGE_UNAVAILABLE');
    expect(error.reason).toContain(`nothing listens at 127.0.0.1:${one}`);
    expect(error.reason).toContain(`nothing listens at 127.0.0.1:${two}`);
    expect(error.message).not.toContain('geheim');
  });

  it('is not tried further after a server refuses authentication', async () => {
    const { url } = await useDatabase();
    const error = await refusal(withHosts(urlAs(url, 'postgres', 'wrong'), `${placeOf(url)},127.0.0.1:1`));
    expect(error.sqlstate).toBe('28P01');
    expect(error.reason).not.toContain('127.0.0.1:1 ');
  });

  it('makes a store fail over to the second host', async () => {
    const { url, sql } = await newStore();
    const proxy = await useProxy(url);
    const through = storeOn(withHosts(url, `127.0.0.1:${proxy.port},${placeOf(url)}`));
    await write(through, [item()]);
    expect(proxy.connections).toBe(1);
    await proxy.refuse();
    await proxy.reset();
    expect(await write(through, [item()])).toMatchObject({ stored: 1 });
    expect(await sql('select count(*)::int as n from logs.records')).toEqual([{ n: 2 }]);
  });
});

describe('a server that refuses or does not answer', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres({ settings: { max_connections: 5, superuser_reserved_connections: 0 } });
  });
  afterAll(() => server.stop());

  it.each([
    [
      'a wrong password',
      (url: string) => urlAs(url, 'postgres', 'geheim'),
      '28P01',
      /refuses the password of user post/,
    ],
    ['no password', (url: string) => urlAs(url, 'postgres', ''), undefined, /requires a password/],
    ['an unknown user', (url: string) => urlAs(url, 'nobody', 'geheim'), '28P01', /user nobody/],
    ['an unknown database', (url: string) => url.replace(/postgres$/, 'void'), '3D000', /no database void.*Create it/],
    ['an unknown host', (url: string) => withHosts(url, 'no-such-host.invalid'), undefined, /DNS does not resolve/],
    ['a folder without a socket', (url: string) => withHosts(url, '%2Fnowhere'), undefined, /socket/],
    ['TLS where there is none', (url: string) => `${url}?sslmode=require`, undefined, /does not support TLS/],
  ])('%s is named', async (_, change, sqlstate, words) => {
    const error = await refusal(change(server.url));
    expect(error.code).toBe('LOGHIVE_STORAGE_UNAVAILABLE');
    expect(error.sqlstate).toBe(sqlstate);
    expect(error.reason).toMatch(words);
    expect(error.message).not.toContain('geheim');
    expect(error.message).not.toContain(new URL(server.url).password);
  });

  it('reports a lack of connections', async () => {
    for (let taken = 0; taken < 5; taken++) await open(server.url);
    const error = await refusal(server.url);
    expect(error.sqlstate).toBe('53300');
    expect(error.reason).toMatch(/max_connections/);
  });

  it('times out after connect_timeout', async () => {
    let connections = 0;
    const silent = net.createServer(() => connections++);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    onEnd(() => silent.close());
    const { port } = silent.address() as net.AddressInfo;
    for (const sslmode of ['disable', 'require', 'prefer']) {
      const error = await refusal(`postgres://u@127.0.0.1:${port}/db?connect_timeout=1&sslmode=${sslmode}`);
      expect(error.reason).toMatch(/did not answer in time/);
    }
    // With `prefer`, the second attempt, without TLS, would wait as long again.
    expect(connections).toBe(3);
  });

  it('is reachable by a Unix socket', async () => {
    const local = await startPostgres({ settings: { unix_socket_directories: '/tmp' } });
    onEnd(() => local.stop());
    const { port, username, password } = new URL(local.url);
    const session = await open(
      `postgres://${username}:${password}@/postgres?host=/tmp&port=${port}&sslmode=verify-full`,
    );
    const { rows } = await session.query('select inet_server_addr() is null as local');
    expect(rows).toEqual([{ local: true }]);
  });

  it('pauses a running store', async () => {
    const store = storeOn(urlAs(server.url, 'postgres', 'wrong'));
    expect((await unavailable(write(store, [item()]))).sqlstate).toBe('28P01');
    expect((await unavailable(store.probe())).sqlstate).toBe('28P01');
    await store.close();
    expect((await unavailable(store.probe())).reason).toMatch(/closed/);
  });
});
