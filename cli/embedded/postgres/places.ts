/**
 * Folders that the server's user can reach, for what lies where it cannot: root's home, and with it a project there, is
 * closed to everybody else.
 */
import { chmodSync, existsSync, lstatSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { reasonOf } from '../../../src/errors.js';
import { makeFolder } from '../own-folder.js';
import { faultOfOwner, faultOfParents, trustedOwners } from '../owners.js';
import { canReach, type ServerUser } from './server-user.js';

/**
 * The first one that can be used is. The others are for systems whose /var/lib cannot be written to; they may be cleared
 * when the machine starts. Not /var/lib/loghive: systemd gives that one to a service of this name.
 */
export function placesOfRoot(): readonly string[] {
  return ['/var/lib/loghive-dev', '/var/tmp/loghive-dev', path.join(os.tmpdir(), 'loghive-dev')];
}

/** Makes it if need be. Undefined when all is well, else why it cannot be used. */
export function faultOfPlace(place: string, user: ServerUser | undefined): string | undefined {
  const owners = trustedOwners();
  try {
    const fault = faultOfParents(place, owners);
    if (fault !== undefined) return `${place} is not safe to use: ${fault}`;
    if (!existsSync(place)) {
      makeFolder(place, 0o755);
      // Whatever the umask.
      chmodSync(place, 0o755);
    }
    // Others can make folders of this name in /var/tmp, and put programs there for root to run.
    const stats = lstatSync(place);
    if (!stats.isDirectory() || faultOfOwner(stats, owners) !== undefined) {
      return `${place} is not a folder that only this user can write to`;
    }
  } catch (error) {
    return reasonOf(error);
  }
  return canReach(place, user) ? undefined : `${place} cannot be reached by uid ${user?.uid}`;
}
