import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { expect, test } from 'vitest';
import { startPgbouncer } from './pgbouncer.mjs';
import { onEnd, uniqueName, useChild, useDatabase } from './use-servers.js';
import { eventually } from './wait.mjs';

async function usePooler(target: string, settings: Record<string, string | number> = {}) {
  const pooler = await startPgbouncer({ target, settings });
  onEnd(() => pooler.stop());
  return pooler;
}

async function connect(connectionString: string) {
  const client = new pg.Client({ connectionString });
  client.on('error', () => {});
  onEnd(() => client.end().catch(() => {}));
  await client.connect();
  return client;
}

test('each transaction may use a different server connection, and logins are those of the server', async () => {
  const { url, query } = await useDatabase();
  const pooler = await usePooler(url);
  const client = await connect(pooler.url(url));
  const pid = async () => (await client.query('select pg_backend_pid() as pid')).rows[0].pid;
  const first = await pid();
  await pooler.admin('reconnect');
  await eventually(async () => (await pid()) !== first);
  const role = uniqueName('role');
  await query(`create role ${role} login password 'geheim'`);
  const other = new URL(pooler.url(url));
  Object.assign(other, { username: role, password: 'geheim' });
  await expect(connect(other.href)).rejects.toThrow();
  await pooler.addLogin(role, 'geheim');
  expect((await (await connect(other.href)).query('select current_user as name')).rows).toEqual([{ name: role }]);
});

test('it restarts on its port after a SIGKILL', async () => {
  const { url } = await useDatabase();
  const pooler = await usePooler(url);
  await pooler.kill();
  expect(pooler.pid).toBeUndefined();
  await expect(connect(pooler.url(url))).rejects.toThrow(/ECONNREFUSED/);
  await pooler.start();
  await connect(pooler.url(url));
});

test('it is gone when the process that started it was killed', async () => {
  const { url } = await useDatabase();
  const folder = mkdtempSync(join(tmpdir(), 'loghive-owner-'));
  onEnd(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'owner.mjs');
  writeFileSync(
    file,
    `import { startPgbouncer } from ${JSON.stringify(join(import.meta.dirname, 'pgbouncer.mjs'))};
    const { pid, dir } = await startPgbouncer({ target: ${JSON.stringify(url)} });
    console.log('started', pid, dir);
    setInterval(() => {}, 1000);`,
  );
  const owner = useChild(file);
  const [, pid, dir] = await owner.waitForLine(/started (\d+) (.*)/);
  await owner.kill('SIGKILL');
  await eventually(() => !existsSync(String(dir)));
  await eventually(() => !isRunning(Number(pid)));
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
