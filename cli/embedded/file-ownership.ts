/** Whose files are acted on. Whoever can write what a server is started from runs programs as that server's user. */
import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import path from 'node:path';
import { serverUser } from './postgres/server-user.js';

/** User ids. */
export type Owners = ReadonlySet<number>;

const ROOT = 0;
const WRITABLE_BY_GROUP = 0o020;
const WRITABLE_BY_OTHERS = 0o002;
const STICKY = 0o1000;
/** As many as Linux follows. */
const MAX_LINKS = 40;

/**
 * This user and root; for root as well the user as whom the server runs in any case; and who else is named. Undefined on
 * Windows, which has no such ids.
 */
export function trustedOwners(...others: readonly number[]): Owners | undefined {
  const own = process.getuid?.();
  const server = serverUser();
  return own === undefined ? undefined : new Set([own, ROOT, ...(server ? [server.uid] : []), ...others]);
}

/**
 * Why somebody else may have put there what is there, completing "it …"; undefined where nobody can have.
 *
 * @param writers who may write to it: as the umask of many systems has it, a group of one's own may as well.
 */
export function ownershipProblem(
  { uid, mode }: Stats,
  owners: Owners | undefined,
  writers: 'its owner' | 'its owner and group' = 'its owner',
): string | undefined {
  if (owners === undefined) return undefined;
  if (!owners.has(uid)) return `belongs to uid ${uid}, and this is uid ${process.getuid?.()}`;
  if ((mode & WRITABLE_BY_OTHERS) !== 0) return 'can be written to by every user';
  return writers === 'its owner' && (mode & WRITABLE_BY_GROUP) !== 0 ? 'can be written to by its group' : undefined;
}

/**
 * Why somebody else could put another thing in the place of this path, as a sentence; undefined where nobody can, or where
 * what is there of it so far does not say. A parent that belongs to somebody else is taken as it is (a project that is
 * mounted into a container), and so is one that its group may write to.
 *
 * One that everybody may write to is refused to root, who makes files for another user there. An ordinary user's workspace
 * is often like that: what is put in the place of a folder that was looked at belongs to somebody else, which PostgreSQL and
 * the next start see.
 */
export function parentProblem(target: string, owners: Owners | undefined): string | undefined {
  if (owners === undefined) return undefined;
  const waiting = path.resolve(target).split(path.sep).filter(Boolean);
  let folder: string = path.parse(path.resolve(target)).root;
  for (let links = 0; waiting.length > 0; ) {
    if (process.getuid?.() === ROOT && writableByAll(folder))
      return `every user can write to ${folder}, and put another folder there`;
    const entry = path.join(folder, waiting.shift() as string);
    const found = lstatSync(entry, { throwIfNoEntry: false });
    if (found === undefined) return undefined;
    if (!found.isSymbolicLink()) {
      folder = entry;
      continue;
    }
    if (!owners.has(found.uid)) return `${entry} is a symbolic link of uid ${found.uid}, who can lead it elsewhere`;
    if (++links > MAX_LINKS) return undefined;
    const to = path.resolve(folder, readlinkSync(entry));
    waiting.unshift(...to.split(path.sep).filter(Boolean));
    folder = path.parse(to).root;
  }
  return undefined;
}

/** Where there is no sticky bit, as /tmp has it, whoever may write to a folder may also replace what others have in it. */
function writableByAll(folder: string): boolean {
  const mode = lstatSync(folder).mode;
  return (mode & WRITABLE_BY_OTHERS) !== 0 && (mode & STICKY) === 0;
}
