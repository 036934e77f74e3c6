import { execFile } from 'node:child_process';
import { chownSync } from 'node:fs';
import { mkdtemp, open, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { reachableTemporaryFolder, serverUser } from './postgres-binaries.mjs';

const run = promisify(execFile);

/** See small-disk.d.mts. */
export async function mountSmallDisk(bytes) {
  if (process.platform !== 'linux' || process.getuid() !== 0) return undefined;
  const folder = await mkdtemp(join(reachableTemporaryFolder(), 'loghive-disk-'));
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=0700`, 'loghive-test', folder]);
  } catch {
    // For example in a container without this privilege.
    await rmdir(folder);
    return undefined;
  }
  const user = serverUser();
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const ballast = join(folder, 'ballast');
  return {
    folder,
    async fill() {
      const file = await open(ballast, 'w');
      try {
        for (const size of [65_536, 4096]) await fillWith(file, Buffer.alloc(size));
      } finally {
        await file.close();
      }
    },
    free: () => rm(ballast, { force: true }),
    async unmount() {
      // Lazily, because a server may still have a file on it open.
      await run('umount', ['-l', folder]);
      await rmdir(folder);
    },
  };
}

async function fillWith(file, block) {
  try {
    for (;;) await file.write(block);
  } catch (error) {
    if (error.code !== 'ENOSPC') throw error;
  }
}
