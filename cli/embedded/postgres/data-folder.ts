/** Where the data lies. */
import { createHash } from 'node:crypto';
import { accessSync, chmodSync, constants, existsSync, mkdirSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { LoghiveError, reasonOf } from '../../../src/errors.js';
import { faultOfPlace } from './places.js';
import { canReach, type ServerUser } from './server-user.js';

/** The cluster within a data folder. */
export const clusterIn = (folder: string) => path.join(folder, 'data');

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
    folder = chosenFolder(absolute(folder), user, places, notice);
    make(folder, user === undefined ? 0o700 : 0o711);
    accessSync(folder, constants.W_OK);
    checkOwner(folder, user?.uid ?? process.getuid?.());
    return folder;
  } catch (error) {
    if (error instanceof LoghiveError) throw error;
    throw unusable(
      `folder ${folder} cannot be used: ${reasonOf(error)}. Give this user the right, or name another one.`,
    );
  }
}

function chosenFolder(
  folder: string,
  user: ServerUser | undefined,
  places: readonly string[],
  notice: (text: string) => void,
): string {
  const name = `postgres-${createHash('sha256').update(folder).digest('hex').slice(0, 12)}`;
  const withData = places.map((place) => path.join(place, name)).find((each) => existsSync(clusterIn(each)));
  if (canReach(path.dirname(folder), user)) {
    if (user === undefined || withData === undefined || existsSync(clusterIn(folder))) return folder;
  } else if (existsSync(clusterIn(folder))) {
    throw unusable(`the data in ${folder} cannot be reached by ${nobody(user)}. ${REMEDY} or move the data.`);
  }
  const faults: string[] = [];
  for (const place of withData === undefined ? places : [path.dirname(withData)]) {
    const fault = faultOfPlace(place, user);
    if (fault !== undefined) {
      faults.push(fault);
      continue;
    }
    const placed = path.join(place, name);
    notice(`the data of PostgreSQL is in ${placed}: ${folder} cannot be reached by ${nobody(user)}`);
    return placed;
  }
  throw unusable(
    `folder ${folder} cannot be reached by ${nobody(user)}, and no other will do: ${faults.join('; ')}. ${REMEDY} or name another one.`,
  );
}

const REMEDY = 'Let its parent folders be searched (chmod o+x),';

function nobody(user: ServerUser | undefined): string {
  return `uid ${user?.uid}, as whom PostgreSQL runs because it refuses root`;
}

function unusable(message: string): LoghiveError {
  return new LoghiveError('LOGHIVE_FOLDER_UNUSABLE', message);
}

/** PostgreSQL takes its own user's data only. */
function checkOwner(folder: string, uid: number | undefined): void {
  const owner = statSync(clusterIn(folder), { throwIfNoEntry: false })?.uid;
  if (uid === undefined || owner === undefined || owner === uid) return;
  throw unusable(
    `the data in ${folder} belongs to uid ${owner}, and PostgreSQL would run as uid ${uid}. Start as the user who made it, or name another folder.`,
  );
}

/** Without symbolic links as far as it exists, so that a folder has one name. */
function absolute(folder: string): string {
  if (existsSync(folder)) return realpathSync(folder);
  const parent = path.dirname(folder);
  return parent === folder ? folder : path.join(absolute(parent), path.basename(folder));
}

function make(folder: string, mode: number): void {
  const first = mkdirSync(folder, { recursive: true, mode }) ?? folder;
  // What the server's user needs to get through, whatever the umask; one that was there already keeps the rest of its mode.
  const needed = mode & 0o011;
  for (let each = folder; each.length >= first.length; each = path.dirname(each)) {
    const current = statSync(each).mode & 0o7777;
    if ((current & needed) !== needed) chmodSync(each, current | needed);
  }
}
