/** `loghive consume` as seen by users and service managers. */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { expect, test } from 'vitest';
import { LoggerClient } from '../../../src/index.js';
import { onEnd, uniqueName, useBroker, useChild, useDatabase } from '../../support/use-servers.js';
import { eventually, sleep } from '../../support/wait.mjs';
import { useTerminal } from '../dev-terminal.js';

const program = path.resolve(import.meta.dirname, '..', '..', '..', 'dist', 'esm', 'cli', 'main.js');

async function useFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'loghive-consume-'));
  onEnd(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function useServers() {
  const [broker, database, folder] = await Promise.all([useBroker(), useDatabase(), useFolder()]);
  const service = uniqueName('svc');
  const args = ['consume', service, '--url', broker.url, '--database-url', database.url];
  async function log(count: number) {
    const client = new LoggerClient({ service, url: broker.url });
    for (let n = 0; n < count; n++) client.info(`m${n}`);
    await client.close();
  }
  return { broker, database, folder, service, args, log };
}

test('shows a status line on a terminal and removes it at the end', async () => {
  const { folder, args, log } = await useServers();
  const command = [process.execPath, program, ...args].map((word) => `'${word}'`).join(' ');
  const terminal = useTerminal(command, { cwd: folder });
  await terminal.shows(/consuming messages of/);
  await log(25);
  await terminal.shows(/ok · [\d,]+ records\/s · 25 stored · 0 unacknowledged · 1 service · \d workers?/);
  terminal.type('\x03');
  expect(await terminal.ended).toBe(0);
  expect(terminal.text()).toMatch(/stopped: 25 records stored, 0 duplicates, 0 dead letters\.\n$/);
});

test('--json-logs writes each line as a JSON object', async () => {
  const { folder, args } = await useServers();
  const child = useChild(program, { args: [...args, '--json-logs'], cwd: folder });
  await child.waitForLine(/consuming messages of/);
  await child.kill('SIGTERM');
  expect(await child.exited).toEqual({ code: 0, signal: null });
  const lines = child.stderr.map((line) => JSON.parse(line));
  expect(lines.at(-1)).toEqual({
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    level: 'INFO',
    message: 'stopped: 0 records stored, 0 duplicates, 0 dead letters',
  });
});

test('--config names a settings file, which the environment overrides', async () => {
  const { broker, database, folder, service } = await useServers();
  const file = path.join(folder, 'logs.conf');
  await writeFile(file, `LOGHIVE_URL=${broker.url}\nLOGHIVE_DATABASE_URL=${database.url}\nSERVICE_NAMES=other\n`);
  const child = useChild(program, {
    args: ['consume', '--config', file],
    cwd: folder,
    env: { SERVICE_NAMES: service },
  });
  await child.waitForLine(new RegExp(`consuming messages of ${service}\\.`));
});

test('--config with a missing file is a usage error', async () => {
  const folder = await useFolder();
  const child = useChild(program, { args: ['consume', '--config', 'nowhere.conf'], cwd: folder });
  expect(await child.exited).toEqual({ code: 2, signal: null });
  expect(child.stderr).toEqual([
    expect.stringMatching(/^loghive: option --config is "nowhere\.conf", which cannot be read: ENOENT.*Pass a file/),
  ]);
});

test('systemd is notified of readiness, liveness and shutdown', async () => {
  const { folder, args } = await useServers();
  // A stand-in: the real program needs systemd's socket. Only its arguments matter.
  const notified = path.join(folder, 'notified');
  await writeFile(path.join(folder, 'systemd-notify'), `#!/bin/sh\necho "$@" >> '${notified}'\n`);
  await chmod(path.join(folder, 'systemd-notify'), 0o755);
  const child = useChild(program, {
    args,
    cwd: folder,
    env: { NOTIFY_SOCKET: '/run/nowhere', WATCHDOG_USEC: '400000', PATH: `${folder}:${process.env.PATH}` },
  });
  await eventually(async () => {
    const words = (await readFile(notified, 'utf8')).split('\n');
    return words.includes('--ready') && words.includes('WATCHDOG=1');
  });
  await child.kill('SIGTERM');
  await child.exited;
  expect(await readFile(notified, 'utf8')).toContain('--stopping\n');
});

test('a failing systemd-notify is reported once, and the consumer keeps working', async () => {
  const { folder, args, log } = await useServers();
  const child = useChild(program, {
    args,
    cwd: folder,
    env: { NOTIFY_SOCKET: '/run/nowhere', WATCHDOG_USEC: '100000', PATH: folder },
  });
  await child.waitForLine(/cannot notify systemd, because systemd-notify failed/);
  await log(1);
  await child.kill('SIGTERM');
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(child.stderr.filter((line) => line.includes('systemd'))).toHaveLength(1);
});

test('a second signal exits immediately and requeues unacknowledged messages', async () => {
  const { broker, database, folder, service, args, log } = await useServers();
  const child = useChild(program, { args, cwd: folder });
  await child.waitForLine(/consuming messages of/);
  // Blocks storing, which the first signal waits for.
  const reader = new pg.Client(database.url);
  await reader.connect();
  onEnd(() => reader.end());
  await reader.query('begin; lock table logs.records in access exclusive mode');
  await log(5);
  const queue = async () => (await broker.listQueues()).find(({ name }) => name === `${service}_info_logs`);
  await eventually(async () => ((await queue())?.unacked ?? 0) > 0);
  void child.kill('SIGTERM');
  await child.waitForLine(/SIGTERM: finishing unacknowledged messages/);
  // A parent that forwards a signal may send it twice.
  await sleep(400);
  await child.kill('SIGTERM');
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(child.stderr.join('\n')).toMatch(/SIGTERM again: exiting; unacknowledged messages are requeued/);
  await eventually(async () => {
    const { ready = 0, unacked } = (await queue())!;
    return ready > 0 && unacked === 0;
  });
});
