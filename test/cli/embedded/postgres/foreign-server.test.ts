/** A server started on the data in another container. PostgreSQL takes a minute to end without its pid file. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { endForeignServer } from '../../../../cli/embedded/postgres/foreign-server.js';
import { startEmbeddedPostgres } from '../../../../cli/embedded/postgres/index.js';
import type { LastServer, Start } from '../../../../cli/embedded/postgres/start.js';
import { ownScope } from '../../../../cli/embedded/process-identity.js';
import { freePort } from '../../../support/ports.mjs';
import { postgresBinaries } from '../../../support/postgres-binaries.mjs';
import { onEnd } from '../../../support/use-servers.js';
import { type StartReport, useFolder } from './use-embedded.js';

const HERE = { ...ownScope(), host: os.hostname() };
const CONTAINER = { ...HERE, pidNamespace: 'pid:[1]', host: 'd3a1f0b2c4e5' };
const MACHINE = { ...HERE, bootId: 'another', host: 'another' };
const BEFORE_RESTART = { ...HERE, bootId: 'another' };

/** A start on data with the pid file of a server that cannot be checked. */
async function useStart(last: LastServer): Promise<Start & { pidFile: string; notices: string[]; last(): LastServer }> {
  // Not with useFolder(), which kills the process in the pid file.
  const folder = mkdtempSync(path.join(os.tmpdir(), 'loghive-foreign-'));
  onEnd(() => rmSync(folder, { recursive: true, force: true }));
  const cluster = path.join(folder, 'data');
  const pidFile = path.join(cluster, 'postmaster.pid');
  const serverFile = path.join(folder, 'server.json');
  mkdirSync(cluster);
  writeFileSync(
    pidFile,
    `30\n${cluster}\n1769855445\n${await freePort()}\n\n127.0.0.1\n  5432001    131072\nready   \n`,
  );
  writeFileSync(serverFile, JSON.stringify(last));
  const notices: string[] = [];
  return {
    folder,
    cluster,
    pidFile,
    port: 0,
    binaries: { binDir: '/none', version: '18.4' },
    user: undefined,
    passwords: { passFile: '/none', superuser: 'x', role: 'x' },
    notice: (text) => notices.push(text),
    signal: undefined,
    notices,
    last: () => JSON.parse(readFileSync(serverFile, 'utf8')),
  };
}

describe('a server that does not answer', () => {
  test.each([
    ['in another container', CONTAINER],
    ['on another machine', MACHINE],
  ])('%s is shut down and waited for', async (_where, scope) => {
    const start = await useStart({ port: 1, version: '18.4', scope });
    await endForeignServer(start, 300);
    expect(existsSync(start.pidFile)).toBe(false);
    expect(start.notices).toEqual([expect.stringMatching(/may still be running; waiting 1 s until it has shut down$/)]);
  });

  test('is also waited for by the next start if the first one was canceled', async () => {
    const start = await useStart({ port: 1, version: '18.4', scope: CONTAINER });
    const given = new AbortController();
    const notice = () => given.abort(new Error('not any more'));
    await expect(endForeignServer({ ...start, notice, signal: given.signal }, 60_000)).rejects.toThrow('not any more');
    expect(start.last()).toMatchObject({ version: '18.4', scope: CONTAINER, shutdownRequestedAt: expect.any(Number) });
    const again = new AbortController();
    const next = { ...start, notice: () => again.abort(new Error('still waiting')), signal: again.signal };
    await expect(endForeignServer(next, 60_000)).rejects.toThrow('still waiting');
    await endForeignServer(start, 0);
    expect(start.notices).toEqual([]);
  });
});

describe('data without a server', () => {
  test.each<[string, LastServer]>([
    ['of a server that was started here', { scope: HERE }],
    ['from before a restart of this machine', { scope: BEFORE_RESTART }],
    ['without a record of a server', {}],
  ])('%s are used again after a check of the pid file', async (_why, last) => {
    const start = await useStart(last);
    await endForeignServer(start, 60_000);
    expect(existsSync(start.pidFile)).toBe(true);
    expect(start.notices).toEqual([]);
  });
});

test('a server that answers is in use: the directory is refused and not changed', async () => {
  // Only root can create a container.
  if (process.getuid?.() !== 0) return;
  const folder = useFolder();
  const binaries = await postgresBinaries();
  const starter = path.join(import.meta.dirname, 'server-child.mjs');
  const script = `${process.execPath} ${starter} '${JSON.stringify({ folder, binaries })}' & wait; exec sleep 600`;
  const unshare = ['--pid', '--ipc', '--fork', '--kill-child', '--mount-proc', 'bash', '-c', script];
  const container = spawn('unshare', unshare, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  onEnd(() => {
    container.kill('SIGKILL');
    // It contains a pid of the container, which refers to another process here.
    rmSync(path.join(folder, 'data', 'postmaster.pid'), { force: true });
  });
  const [report] = (await once(container, 'message')) as [StartReport];
  expect(report.message).toBeUndefined();
  for (const pid of starters(folder)) process.kill(pid, 'SIGKILL');
  const at = Date.now() / 1000 - 65;
  utimesSync(path.join(folder, 'owner.1'), at, at);
  await expect(startEmbeddedPostgres({ folder, binaries })).rejects.toEqual(
    expect.objectContaining({
      code: 'LOGHIVE_FOLDER_LOCKED',
      message: expect.stringMatching(
        new RegExp(
          `in use by PostgreSQL \\(process \\d+ in another container or on another machine\\), which answers on port ${report.port}`,
        ),
      ),
    }),
  );
  expect(existsSync(path.join(folder, 'data', 'postmaster.pid'))).toBe(true);
}, 60_000);

/** Their pids on this side; the ones they know are the container's. */
function starters(folder: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const [program, ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return program === process.execPath && args[0]?.endsWith('server-child.mjs') && args[1]?.includes(folder);
      } catch {
        return false;
      }
    });
}
