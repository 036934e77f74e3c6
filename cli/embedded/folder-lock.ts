/**
 * One process at a time works in a folder.
 *
 * The lock is a file `owner.<number>` that holds who has it; empty, it is free. Only the highest number counts, and it is
 * never removed before there is a higher one:
 *
 *     highest is free, or its owner is dead ──link owner.<highest + 1>──▶ is mine still the highest? ──yes──▶ held
 *               ▲                                │ exists already                    │ no                      │
 *               └────────────────────────────────┴───────────────────────────────────┘              emptied: free
 *
 * A link is made at once with its content, and fails where the name exists, so of two that find the same dead owner one
 * gets the next number. One that comes late, with a number that others have had and cleared away meanwhile, finds a higher
 * one afterwards and starts again. Killed at any step, a process leaves a dead owner or a draft, and both are passed over.
 *
 * The owner writes its file again every five seconds. Where it runs in another container or on another machine (the folder
 * is mounted there as well), nobody can look whether it lives: it counts as dead when that has not happened for a minute.
 */
import { closeSync, fstatSync, linkSync, openSync, readdirSync, rmSync, truncateSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { LoghiveError } from '../../src/errors.js';
import { identityOf, livenessOf, ownScope, type ProcessIdentity } from './process-identity.js';
import { draftPath, readTrustedFile } from './trusted-file.js';
import { openTrustedFolder, unusable } from './trusted-folder.js';

const BEAT_MS = 5000;
/** Without a beat for so long an owner that nobody can look at is dead. */
const DEAD_AFTER_MS = 60_000;

export interface LockOptions {
  /** Of a folder that is made. Default 0700. */
  readonly mode?: number;
  /** Somebody else has it now, or it was removed: this process was stopped for so long that it counted as dead. */
  readonly onLost?: () => void;
}

/**
 * Makes the folder if need be.
 *
 * @returns what gives the lock back.
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

/** @returns the number under which it is held. */
function lock(folder: string, own: string): number {
  const draft = draftPath(path.join(folder, 'owner'));
  try {
    for (;;) {
      // Each time anew: whoever gets the lock clears drafts away.
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

/** @returns when that was, by the clock of the file system. */
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
    // Given back, or gone because there is a higher one, which shows in the next step.
    return undefined;
  }
}

/** Why it cannot be taken over, in words; undefined where its owner is dead. */
function faultOf({ identity, lastBeatMs }: Owner, now: number): string | undefined {
  const { pid, bootId } = identity;
  const liveness = livenessOf(identity);
  if (liveness === 'ended') return undefined;
  if (liveness === 'running') {
    const who = pid === process.pid ? `this process (${pid}) already` : `process ${pid}`;
    return `${who}. End it first, or take another folder. If process ${pid} has nothing to do with Loghive`;
  }
  const silentMs = now - lastBeatMs;
  // Of before this machine was started, it is surely not one of this machine; and if of another, dead as well.
  const mostMs = bootId === ownScope().bootId ? DEAD_AFTER_MS : Math.min(DEAD_AFTER_MS, os.uptime() * 1000);
  if (silentMs > mostMs) return undefined;
  const seconds = Math.max(0, Math.round(silentMs / 1000));
  return `process ${pid} of another container or machine, which was alive ${seconds} s ago. End it there, or take another folder; it counts as dead when nothing is heard of it for ${DEAD_AFTER_MS / 1000} s. If it surely has ended`;
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
    // Drafts of other files as well: whoever wrote them has the lock no more.
    const isDraft = name.startsWith('owner.draft-') || /\.draft-[0-9a-f]{16}$/.test(name);
    if (older ? Number(older[1]) < number : isDraft) rmSync(path.join(folder, name), { force: true });
  }
}

/** @returns whether it is still held. */
function beat(folder: string, number: number, own: string): boolean {
  try {
    // The same text in the same place: whoever reads it meanwhile reads it whole.
    const fd = openSync(fileOf(folder, number), 'r+');
    try {
      writeSync(fd, own, 0);
    } finally {
      closeSync(fd);
    }
    return !numbersIn(folder).some((other) => other > number);
  } catch (error) {
    // A disk that is full or does not answer for a while is no loss.
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}

function free(file: string): void {
  try {
    truncateSync(file);
  } catch (error) {
    // The folder was removed, and the lock with it.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function locked(folder: string, why: string, file: string): LoghiveError {
  return new LoghiveError('LOGHIVE_FOLDER_LOCKED', `folder ${folder} is in use by ${why}, remove ${file}.`);
}
