/** As whom PostgreSQL runs, and what that user can reach. */
import { existsSync, realpathSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import { LoghiveError } from '../../../src/errors.js';

export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/**
 * PostgreSQL refuses to run as root. Root starts it as this user (nobody), who needs nothing but to reach the folders.
 * Undefined: as the user that we are.
 */
export function serverUser(): ServerUser | undefined {
  return process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : undefined;
}

/**
 * `initdb` asks the system for the name of its user, which a container started with `--user 1234` often does not know.
 *
 * @throws LoghiveError LOGHIVE_POSTGRES_FAILED
 */
export function checkUserName(user: ServerUser | null = serverUser() ?? null, lookUp: () => unknown = userInfo): void {
  // Nobody (65534) is known everywhere.
  if (user !== null) return;
  try {
    lookUp();
  } catch (cause) {
    const uid = process.getuid?.();
    throw new LoghiveError(
      'LOGHIVE_POSTGRES_FAILED',
      `PostgreSQL cannot run as this user: uid ${uid} has no entry in /etc/passwd. Add one (echo "dev:x:${uid}:${process.getgid?.()}::/tmp:/bin/sh" >> /etc/passwd), run as a user that has one, or use a database of your own (--database-url).`,
      { cause },
    );
  }
}

/** Whether this user may go through every folder down to the path; of one that is not there yet, down to its parents. */
export function canReach(target: string, user: ServerUser | undefined): boolean {
  if (user === undefined) return true;
  let folder = path.resolve(target);
  while (!existsSync(folder)) folder = path.dirname(folder);
  for (folder = realpathSync(folder); ; folder = path.dirname(folder)) {
    const { mode, uid, gid } = statSync(folder);
    const searchable = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
    if ((mode & searchable) === 0) return false;
    if (folder === path.dirname(folder)) return true;
  }
}
