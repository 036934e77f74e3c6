/** The command that the shells' scripts call, as a process: names of the database, the cache, and bad days. */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { newStore, openClient, urlAs } from '../../consumer/store/database.js';
import { onEnd, useChild } from '../../support/use-servers.js';
import { loghive, program } from '../run-loghive.js';

const { store, url, sql } = await newStore();
await store.saveServices(['shop', 'till']);

function useFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'loghive-complete-'));
  onEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** What the command prints for a line in fish, whose form is the plainest: words, one a line. */
async function completed(
  line: string,
  env: Record<string, string>,
  cache = useFolder(),
  limitMs = 15_000,
): Promise<string[]> {
  const child = useChild(program, {
    args: ['__complete', 'fish', '--database-limit-ms', String(limitMs)],
    env: { HOME: cache, XDG_CACHE_HOME: cache, ...env },
    cwd: useFolder(),
  });
  child.stdin.end(line);
  const { code } = await child.exited;
  expect(code).toBe(0);
  expect(child.stderr).toEqual([]);
  return child.stdout.map((each) => each.split('\t')[0]!);
}

const SERVICES = ['candidates', 'shop', 'till'];
const NOTHING = ['candidates'];

test('services come from the database of the environment, of config.env, or of the command line', async () => {
  expect(await completed('loghive consume ', { LOGHIVE_DATABASE_URL: url })).toEqual(SERVICES);
  expect(await completed(`loghive consume --database-url '${url}' `, {})).toEqual(SERVICES);
  const file = path.join(useFolder(), 'own.env');
  writeFileSync(file, `LOGHIVE_DATABASE_URL=${url}\n`);
  expect(await completed(`loghive consume --config ${file} `, {})).toEqual(SERVICES);
});

/** The service "before" is in the cache, and "after" only in the database. */
async function useRemembered() {
  const own = await newStore();
  await own.store.saveServices(['before']);
  const cache = useFolder();
  const env = { LOGHIVE_DATABASE_URL: own.url };
  expect(await completed('loghive consume ', env, cache)).toEqual(['candidates', 'before']);
  await own.store.saveServices(['after']);
  return { env, cache };
}

test('names are remembered, for each database and schema', async () => {
  const { env, cache } = await useRemembered();
  expect(await completed('loghive consume ', env, cache)).toEqual(['candidates', 'before']);
  expect(await completed('loghive consume ', { LOGHIVE_DATABASE_URL: url }, cache)).toEqual(SERVICES);
  expect(await completed('loghive consume --schema other ', env, cache)).toEqual(NOTHING);
});

test('the cache is private, and holds neither the URL nor the password', async () => {
  await sql(`create role completing login password 's3cret' superuser`);
  onEnd(() => sql('drop role completing'));
  const cache = useFolder();
  const env = { LOGHIVE_DATABASE_URL: urlAs(url, 'completing', 's3cret') };
  expect(await completed('loghive consume ', env, cache)).toEqual(SERVICES);
  const folder = path.join(cache, 'loghive', 'names');
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  const [file, ...more] = readdirSync(folder);
  expect(more).toEqual([]);
  expect(file).toMatch(/^[0-9a-f]{32}\.json$/);
  expect(statSync(path.join(folder, file!)).mode & 0o777).toBe(0o600);
  expect(Object.keys(JSON.parse(readFileSync(path.join(folder, file!), 'utf8')))).toEqual(['names', 'freshUntilMs']);
  // With a new password, the cache is still the same.
  expect(
    await completed('loghive consume ', { LOGHIVE_DATABASE_URL: urlAs(url, 'completing', 'wrong') }, cache),
  ).toEqual(SERVICES);
});

test('names that are no longer fresh are used while the database is away', async () => {
  const cache = useFolder();
  const away = { LOGHIVE_DATABASE_URL: 'postgres://u@127.0.0.1:1/x' };
  expect(await completed('loghive consume ', away, cache)).toEqual(NOTHING);
  const folder = path.join(cache, 'loghive', 'names');
  const file = path.join(folder, readdirSync(folder)[0]!);
  writeFileSync(file, JSON.stringify({ names: ['old'], freshUntilMs: 0 }));
  expect(await completed('loghive consume ', away, cache)).toEqual(['candidates', 'old']);
});

test.each([
  ['is damaged', (file: string) => writeFileSync(file, '{"names":[1],')],
  ['has other contents', (file: string) => writeFileSync(file, '{"names":[1],"freshUntilMs":9e99}')],
  ['comes from the future', (file: string) => writeFileSync(file, '{"names":["x"],"freshUntilMs":9e15}')],
  ['could have been written by others', (file: string) => chmodSync(file, 0o666)],
  ['is in a folder that others can write to', (file: string) => chmodSync(path.dirname(file), 0o777)],
])('a cache that %s is not used', async (_name, spoil) => {
  const { env, cache } = await useRemembered();
  const folder = path.join(cache, 'loghive', 'names');
  spoil(path.join(folder, readdirSync(folder)[0]!));
  expect(await completed('loghive consume ', env, cache)).toEqual(['candidates', 'after', 'before']);
});

test('a server that never answers, and a table that is locked, do not hold the prompt up', async () => {
  const sockets: net.Socket[] = [];
  const silent = net.createServer((socket) => sockets.push(socket));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  onEnd(() => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
  const { port } = silent.address() as net.AddressInfo;
  const silentUrl = `postgres://u@127.0.0.1:${port}/x`;
  expect(await completed('loghive consume ', { LOGHIVE_DATABASE_URL: silentUrl }, useFolder(), 700)).toEqual(NOTHING);
  const locked = await newStore();
  const client = await openClient(locked.url);
  await client.query('begin; lock table logs.services, logs.records');
  expect(await completed('loghive consume ', { LOGHIVE_DATABASE_URL: locked.url }, useFolder(), 700)).toEqual(NOTHING);
});

test.each([
  {},
  { LOGHIVE_DATABASE_URL: 'mysql://u:s3cret@h/x' },
  { LOGHIVE_DATABASE_URL: 'postgres://u:s3cret@127.0.0.1:1/x' },
  { DATABASE_URL: 'postgres://u:s3cret@127.0.0.1:1/x', LOGHIVE_LOG_LEVEL: 'DEBUG', LOGHIVE_ULR: 'x' },
])('without usable settings, only what is static is completed, without a message: %j', async (env) => {
  expect(await completed('loghive consume ', env)).toEqual(NOTHING);
  expect(await completed("loghive search 'level>=w", env)).toEqual(['candidates', 'level>=warning']);
});

test.each(['', 'loghive', 'loghive tail > ', '\0\x1b"', 'x'.repeat(100_000), "loghive search '".padEnd(50_000, '(')])(
  'any line is answered (%#)',
  async (line) => {
    await completed(line, {});
  },
);

test('without a line, the command ends by itself', async () => {
  const child = useChild(program, { args: ['__complete', 'bash'], cwd: useFolder() });
  expect(await child.exited).toMatchObject({ code: 0 });
  expect(child.stdout).toEqual([]);
});

test('the shell must be one of three', async () => {
  expect((await loghive(['completion', 'tcsh'])).stderr.join()).toMatch(/Allowed choices are bash, zsh, fish/);
  expect((await loghive(['completion'])).code).toBe(2);
});
