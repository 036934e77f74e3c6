/** Takes the lock of a directory and keeps it, or takes and releases it the given number of times. */
import { closeSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { lockFolder } from '../../../dist/esm/cli/embedded/folder-lock.js';

const [folder, times] = process.argv.slice(2);

if (times === undefined) {
  lockFolder(folder);
  process.send('locked');
  process.on('message', () => {});
} else {
  const alone = join(folder, 'alone');
  for (let won = 0; won < Number(times); ) {
    let unlock;
    try {
      unlock = lockFolder(folder);
    } catch (error) {
      if (error.code !== 'LOGHIVE_FOLDER_LOCKED') throw error;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 2));
      continue;
    }
    // Fails if another process is here as well.
    closeSync(openSync(alone, 'wx'));
    await new Promise(setImmediate);
    rmSync(alone);
    won += 1;
    // Some exit without releasing it, so that others find a dead owner.
    if (won < Number(times)) unlock();
  }
}
