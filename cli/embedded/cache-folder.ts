/** Where this user's programs keep what can be fetched again. */
import os from 'node:os';
import path from 'node:path';
import { openEnvironment } from '../../src/config.js';

export function cacheFolder(platform = process.platform, environment = openEnvironment()): string {
  // The XDG specification: a path that is not absolute is invalid and ignored.
  const named = (name: string) => {
    const text = environment(name)?.text;
    return text && path.isAbsolute(text) ? text : undefined;
  };
  const belowHome = (...parts: string[]) => {
    const home = homeFolder();
    return home === undefined ? temporaryFolder() : path.join(home, ...parts, 'loghive');
  };
  const at = (folder: string | undefined) => folder && path.join(folder, 'loghive');
  if (platform === 'win32') return at(named('LOCALAPPDATA')) ?? belowHome('AppData', 'Local');
  if (platform === 'darwin') return belowHome('Library', 'Caches');
  return at(named('XDG_CACHE_HOME')) ?? belowHome('.cache');
}

/** Undefined where there is none of this user's own: in a container it is often unset or `/`. */
export function homeFolder(): string | undefined {
  try {
    const home = os.homedir();
    return path.isAbsolute(home) && home !== path.parse(home).root ? home : undefined;
  } catch {
    // HOME is not set, and the user has no entry in /etc/passwd.
    return undefined;
  }
}

/** May be cleared when the machine starts. */
function temporaryFolder(): string {
  return path.join(os.tmpdir(), `loghive-dev-${process.getuid?.() ?? os.userInfo().username}`);
}
