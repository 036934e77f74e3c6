/** Whose programs a package of PostgreSQL holds. They run as this user, or as the server's. */
import { existsSync, lstatSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { reasonOf } from '../../../src/errors.js';
import { faultOfOwner, faultOfParents, trustedOwners } from '../owners.js';

/** Folders whose entries are run or loaded. */
const RUN_FROM = [path.join('native', 'bin'), path.join('native', 'lib')];

/**
 * Why somebody else may have put programs there, as a sentence; undefined where nobody can have: they belong to this user,
 * to root, or to whoever owns the program that runs here.
 */
export function faultOfPackage(folder: string): string | undefined {
  try {
    const owners = trustedOwners(lstatSync(import.meta.filename).uid);
    const runFrom = RUN_FROM.map((each) => path.join(folder, each)).filter((each) => existsSync(each));
    const entries = runFrom.flatMap((each) => readdirSync(each).map((name) => path.join(each, name)));
    for (const entry of [folder, path.join(folder, 'native'), ...runFrom, ...entries]) {
      const stats = lstatSync(entry);
      // A link has no rights of its own, and leads to what is looked at as well.
      const fault = stats.isSymbolicLink() ? undefined : faultOfOwner(stats, owners, 'its owner and group');
      if (fault !== undefined) return `${entry} ${fault}`;
    }
    return faultOfParents(folder, owners);
  } catch (error) {
    return reasonOf(error);
  }
}
