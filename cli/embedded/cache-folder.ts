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
  const home = os.homedir();
  if (platform === 'win32') return path.join(named('LOCALAPPDATA') ?? path.join(home, 'AppData', 'Local'), 'loghive');
  if (platform === 'darwin') return path.join(home, 'Library', 'Caches', 'loghive');
  return path.join(named('XDG_CACHE_HOME') ?? path.join(home, '.cache'), 'loghive');
}
