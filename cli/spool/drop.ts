/** `loghive spool drop`: deletes records that wait on disk permanently. */
import { unlink } from 'node:fs/promises';
import { isStillFree } from '../../src/publisher/spool/inventory.js';
import { counted } from '../../src/sentence.js';
import { confirmOrThrow } from '../confirmation.js';
import { openPrinter } from '../output.js';
import { filesOf, type SpoolSelection, waiting } from './selection.js';

/** @throws LoghiveError LOGHIVE_INVALID_OPTION if confirmation is needed and there is no terminal. */
export async function dropSpool({
  yes = false,
  dryRun = false,
  ...options
}: SpoolSelection & { yes?: boolean; dryRun?: boolean }): Promise<void> {
  const printer = openPrinter();
  const { files, records, words } = waiting(await filesOf(options));
  if (dryRun) {
    if (options.output === 'json') await printer.json({ dryRun: true, records });
    else await printer.line(`${words} would be deleted. Nothing changed.`);
    return;
  }
  if (files.length > 0 && !(await confirmOrThrow('spool drop', `Delete ${words} permanently?`, yes))) {
    await printer.line('nothing deleted.');
    return;
  }
  let deleted = 0;
  for (const file of files) {
    // The answer to the question may have taken long.
    if (!(await isStillFree(file))) continue;
    try {
      await unlink(file.path);
      deleted += file.records;
    } catch (error) {
      // A process that has started in the meantime sends it.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  if (options.output === 'json') await printer.json({ deleted });
  else await printer.line(`${counted(deleted, 'record')} deleted.`);
}
