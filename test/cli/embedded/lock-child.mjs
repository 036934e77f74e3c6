/** Takes the lock of a folder and keeps it, or, with a number, takes and gives it back so many times. */
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
    // Fails where another one is here as well.
    closeSync(openSync(alone, 'wx'));
    await new Promise(setImmediate);
    rmSync(alone);
    won += 1;
    // Some die instead of giving it back: for the others it is one whose owner is dead.
    if (won < Number(times)) unlock();
  }
}
