import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { isFree } from '../../../../cli/embedded/free-port.js';
import { type EmbeddedPostgresOptions, startEmbeddedPostgres } from '../../../../cli/embedded/postgres/index.js';
import { exists } from '../../../../cli/embedded/process-identity.js';
import { freePort } from '../../../support/ports.mjs';
import { postgresBinaries } from '../../../support/postgres-binaries.mjs';
import { onEnd } from '../../../support/use-servers.js';
import { eventually } from '../../../support/wait.mjs';
import { query, useFolder, useStarter, useStarting } from './use-embedded.js';

const binaries = await postgresBinaries();

async function useServer(folder: string, options: Partial<EmbeddedPostgresOptions> = {}) {
  const server = await startEmbeddedPostgres({ folder, binaries, ...options });
  onEnd(() => server.stop());
  return server;
}

async function useTakenPort(): Promise<number> {
  const listener = net.createServer();
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  onEnd(() => listener.close());
  return (listener.address() as net.AddressInfo).port;
}

const refusal = (code: string, words: string) =>
  expect.objectContaining({ name: 'LoghiveError', code, message: expect.stringContaining(words) });

describe('the first start', () => {
  test('creates a database owned by a role that is not a superuser', async () => {
    const folder = path.join(useFolder(), 'not', 'there', 'yet');
    const server = await useServer(folder);
    expect(server).toMatchObject({ adopted: false, folder });
    expect(server.isRunning()).toBe(true);
    const [facts] = await query(
      server.url,
      `select current_user as role, rolsuper as superuser, pg_get_userbyid(datdba) as owner, datname as database,
        pg_encoding_to_char(encoding) as encoding, lower('Ä') as lower, current_setting('server_version') as version,
        current_setting('fsync') as fsync, current_setting('listen_addresses') as addresses
       from pg_roles, pg_database where rolname = current_user and datname = current_database()`,
    );
    expect(facts).toEqual({
      role: 'loghive',
      superuser: false,
      owner: 'loghive',
      database: 'loghive',
      encoding: 'UTF8',
      lower: 'ä',
      version: server.version,
      fsync: 'on',
      addresses: '127.0.0.1',
    });
  });

  test('keeps the passwords in a private libpq password file and shows none', async () => {
    const server = await useServer(path.join(useFolder(), 'postgres'));
    expect(statSync(server.passFile).mode & 0o777).toBe(0o600);
    const [, password] = /^127\.0\.0\.1:\*:\*:loghive:(\w{32})$/m.exec(readFileSync(server.passFile, 'utf8')) ?? [];
    expect(new URL(server.url).password).toBe(password);
    expect(server.shownUrl).toBe(`postgres://loghive@127.0.0.1:${server.port}/loghive?passfile=${server.passFile}`);
    await expect(query(server.url.replace(/:\w{32}@/, ':wrong@'), 'select 1')).rejects.toThrow(/password/);
    const superuser = /:postgres:(\w{32})$/m.exec(readFileSync(server.passFile, 'utf8'))?.[1];
    const url = `postgres://postgres:${superuser}@127.0.0.1:${server.port}/postgres`;
    const rules = await query(url, 'select type, address, auth_method from pg_hba_file_rules');
    expect(rules).toEqual([{ type: 'host', address: '127.0.0.1', auth_method: 'scram-sha-256' }]);
  });

  test('starts over after one that was killed while creating the data', async () => {
    const folder = useFolder();
    const child = useStarting({ folder, binaries });
    await eventually(() => readdirSync(folder).some((name) => name.startsWith('data.draft-')) || null);
    await child.kill();
    const server = await useServer(folder);
    expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(readdirSync(folder).filter((name) => name.includes('draft'))).toEqual([]);
  });

  test('can be canceled and leaves no process', async () => {
    const folder = useFolder();
    const abort = new AbortController();
    const started = startEmbeddedPostgres({ folder, binaries, signal: abort.signal });
    const expected = expect(started).rejects.toThrow('not any more');
    await eventually(() => readdirSync(folder).includes('server.log') || null);
    abort.abort(new Error('not any more'));
    await expected;
    expect(readdirSync(path.join(folder, 'data'))).not.toContain('postmaster.pid');
    await useServer(folder);
  });
});

describe('the next start', () => {
  test('finds the data, on the same port, with the same password', async () => {
    const folder = useFolder();
    const first = await useServer(folder);
    await query(first.url, 'create table kept as select 7 as n');
    await first.stop();
    expect(first.isRunning()).toBe(false);
    expect(exists(first.pid)).toBe(false);
    expect(await isFree(first.port)).toBe(true);
    const second = await useServer(folder);
    expect(second).toMatchObject({ url: first.url, adopted: false });
    expect(await query(second.url, 'select * from kept')).toEqual([{ n: 7 }]);
  });

  test('uses another port if that one is taken', async () => {
    const folder = useFolder();
    const first = await useServer(folder);
    await first.stop();
    const listener = net.createServer();
    onEnd(() => listener.close());
    await new Promise<void>((resolve) => listener.listen(first.port, '127.0.0.1', resolve));
    const second = await useServer(folder);
    expect(second.port).not.toBe(first.port);
    expect(await query(second.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('uses the requested port, and reports if it is taken', async () => {
    const folder = useFolder();
    const taken = await useTakenPort();
    await expect(startEmbeddedPostgres({ folder, binaries, port: taken })).rejects.toEqual(
      refusal('LOGHIVE_PORT_TAKEN', `port ${taken} of 127.0.0.1, requested for PostgreSQL, is used by another program`),
    );
    const port = await freePort();
    expect((await useServer(folder, { port })).port).toBe(port);
  });

  test('refuses data of another major version, and leaves it alone', async () => {
    const folder = useFolder();
    await (await useServer(folder)).stop();
    const versionFile = path.join(folder, 'data', 'PG_VERSION');
    const own = readFileSync(versionFile, 'utf8').trim();
    writeFileSync(versionFile, '15\n');
    const start = startEmbeddedPostgres({ folder, binaries });
    await expect(start).rejects.toEqual(refusal('LOGHIVE_POSTGRES_VERSION', 'was created by PostgreSQL 15'));
    await expect(start).rejects.toThrow(
      `are PostgreSQL ${own}, which cannot read it. To keep the data, install PostgreSQL 15`,
    );
    writeFileSync(versionFile, `${own}\n`);
    await useServer(folder);
  });

  test('reports missing passwords', async () => {
    const folder = useFolder();
    const { passFile, stop } = await useServer(folder);
    await stop();
    rmSync(passFile);
    await expect(startEmbeddedPostgres({ folder, binaries })).rejects.toEqual(
      refusal('LOGHIVE_POSTGRES_FAILED', `${passFile} does not contain the passwords`),
    );
  });

  test('quotes the server if it exits immediately', async () => {
    const folder = useFolder();
    await (await useServer(folder)).stop();
    writeFileSync(path.join(folder, 'data', 'postgresql.conf'), 'no_such_setting = 1\n');
    await expect(startEmbeddedPostgres({ folder, binaries })).rejects.toEqual(
      refusal('LOGHIVE_POSTGRES_FAILED', 'unrecognized configuration parameter "no_such_setting"'),
    );
  });
});

describe('a server that outlived its starter', () => {
  test('is adopted, but not while the process that started it lives', async () => {
    const folder = useFolder();
    const { child, report } = await useStarter({ folder, binaries });
    await expect(startEmbeddedPostgres({ folder, binaries })).rejects.toEqual(
      refusal('LOGHIVE_FOLDER_LOCKED', `in use by process ${child.pid}`),
    );
    await child.kill();
    const server = await useServer(folder);
    const { url, port, pid, version } = report;
    expect(server).toMatchObject({ url, port, pid, version, adopted: true });
    expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await server.stop();
    expect(server.isRunning()).toBe(false);
    expect(await isFree(port)).toBe(true);
  });

  test('restarts on another port if requested', async () => {
    const folder = useFolder();
    const { child, report } = await useStarter({ folder, binaries });
    await child.kill();
    const port = await freePort();
    const server = await useServer(folder, { port });
    expect(server).toMatchObject({ port, adopted: false });
    expect(await isFree(report.port)).toBe(true);
  });

  test('does not receive Ctrl-C from the terminal, because it has its own session', async () => {
    const server = await useServer(useFolder());
    // Fields after the name: state, parent, process group, session.
    const fields = readFileSync(`/proc/${server.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    expect(fields.slice(2, 4)).toEqual([String(server.pid), String(server.pid)]);
  });
});

describe('a server that was killed', () => {
  test('restarts with its data once its child processes have exited', async () => {
    const folder = useFolder();
    const first = await useServer(folder);
    await query(first.url, 'create table kept as select 7 as n');
    process.kill(first.pid, 'SIGKILL');
    await eventually(() => !first.isRunning());
    await first.stop();
    const second = await useServer(folder);
    expect(second.adopted).toBe(false);
    expect(await query(second.url, 'select * from kept')).toEqual([{ n: 7 }]);
  });

  test('together with the process that started it also restarts', async () => {
    const folder = useFolder();
    const { child, report } = await useStarter({ folder, binaries });
    await query(report.url, 'create table kept as select 7 as n');
    process.kill(report.pid, 'SIGKILL');
    await child.kill();
    const server = await useServer(folder);
    expect(server.adopted).toBe(false);
    expect(await query(server.url, 'select * from kept')).toEqual([{ n: 7 }]);
  });

  test('does not count as running if its pid belongs to another program', async () => {
    const folder = useFolder();
    const first = await useServer(folder);
    const pidFile = path.join(folder, 'data', 'postmaster.pid');
    const lines = readFileSync(pidFile, 'utf8').split('\n');
    await first.stop();
    const { child: another } = await useStarter({ folder: useFolder(), binaries });
    writeFileSync(pidFile, [String(another.pid), ...lines.slice(1)].join('\n'));
    const second = await useServer(folder);
    expect(second.adopted).toBe(false);
    expect(another.running).toBe(true);
  });
});

test('stop() stops the server although a client is running a query', async () => {
  const server = await useServer(useFolder());
  const asleep = query(server.url, 'select pg_sleep(600)').catch((error: Error) => error.message);
  await eventually(async () => {
    const [row] = await query(server.url, `select count(*)::int as n from pg_stat_activity where query ~ 'pg_sleep.6'`);
    return row?.n > 1;
  });
  process.kill(server.pid, 'SIGSTOP');
  await server.stop();
  expect(exists(server.pid)).toBe(false);
  expect(await asleep).toMatch(/terminat/);
});

test('stop() leaves no process even if one of them is suspended', async () => {
  const server = await useServer(useFolder());
  const client = new pg.Client({ connectionString: server.url });
  client.on('error', () => {});
  await client.connect();
  onEnd(() => client.end().catch(() => {}));
  const [row] = (await client.query('select pg_backend_pid() as pid')).rows;
  process.kill(row.pid, 'SIGSTOP');
  await server.stop();
  expect([server.pid, row.pid].map(exists)).toEqual([false, false]);
}, 60_000);
