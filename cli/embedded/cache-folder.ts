/** The user's cache directory for Loghive. */
import os from 'node:os';
import path from 'node:path';
import { openEnvironment } from '../../src/config.js';

export function cacheFolder(platform = process.platform, environment = openEnvironment()): string {
  // XDG specification: a relative path is invalid and must be ignored.
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

/** Undefined if the user has no home directory: in containers HOME is often unset or `/`. */
export function homeFolder(): string | undefined {
  try {
    const home = os.homedir();
    return path.isAbsolute(home) && home !== path.parse(home).root ? home : undefined;
  } catch {
    // HOME is unset and the user has no entry in /etc/passwd.
    return undefined;
  }
}

/** May be cleared at reboot. */
function temporaryFolder(): string {
  return path.join(os.tmpdir(), `loghive-dev-${process.getuid?.() ?? os.userInfo().username}`);
}
