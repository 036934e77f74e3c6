/** The user PostgreSQL runs as, and what that user can reach. */
import { existsSync, realpathSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import { LoghiveError } from '../../../src/errors.js';

export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/**
 * PostgreSQL refuses to run as root, so root starts it as this user (nobody), who only needs to reach the directories.
 * Undefined: run as the current user.
 */
export function serverUser(): ServerUser | undefined {
  return process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : undefined;
}

/**
 * `initdb` looks up its user's name, which is often unknown in a container started with `--user 1234`.
 *
 * @throws LoghiveError LOGHIVE_POSTGRES_FAILED
 */
export function checkUserName(user: ServerUser | null = serverUser() ?? null, lookUp: () => unknown = userInfo): void {
  // Nobody (65534) has a name on every system.
  if (user !== null) return;
  try {
    lookUp();
  } catch (cause) {
    const uid = process.getuid?.();
    throw new LoghiveError(
      'LOGHIVE_POSTGRES_FAILED',
      `PostgreSQL cannot run as this user: uid ${uid} has no entry in /etc/passwd. Add one (echo "dev:x:${uid}:${process.getgid?.()}::/tmp:/bin/sh" >> /etc/passwd), run as a user that has one, or use your own database (--database-url).`,
      { cause },
    );
  }
}

/** Whether the user can search every directory down to the path, or down to its closest existing parent. */
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
