/**
 * Locks a directory, so that one process at a time uses it.
 *
 * The lock is a file `owner.<number>` that identifies its owner; an empty file means unlocked. Only the highest number
 * counts, and it is never removed before there is a higher one:
 *
 *     highest is free, or its owner is dead ──link owner.<highest + 1>──▶ is mine still the highest? ──yes──▶ held
 *               ▲                                │ exists already                    │ no                      │
 *               └────────────────────────────────┴───────────────────────────────────┘              emptied: free
 *
 * link() creates the file atomically with its content and fails if the name exists, so of two processes that find the
 * same dead owner only one gets the next number. A slow process may create a number that others have already used and
 * removed; it then sees a higher number and starts again. A process killed at any step leaves a dead owner or a draft,
 * both of which are ignored.
 *
 * The owner rewrites its file every five seconds. If it runs in another container or on another machine (which has
 * mounted the same directory), its liveness cannot be checked: it counts as dead after a minute without a heartbeat.
 */
import { closeSync, fstatSync, linkSync, openSync, readdirSync, rmSync, truncateSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { LoghiveError } from '../../src/errors.js';
import { identityOf, livenessOf, ownScope, type ProcessIdentity } from './process-identity.js';
import { draftPath, readTrustedFile } from './trusted-file.js';
import { openTrustedFolder, unusable } from './trusted-folder.js';

const BEAT_MS = 5000;
/** An owner in another container or on another machine counts as dead after this time without a heartbeat. */
const DEAD_AFTER_MS = 60_000;

export interface LockOptions {
  /** Mode of a directory that is created. Default 0700. */
  readonly mode?: number;
  /**
   * Called if another process has taken the lock or the directory was removed: this process was suspended for so long
   * that it counted as dead.
   */
  readonly onLost?: () => void;
}

/**
 * Creates the directory if it does not exist.
 *
 * @returns a function that releases the lock.
 * @throws LoghiveError LOGHIVE_FOLDER_LOCKED naming the process that holds it; LOGHIVE_FOLDER_UNUSABLE.
 */
export function lockFolder(folder: string, { mode = 0o700, onLost }: LockOptions = {}): () => void {
  try {
    openTrustedFolder(folder, { mode });
    const own = JSON.stringify(identityOf(process.pid));
    const number = lock(folder, own);
    const beating = setInterval(() => {
      if (beat(folder, number, own)) return;
      clearInterval(beating);
      onLost?.();
    }, BEAT_MS).unref();
    return () => {
      clearInterval(beating);
      free(fileOf(folder, number));
    };
  } catch (error) {
    throw unusable(folder, error);
  }
}

const fileOf = (folder: string, number: number) => path.join(folder, `owner.${number}`);

/** @returns the number of the lock file. */
function lock(folder: string, own: string): number {
  const draft = draftPath(path.join(folder, 'owner'));
  try {
    for (;;) {
      // Written again on each attempt, because the owner of the lock removes drafts.
      const now = written(draft, own);
      const highest = Math.max(0, ...numbersIn(folder));
      const owner = ownerIn(fileOf(folder, highest));
      const fault = owner && faultOf(owner, now);
      if (fault !== undefined) throw locked(folder, fault, fileOf(folder, highest));
      const number = highest + 1;
      if (!linked(draft, fileOf(folder, number))) continue;
      if (numbersIn(folder).some((other) => other > number)) {
        rmSync(fileOf(folder, number), { force: true });
        continue;
      }
      clearUp(folder, number);
      return number;
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

/** @returns the modification time, by the file system's clock. */
function written(draft: string, text: string): number {
  rmSync(draft, { force: true });
  const fd = openSync(draft, 'wx', 0o644);
  try {
    writeSync(fd, text);
    return fstatSync(fd).mtimeMs;
  } finally {
    closeSync(fd);
  }
}

function numbersIn(folder: string): number[] {
  return readdirSync(folder).flatMap((name) => /^owner\.(\d+)$/.exec(name)?.slice(1).map(Number) ?? []);
}

interface Owner {
  readonly identity: ProcessIdentity;
  readonly lastBeatMs: number;
}

function ownerIn(file: string): Owner | undefined {
  const found = readTrustedFile(file);
  try {
    return found && { identity: JSON.parse(found.text) as ProcessIdentity, lastBeatMs: found.writtenAtMs };
  } catch {
    // Released, or removed because there is a higher one, which the next step sees.
    return undefined;
  }
}

/** Why the lock cannot be taken over, in words; undefined if its owner is dead. */
function faultOf({ identity, lastBeatMs }: Owner, now: number): string | undefined {
  const { pid, bootId } = identity;
  const liveness = livenessOf(identity);
  if (liveness === 'ended') return undefined;
  if (liveness === 'running') {
    const who = pid === process.pid ? `this process (${pid})` : `process ${pid}`;
    return `${who}. Stop it first, or use another directory. If process ${pid} does not belong to Loghive`;
  }
  const silentMs = now - lastBeatMs;
  // An owner with another boot id is not on this machine in its current boot. If its last heartbeat is older than this
  // boot, it is dead on any machine that shares the directory.
  const maxMs = bootId === ownScope().bootId ? DEAD_AFTER_MS : Math.min(DEAD_AFTER_MS, os.uptime() * 1000);
  if (silentMs > maxMs) return undefined;
  const seconds = Math.max(0, Math.round(silentMs / 1000));
  return `process ${pid} in another container or on another machine, last seen ${seconds} s ago. Stop it there, or use another directory; it counts as dead ${DEAD_AFTER_MS / 1000} s after its last heartbeat. If it has certainly ended`;
}

function linked(draft: string, file: string): boolean {
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' || code === 'ENOENT') return false;
    throw error;
  }
}

function clearUp(folder: string, number: number): void {
  for (const name of readdirSync(folder)) {
    const older = /^owner\.(\d+)$/.exec(name);
    // Drafts of other files too: their writers no longer hold the lock.
    const isDraft = name.startsWith('owner.draft-') || /\.draft-[0-9a-f]{16}$/.test(name);
    if (older ? Number(older[1]) < number : isDraft) rmSync(path.join(folder, name), { force: true });
  }
}

/** @returns whether the lock is still held. */
function beat(folder: string, number: number, own: string): boolean {
  try {
    // The same text in the same place, so that a concurrent reader sees complete content.
    const fd = openSync(fileOf(folder, number), 'r+');
    try {
      writeSync(fd, own, 0);
    } finally {
      closeSync(fd);
    }
    return !numbersIn(folder).some((other) => other > number);
  } catch (error) {
    // A disk that is full or temporarily unresponsive does not lose the lock.
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}

function free(file: string): void {
  try {
    truncateSync(file);
  } catch (error) {
    // The directory was removed, and the lock with it.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function locked(folder: string, why: string, file: string): LoghiveError {
  return new LoghiveError('LOGHIVE_FOLDER_LOCKED', `directory ${folder} is in use by ${why}, remove ${file}.`);
}
