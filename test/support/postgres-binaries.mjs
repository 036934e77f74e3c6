/** Of the product's embedded PostgreSQL, what a test server needs as well. */
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findPostgresBinaries, runnableBinaries } from '../../dist/esm/cli/embedded/postgres/binaries.js';
import { canReach, serverUser } from '../../dist/esm/cli/embedded/postgres/server-user.js';

export { serverUser };

/** The folder of `initdb` and `postgres`, complete and reachable for the user that is to run them. */
export async function postgresBinaries(binDir = findPostgresBinaries()) {
  if (binDir === undefined) throw new Error('no PostgreSQL found: run npm ci, with optional dependencies');
  const place = join(reachableTemporaryFolder(), `loghive-test-${process.getuid?.() ?? ''}`);
  return (await runnableBinaries(binDir, serverUser(), [place])).binDir;
}

/** A folder for temporary data that the server's user can reach as well. */
export function reachableTemporaryFolder() {
  const folders = [tmpdir(), '/tmp', '/var/tmp'];
  const found = folders.find((folder) => existsSync(folder) && canReach(folder, serverUser()));
  if (found === undefined) throw new Error(`none of ${folders.join(', ')} can be entered by uid ${serverUser()?.uid}`);
  return found;
}
