/** Where the data lies. */
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, lstatSync, realpathSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { LoghiveError, reasonOf } from '../../../src/errors.js';
import { ownershipProblem, parentProblem, trustedOwners } from '../file-ownership.js';
import { checkParents, makeFolder, openTrustedFolder, unusable } from '../trusted-folder.js';
import { canReach, type ServerUser } from './server-user.js';

/** The cluster within a data folder. */
export const clusterIn = (folder: string) => path.join(folder, 'data');

/**
 * Paths in PostgreSQL have 1,023 bytes at most, and cut what is longer. Source: MAXPGPATH in pg_config_manual.h. Kept free
 * for the longest name below the folder of a cluster that is being made.
 */
const MAX_PATH_BYTES = 1023 - 100;

/**
 * The folder itself; but where root asks for one that the server's user cannot reach, `<place>/postgres-<hash of the
 * folder>`. Where there is data already, it stays.
 *
 * @throws LoghiveError LOGHIVE_FOLDER_UNUSABLE when it cannot be written to or belongs to somebody else, the data can no
 *   longer be reached, or no place will do.
 */
export function dataFolder(
  wanted: string,
  user: ServerUser | undefined,
  places: readonly string[],
  notice: (text: string) => void,
): string {
  let folder = path.resolve(wanted);
  try {
    checkParents(folder);
    folder = chosenFolder(absolute(folder), user, places, notice);
    checkDataPath(folder);
    make(folder, user === undefined ? 0o700 : 0o711);
    checkOwner(folder, user?.uid ?? process.getuid?.());
    return folder;
  } catch (error) {
    throw unusable(folder, error);
  }
}

function chosenFolder(
  folder: string,
  user: ServerUser | undefined,
  places: readonly string[],
  notice: (text: string) => void,
): string {
  const name = `postgres-${createHash('sha256').update(folder).digest('hex').slice(0, 12)}`;
  // What others have put into a place of this name is no data of ours.
  const withData = places
    .map((place) => path.join(place, name))
    .find((each) => existsSync(clusterIn(each)) && locationProblem(path.dirname(each), user) === undefined);
  if (canReach(path.dirname(folder), user)) {
    if (user === undefined || withData === undefined || existsSync(clusterIn(folder))) return folder;
  } else if (existsSync(clusterIn(folder))) {
    throw refused(`the data in ${folder} cannot be reached by ${nobody(user)}. ${REMEDY} or move the data.`);
  }
  const faults: string[] = [];
  for (const place of withData === undefined ? places : [path.dirname(withData)]) {
    const fault = locationProblem(place, user);
    if (fault !== undefined) {
      faults.push(fault);
      continue;
    }
    const placed = path.join(place, name);
    notice(`the data of PostgreSQL is in ${placed}: ${folder} cannot be reached by ${nobody(user)}`);
    return placed;
  }
  throw refused(
    `folder ${folder} cannot be reached by ${nobody(user)}, and no other will do: ${faults.join('; ')}. ${REMEDY} or name another one.`,
  );
}

const REMEDY = 'Let its parent folders be searched (chmod o+x),';

function nobody(user: ServerUser | undefined): string {
  return `uid ${user?.uid}, as whom PostgreSQL runs because it refuses root`;
}

function refused(message: string): LoghiveError {
  return new LoghiveError('LOGHIVE_FOLDER_UNUSABLE', message);
}

/** @throws LoghiveError LOGHIVE_FOLDER_UNUSABLE for what PostgreSQL would stumble over in its own way. */
export function checkDataPath(folder: string): void {
  const bytes = Buffer.byteLength(folder);
  if (bytes > MAX_PATH_BYTES) {
    throw refused(
      `the path of folder ${folder.slice(0, 60)}… has ${bytes} bytes, and PostgreSQL takes at most ${MAX_PATH_BYTES}. Name a folder with a shorter path (--data).`,
    );
  }
  if (/[\n\r]/.test(folder)) {
    throw refused(
      `the path of folder ${JSON.stringify(folder)} holds a line break, at which PostgreSQL's pid file ends a line. Name another folder (--data).`,
    );
  }
}

/** PostgreSQL takes its own user's data only. */
function checkOwner(folder: string, uid: number | undefined): void {
  const cluster = lstatSync(clusterIn(folder), { throwIfNoEntry: false });
  if (uid === undefined || cluster === undefined) return;
  if (!cluster.isDirectory()) {
    throw refused(`${clusterIn(folder)} is no folder. Remove it, or name another folder (--data).`);
  }
  if (cluster.uid === uid) return;
  throw refused(
    `the data in ${folder} belongs to uid ${cluster.uid}, and PostgreSQL would run as uid ${uid}. Start as the user who made it, or name another folder (--data).`,
  );
}

/** Without symbolic links as far as it exists, so that a folder has one name. */
function absolute(folder: string): string {
  if (existsSync(folder)) return realpathSync(folder);
  const parent = path.dirname(folder);
  return parent === folder ? folder : path.join(absolute(parent), path.basename(folder));
}

function make(folder: string, mode: number): void {
  const first = firstMissing(folder);
  openTrustedFolder(folder, { mode });
  // What the server's user needs to get through, whatever the umask; one that was there already keeps the rest of its mode.
  const needed = mode & 0o011;
  for (let each = folder; each.length >= first.length; each = path.dirname(each)) {
    const current = statSync(each).mode & 0o7777;
    if ((current & needed) !== needed) chmodSync(each, current | needed);
  }
}

/** Of what has to be made, the one that is highest; the folder itself where it is there. */
function firstMissing(folder: string): string {
  const parent = path.dirname(folder);
  return existsSync(parent) || parent === folder ? folder : firstMissing(parent);
}

// Folders that the server's user can reach, for what lies where it cannot: root's home, and with it a project there, is
// closed to everybody else.

/**
 * The first one that can be used is. The others are for systems whose /var/lib cannot be written to; they may be cleared
 * when the machine starts. Not /var/lib/loghive: systemd gives that one to a service of this name.
 */
export function rootLocations(): readonly string[] {
  return ['/var/lib/loghive-dev', '/var/tmp/loghive-dev', path.join(os.tmpdir(), 'loghive-dev')];
}

/** Makes it if need be. Undefined when all is well, else why it cannot be used. */
export function locationProblem(place: string, user: ServerUser | undefined): string | undefined {
  const owners = trustedOwners();
  try {
    const fault = parentProblem(place, owners);
    if (fault !== undefined) return `${place} is not safe to use: ${fault}`;
    if (!existsSync(place)) {
      makeFolder(place, 0o755);
      // Whatever the umask.
      chmodSync(place, 0o755);
    }
    // Others can make folders of this name in /var/tmp, and put programs there for root to run.
    const stats = lstatSync(place);
    if (!stats.isDirectory() || ownershipProblem(stats, owners) !== undefined) {
      return `${place} is not a folder that only this user can write to`;
    }
  } catch (error) {
    return reasonOf(error);
  }
  return canReach(place, user) ? undefined : `${place} cannot be reached by uid ${user?.uid}`;
}
