/**
 * Handles a server that was started on the data in another container or on another machine: its liveness cannot be
 * checked, and it cannot receive signals from here. The process that started it is dead, because it held the lock.
 *
 * PostgreSQL checks every minute that its pid file exists, and shuts down immediately if it does not. So the file is
 * removed, and the start waits longer than that. Source: RecheckDataDirLockFile() and ServerLoop() in postmaster.c.
 */
import { rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { LoghiveError } from '../../../src/errors.js';
import { sleep } from '../../../src/time/time-limit.js';
import { isOwnScope, ownScope } from '../process-identity.js';
import { readPidFile } from './postmaster.js';
import { connectionProblem, keepLastServer, type LastServer, lastServer, type Start } from './start.js';

/** One minute, plus the time its child processes may take to exit. */
const ENDED_AFTER_MS = 75_000;
const LOOK_EVERY_MS = 1000;

/**
 * Resolves when no such server is running.
 *
 * @throws LoghiveError LOGHIVE_FOLDER_LOCKED if one answers: it is in use.
 */
export async function endForeignServer(start: Start, endedAfterMs = ENDED_AFTER_MS): Promise<void> {
  const last = lastServer(start);
  if (isGoneWithItsMachine(last)) return;
  const found = readPidFile(start.cluster);
  // Without a pid file, it has shut down, or was asked to.
  if (found === undefined && last.shutdownRequestedAt === undefined) return;
  if (found !== undefined) {
    await refuseWhereItAnswers(start, found);
    keepLastServer(start, { ...last, shutdownRequestedAt: Date.now() });
    rmSync(path.join(start.cluster, 'postmaster.pid'), { force: true });
  }
  await untilEnded(start, lastServer(start).shutdownRequestedAt ?? 0, endedAfterMs);
}

/** It was started on this machine and is found by its process id, or this machine has rebooted since. */
function isGoneWithItsMachine({ scope }: LastServer): boolean {
  if (scope === undefined || isOwnScope(scope)) return true;
  return scope.host === os.hostname() && scope.bootId !== ownScope().bootId;
}

async function refuseWhereItAnswers({ folder, passwords }: Start, { pid, port }: { pid: number; port: number }) {
  if ((await connectionProblem(passwords, port)) !== undefined) return;
  throw new LoghiveError(
    'LOGHIVE_FOLDER_LOCKED',
    `directory ${folder} is in use by PostgreSQL (process ${pid} in another container or on another machine), which answers on port ${port}; the process that started it has ended. Stop it there, or use another directory.`,
  );
}

async function untilEnded({ notice, signal }: Start, requestedAt: number, endedAfterMs: number): Promise<void> {
  const leftMs = () => Math.min(endedAfterMs, requestedAt + endedAfterMs - Date.now());
  if (leftMs() <= 0) return;
  notice(
    `PostgreSQL was started on this data in another container or on another machine and may still be running; waiting ${Math.ceil(leftMs() / 1000)} s until it has shut down`,
  );
  while (leftMs() > 0) {
    await sleep(Math.min(LOOK_EVERY_MS, leftMs()), signal ?? new AbortController().signal);
    signal?.throwIfAborted();
  }
}
