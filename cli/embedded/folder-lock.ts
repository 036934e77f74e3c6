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
 */
import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { LoghiveError, reasonOf } from '../../src/errors.js';
import { identityOf, isRunning, type ProcessIdentity } from './process-identity.js';

/**
 * Makes the folder if need be.
 *
 * @param mode of a folder that is made.
 * @returns what gives the lock back.
 * @throws LoghiveError LOGHIVE_FOLDER_LOCKED naming the process that holds it; LOGHIVE_FOLDER_UNUSABLE.
 */
export function lockFolder(folder: string, mode = 0o700): () => void {
  try {
    mkdirSync(folder, { recursive: true, mode });
    return lock(folder);
  } catch (error) {
    if (error instanceof LoghiveError) throw error;
    const reason = `folder ${folder} cannot be used: ${reasonOf(error)}. Give this user the right, or name another one.`;
    throw new LoghiveError('LOGHIVE_FOLDER_UNUSABLE', reason, { cause: error });
  }
}

function lock(folder: string): () => void {
  const fileOf = (number: number) => path.join(folder, `owner.${number}`);
  const draft = path.join(folder, `owner.draft-${process.pid}-${randomBytes(4).toString('hex')}`);
  try {
    for (;;) {
      const highest = Math.max(0, ...numbersIn(folder));
      const owner = ownerIn(fileOf(highest));
      if (owner !== undefined && isRunning(owner)) throw locked(folder, owner.pid, fileOf(highest));
      const number = highest + 1;
      // Each time anew: whoever gets the lock clears drafts away.
      writeFileSync(draft, JSON.stringify(identityOf(process.pid)), { mode: 0o644 });
      if (!linked(draft, fileOf(number))) continue;
      if (numbersIn(folder).some((other) => other > number)) {
        rmSync(fileOf(number), { force: true });
        continue;
      }
      clearUp(folder, number);
      return () => free(fileOf(number));
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

function numbersIn(folder: string): number[] {
  return readdirSync(folder).flatMap((name) => /^owner\.(\d+)$/.exec(name)?.slice(1).map(Number) ?? []);
}

function ownerIn(file: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ProcessIdentity;
  } catch {
    // Given back, or gone because there is a higher one, which shows in the next step.
    return undefined;
  }
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
    if (older ? Number(older[1]) < number : name.startsWith('owner.draft-')) {
      rmSync(path.join(folder, name), { force: true });
    }
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

function locked(folder: string, pid: number, file: string): LoghiveError {
  const who = pid === process.pid ? `this process (${pid}) already` : `process ${pid}`;
  return new LoghiveError(
    'LOGHIVE_FOLDER_LOCKED',
    `folder ${folder} is in use by ${who}. End it first, or take another folder. If process ${pid} has nothing to do with Loghive, remove ${file}.`,
  );
}
