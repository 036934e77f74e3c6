/** The parts of the product's embedded PostgreSQL that a test server also needs. */
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findPostgresBinaries, runnableBinaries } from '../../dist/esm/cli/embedded/postgres/binaries.js';
import { canReach, serverUser } from '../../dist/esm/cli/embedded/postgres/server-user.js';

export { serverUser };

/** The folder with `initdb` and `postgres`, complete and accessible to the server's user. */
export async function postgresBinaries(binDir = findPostgresBinaries()) {
  if (binDir === undefined) throw new Error('no PostgreSQL found: run npm ci, with optional dependencies');
  const place = join(reachableTemporaryFolder(), `loghive-test-${process.getuid?.() ?? ''}`);
  return (await runnableBinaries(binDir, serverUser(), [place])).binDir;
}

/** A folder for temporary data that the server's user can access. */
export function reachableTemporaryFolder() {
  const folders = [tmpdir(), '/tmp', '/var/tmp'];
  const found = folders.find((folder) => existsSync(folder) && canReach(folder, serverUser()));
  if (found === undefined) throw new Error(`uid ${serverUser()?.uid} cannot access any of ${folders.join(', ')}`);
  return found;
}
