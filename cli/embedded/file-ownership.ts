/** Ownership checks. Anyone who can write to the files a server starts from can run programs as that server's user. */
import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import path from 'node:path';
import { serverUser } from './postgres/server-user.js';

/** User ids. */
export type Owners = ReadonlySet<number>;

const ROOT = 0;
const WRITABLE_BY_GROUP = 0o020;
const WRITABLE_BY_OTHERS = 0o002;
const STICKY = 0o1000;
/** The limit Linux uses. */
const MAX_LINKS = 40;

/**
 * User ids whose files are trusted: this user and root; for root also the user PostgreSQL runs as; and `others`.
 * Undefined on Windows, which has no numeric user ids.
 */
export function trustedOwners(...others: readonly number[]): Owners | undefined {
  const own = process.getuid?.();
  const server = serverUser();
  return own === undefined ? undefined : new Set([own, ROOT, ...(server ? [server.uid] : []), ...others]);
}

/**
 * Why another user may have written the file, to complete "it …"; undefined if none can have.
 *
 * @param writers who may write to it. Many systems' umask lets a user's private group write as well.
 */
export function ownershipProblem(
  { uid, mode }: Stats,
  owners: Owners | undefined,
  writers: 'its owner' | 'its owner and group' = 'its owner',
): string | undefined {
  if (owners === undefined) return undefined;
  if (!owners.has(uid)) return `belongs to uid ${uid}, and this process runs as uid ${process.getuid?.()}`;
  if ((mode & WRITABLE_BY_OTHERS) !== 0) return 'is writable by every user';
  return writers === 'its owner' && (mode & WRITABLE_BY_GROUP) !== 0 ? 'is writable by its group' : undefined;
}

/**
 * Why another user could replace this path, as a sentence; undefined if none can, or if the existing part of the path
 * does not show it. Parents owned by other users (a project mounted into a container) or writable by their group are
 * accepted.
 *
 * World-writable parents are refused only for root, which creates files for another user there. They are common in
 * ordinary users' workspaces; there, a replaced directory belongs to another user, which PostgreSQL and the next start
 * detect.
 */
export function parentProblem(target: string, owners: Owners | undefined): string | undefined {
  if (owners === undefined) return undefined;
  const waiting = path.resolve(target).split(path.sep).filter(Boolean);
  let folder: string = path.parse(path.resolve(target)).root;
  for (let links = 0; waiting.length > 0; ) {
    if (process.getuid?.() === ROOT && writableByAll(folder))
      return `${folder} is writable by every user, who could replace the directory`;
    const entry = path.join(folder, waiting.shift() as string);
    const found = lstatSync(entry, { throwIfNoEntry: false });
    if (found === undefined) return undefined;
    if (!found.isSymbolicLink()) {
      folder = entry;
      continue;
    }
    if (!owners.has(found.uid)) return `${entry} is a symbolic link owned by uid ${found.uid}, who can redirect it`;
    if (++links > MAX_LINKS) return undefined;
    const to = path.resolve(folder, readlinkSync(entry));
    waiting.unshift(...to.split(path.sep).filter(Boolean));
    folder = path.parse(to).root;
  }
  return undefined;
}

/**
 * Without the sticky bit (which /tmp has), anyone who can write to a directory can replace other users' entries in it.
 */
function writableByAll(folder: string): boolean {
  const mode = lstatSync(folder).mode;
  return (mode & WRITABLE_BY_OTHERS) !== 0 && (mode & STICKY) === 0;
}
