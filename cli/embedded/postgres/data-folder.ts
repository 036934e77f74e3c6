/** Chooses the data directory. */
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
 * PostgreSQL truncates paths longer than 1,023 bytes (MAXPGPATH in pg_config_manual.h). 100 bytes are reserved for the
 * longest name inside a draft cluster.
 */
const MAX_PATH_BYTES = 1023 - 100;

/**
 * Returns the directory itself, or, if root asks for one the server's user cannot reach, `<location>/postgres-<hash of
 * the directory>`. Existing data is never moved.
 *
 * @throws LoghiveError LOGHIVE_FOLDER_UNUSABLE if the directory is not writable or belongs to another user, its data
 *   cannot be reached, or no location is usable.
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
  // Data in a location that others can write to is not trusted.
  const withData = places
    .map((place) => path.join(place, name))
    .find((each) => existsSync(clusterIn(each)) && locationProblem(path.dirname(each), user) === undefined);
  if (canReach(path.dirname(folder), user)) {
    if (user === undefined || withData === undefined || existsSync(clusterIn(folder))) return folder;
  } else if (existsSync(clusterIn(folder))) {
    throw refused(`the data in ${folder} cannot be reached by ${describeUser(user)}. ${REMEDY} or move the data.`);
  }
  const faults: string[] = [];
  for (const place of withData === undefined ? places : [path.dirname(withData)]) {
    const fault = locationProblem(place, user);
    if (fault !== undefined) {
      faults.push(fault);
      continue;
    }
    const placed = path.join(place, name);
    notice(`storing PostgreSQL's data in ${placed}, because ${folder} cannot be reached by ${describeUser(user)}`);
    return placed;
  }
  throw refused(
    `directory ${folder} cannot be reached by ${describeUser(user)}, and no other is usable: ${faults.join('; ')}. ${REMEDY} or use another directory.`,
  );
}

const REMEDY = 'Make its parent directories searchable (chmod o+x),';

function describeUser(user: ServerUser | undefined): string {
  return `uid ${user?.uid}, which PostgreSQL runs as because it refuses root`;
}

function refused(message: string): LoghiveError {
  return new LoghiveError('LOGHIVE_FOLDER_UNUSABLE', message);
}

/** @throws LoghiveError LOGHIVE_FOLDER_UNUSABLE for paths PostgreSQL cannot handle. */
export function checkDataPath(folder: string): void {
  const bytes = Buffer.byteLength(folder);
  if (bytes > MAX_PATH_BYTES) {
    throw refused(
      `the path of directory ${folder.slice(0, 60)}… has ${bytes} bytes; PostgreSQL accepts at most ${MAX_PATH_BYTES}. Use a directory with a shorter path (--data).`,
    );
  }
  if (/[\n\r]/.test(folder)) {
    throw refused(
      `the path of directory ${JSON.stringify(folder)} contains a line break, which PostgreSQL's pid file does not allow. Use another directory (--data).`,
    );
  }
}

/** PostgreSQL only accepts data owned by its own user. */
function checkOwner(folder: string, uid: number | undefined): void {
  const cluster = lstatSync(clusterIn(folder), { throwIfNoEntry: false });
  if (uid === undefined || cluster === undefined) return;
  if (!cluster.isDirectory()) {
    throw refused(`${clusterIn(folder)} is not a directory. Remove it, or use another directory (--data).`);
  }
  if (cluster.uid === uid) return;
  throw refused(
    `the data in ${folder} belongs to uid ${cluster.uid}, but PostgreSQL would run as uid ${uid}. Run as the user who created it, or use another directory (--data).`,
  );
}

/** Resolves symbolic links in the existing part, so that each directory has one name. */
function absolute(folder: string): string {
  if (existsSync(folder)) return realpathSync(folder);
  const parent = path.dirname(folder);
  return parent === folder ? folder : path.join(absolute(parent), path.basename(folder));
}

function make(folder: string, mode: number): void {
  const first = firstMissing(folder);
  openTrustedFolder(folder, { mode });
  // The server's user needs search permission regardless of the umask. Existing directories keep the rest of their
  // mode.
  const needed = mode & 0o011;
  for (let each = folder; each.length >= first.length; each = path.dirname(each)) {
    const current = statSync(each).mode & 0o7777;
    if ((current & needed) !== needed) chmodSync(each, current | needed);
  }
}

/** The topmost directory to create; the directory itself if it exists. */
function firstMissing(folder: string): string {
  const parent = path.dirname(folder);
  return existsSync(parent) || parent === folder ? folder : firstMissing(parent);
}

// Locations the server's user can reach. Root's home directory, and projects inside it, are closed to other users.

/**
 * In order of preference. The later ones are for systems with a read-only /var/lib, and may be cleared at reboot. Not
 * /var/lib/loghive, which systemd assigns to a service of that name.
 */
export function rootLocations(): readonly string[] {
  return ['/var/lib/loghive-dev', '/var/tmp/loghive-dev', path.join(os.tmpdir(), 'loghive-dev')];
}

/** Creates the location if it does not exist. Returns why it cannot be used; undefined if it can. */
export function locationProblem(place: string, user: ServerUser | undefined): string | undefined {
  const owners = trustedOwners();
  try {
    const fault = parentProblem(place, owners);
    if (fault !== undefined) return `${place} is not safe to use: ${fault}`;
    if (!existsSync(place)) {
      makeFolder(place, 0o755);
      // Regardless of the umask.
      chmodSync(place, 0o755);
    }
    // In /var/tmp, others can create directories of this name and place programs there for root to run.
    const stats = lstatSync(place);
    if (!stats.isDirectory() || ownershipProblem(stats, owners) !== undefined) {
      return `${place} is not a directory that only this user can write to`;
    }
  } catch (error) {
    return reasonOf(error);
  }
  return canReach(place, user) ? undefined : `${place} cannot be reached by uid ${user?.uid}`;
}
