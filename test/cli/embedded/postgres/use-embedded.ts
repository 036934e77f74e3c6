import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import type { EmbeddedPostgres } from '../../../../cli/embedded/postgres/index.js';
import { exists } from '../../../../cli/embedded/process-identity.js';
import type { Child } from '../../../support/child.mjs';
import { reachableTemporaryFolder } from '../../../support/postgres-binaries.mjs';
import { onEnd, useChild } from '../../../support/use-servers.js';
import { eventually } from '../../../support/wait.mjs';

const program = path.join(import.meta.dirname, 'server-child.mjs');

/** A directory the server's user can reach. A server still running in it is killed at the end. */
export function useFolder(mode = 0o755): string {
  const folder = mkdtempSync(path.join(reachableTemporaryFolder(), 'loghive-embedded-'));
  chmodSync(folder, mode);
  onEnd(async () => {
    for (const found of pidFilesBelow(folder)) await killed(found);
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  });
  return folder;
}

function pidFilesBelow(folder: string): string[] {
  return spawnSync('find', [folder, '-name', 'postmaster.pid'], { encoding: 'utf8' })
    .stdout.split('\n')
    .filter(Boolean);
}

/** Its child processes and shared memory end with it, unlike with SIGKILL. */
async function killed(pidFile: string): Promise<void> {
  if (!existsSync(pidFile)) return;
  const lines = readFileSync(pidFile, 'utf8').split('\n');
  const pid = Number(lines[0]);
  if (pid > 0 && exists(pid)) {
    process.kill(pid, 'SIGQUIT');
    process.kill(pid, 'SIGCONT');
    await eventually(() => !existsSync(pidFile) || !exists(pid));
  }
  const segment = lines[6]?.trim().split(/\s+/)[1];
  if (segment !== undefined) spawnSync('ipcrm', ['-m', segment]);
}

export interface StartReport extends Omit<EmbeddedPostgres, 'isRunning' | 'stop'> {
  notices: string[];
  /** Error code if it did not start. */
  code?: string;
  message?: string;
}

/** A process that starts a server. */
export function useStarting(options: object, env = {}): Child {
  return useChild(program, { args: [JSON.stringify(options)], env });
}

/** A process that has started a server, or printed why not. */
export async function useStarter(options: object, env = {}): Promise<{ child: Child; report: StartReport }> {
  const child = useStarting(options, env);
  return { child, report: await child.waitForMessage<StartReport>(() => true, 30_000) };
}

// biome-ignore lint/suspicious/noExplicitAny: rows are whatever the query selects
export async function query<Row = any>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end().catch(() => {});
  }
}
