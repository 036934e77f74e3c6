/** Gives the producers of a whole run, and of the programs that it starts, a spool that is removed at its end. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export function useTemporarySpool() {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'loghive-run-spool-'));
  process.env.LOGHIVE_SPOOL_DIR = folder;
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
}
