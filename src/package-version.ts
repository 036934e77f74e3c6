/** The version of this package, for every location of the code: source, import build, require build. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** @returns 'unknown' if the code is part of a bundle. */
export function packageVersion(): string {
  for (let folder = import.meta.dirname, above = ''; folder !== above; above = folder, folder = path.dirname(folder)) {
    const file = path.join(folder, 'package.json');
    // dist/cjs has a package.json of its own that only sets the module type.
    const { name, version } = existsSync(file)
      ? (JSON.parse(readFileSync(file, 'utf8')) as { name?: string; version?: string })
      : {};
    if (name === 'loghive' && version !== undefined) return version;
  }
  return 'unknown';
}
