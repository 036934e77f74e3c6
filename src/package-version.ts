/** The version of this package, wherever in it the code lies: as source, built for import, built for require. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** @returns 'unknown' where the code lies in a bundle. */
export function packageVersion(): string {
  for (let folder = import.meta.dirname, above = ''; folder !== above; above = folder, folder = path.dirname(folder)) {
    const file = path.join(folder, 'package.json');
    // dist/cjs has one of its own that only says what kind of modules it holds.
    const { name, version } = existsSync(file)
      ? (JSON.parse(readFileSync(file, 'utf8')) as { name?: string; version?: string })
      : {};
    if (name === 'loghive' && version !== undefined) return version;
  }
  return 'unknown';
}
