import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type PostgresServer, startPostgres } from './postgres.mjs';
import { reachableTemporaryFolder } from './postgres-binaries.mjs';
import { makeCa } from './tls.mjs';
import { onEnd } from './use-servers.js';
import { eventually } from './wait.mjs';

const ca = makeCa();
let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres({ tls: ca.issue(), settings: { max_connections: 12 } });
});
afterAll(() => server?.stop());

async function connect(config: pg.ClientConfig) {
  const client = new pg.Client(config);
  let failure: Error | null = null;
  client.on('error', (error) => {
    failure = error;
  });
  onEnd(() => client.end().catch(() => {}));
  await client.connect();
  return { client, failure: () => failure };
}

test('committed rows survive a SIGKILL and a restart on the same data', async () => {
  const url = await server.createDatabase('durable');
  await server.query('create table t as select generate_series(1, 1000) as n', [], 'durable');
  const { failure } = await connect({ connectionString: url });
  await server.kill();
  expect(server.pid).toBeUndefined();
  await eventually(() => failure() !== null);
  await expect(server.query('select 1')).rejects.toThrow(/ECONNREFUSED/);
  await server.start();
  expect(await server.query('select count(*)::int as n from t', [], 'durable')).toEqual([{ n: 1000 }]);
});

test('a server restarts with its settings, and drops databases', async () => {
  await server.restart();
  expect(await server.query('show max_connections')).toEqual([{ max_connections: '12' }]);
  expect(await server.query('show synchronous_commit')).toEqual([{ synchronous_commit: 'on' }]);
  const url = await server.createDatabase('gone');
  const { failure } = await connect({ connectionString: url });
  await server.dropDatabase('gone');
  await eventually(() => failure() !== null);
});

test('a wrong password is rejected', async () => {
  const url = server.databaseUrl('postgres', { password: 'wrong' });
  await expect(connect({ connectionString: url })).rejects.toThrow(/password authentication failed/);
});

test('a client connects by TLS with the private authority', async () => {
  const { client } = await connect({ connectionString: server.url, ssl: { ca: ca.cert } });
  const { rows } = await client.query('select ssl from pg_stat_ssl where pid = pg_backend_pid()');
  expect(rows).toEqual([{ ssl: true }]);
});

test('a given folder is kept, and another server can use its data', async () => {
  const dir = mkdtempSync(join(reachableTemporaryFolder(), 'loghive-kept-'));
  onEnd(() => rmSync(dir, { recursive: true, force: true }));
  const first = await startPostgres({ dir });
  await first.createDatabase('kept');
  await first.stop();
  const second = await startPostgres({ dir });
  onEnd(() => second.stop());
  expect(await second.query('select 1 as one', [], 'kept')).toEqual([{ one: 1 }]);
});

test('stop leaves no process and no folder behind', async () => {
  const another = await startPostgres();
  const { pid, dir } = another;
  await another.stop();
  expect(existsSync(dir)).toBe(false);
  expect(() => process.kill(pid ?? 0, 0)).toThrow(/ESRCH/);
});
