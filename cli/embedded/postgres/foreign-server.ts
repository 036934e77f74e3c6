/**
 * A server that was started on the data in another container or on another machine, where nobody can look whether it lives
 * or end it by a signal. Its starter is dead, for that one held the folder.
 *
 * PostgreSQL itself looks each minute whether its pid file is still there, and ends at once where it is not. So the file is
 * removed, and then waited for longer than that. Source: RecheckDataDirLockFile() and ServerLoop() in postmaster.c.
 */
import { rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { LoghiveError } from '../../../src/errors.js';
import { sleep } from '../../../src/time/time-limit.js';
import { isOwnScope, ownScope } from '../process-identity.js';
import { readPidFile } from './postmaster.js';
import { connectionProblem, keepLastServer, type LastServer, lastServer, type Start } from './start.js';

/** A minute, and what its children may take to end. */
const ENDED_AFTER_MS = 75_000;
const LOOK_EVERY_MS = 1000;

/**
 * Resolves when none runs any more.
 *
 * @throws LoghiveError LOGHIVE_FOLDER_LOCKED when one answers: it is at work.
 */
export async function endForeignServer(start: Start, endedAfterMs = ENDED_AFTER_MS): Promise<void> {
  const last = lastServer(start);
  if (isGoneWithItsMachine(last)) return;
  const found = readPidFile(start.cluster);
  // Without the file it has ended in order, or was told to end.
  if (found === undefined && last.toldToEndAt === undefined) return;
  if (found !== undefined) {
    await refuseWhereItAnswers(start, found);
    keepLastServer(start, { ...last, toldToEndAt: Date.now() });
    rmSync(path.join(start.cluster, 'postmaster.pid'), { force: true });
  }
  await untilEnded(start, lastServer(start).toldToEndAt ?? 0, endedAfterMs);
}

/** It was started here, and is found by its process id; or this machine was restarted since. */
function isGoneWithItsMachine({ scope }: LastServer): boolean {
  if (scope === undefined || isOwnScope(scope)) return true;
  return scope.host === os.hostname() && scope.bootId !== ownScope().bootId;
}

async function refuseWhereItAnswers({ folder, passwords }: Start, { pid, port }: { pid: number; port: number }) {
  if ((await connectionProblem(passwords, port)) !== undefined) return;
  throw new LoghiveError(
    'LOGHIVE_FOLDER_LOCKED',
    `folder ${folder} is in use by PostgreSQL (process ${pid} of another container or machine), which answers on port ${port}; what had started it has ended. End that process there, or take another folder.`,
  );
}

async function untilEnded({ notice, signal }: Start, toldAt: number, endedAfterMs: number): Promise<void> {
  const leftMs = () => Math.min(endedAfterMs, toldAt + endedAfterMs - Date.now());
  if (leftMs() <= 0) return;
  notice(
    `PostgreSQL was started on this data in another container or on another machine, and may still run there; waiting ${Math.ceil(leftMs() / 1000)} s, within which it ends`,
  );
  while (leftMs() > 0) {
    await sleep(Math.min(LOOK_EVERY_MS, leftMs()), signal ?? new AbortController().signal);
    signal?.throwIfAborted();
  }
}
