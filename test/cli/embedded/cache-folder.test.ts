import os from 'node:os';
import path from 'node:path';
import { expect, test, vi } from 'vitest';
import { cacheFolder, homeFolder } from '../../../cli/embedded/cache-folder.js';
import { onEnd } from '../../support/use-servers.js';

const at = (...parts: string[]) => path.join(os.homedir(), ...parts, 'loghive');

test.each<[NodeJS.Platform, Record<string, string>, string]>([
  ['linux', {}, at('.cache')],
  ['linux', { XDG_CACHE_HOME: '/var/cache/me' }, '/var/cache/me/loghive'],
  ['linux', { XDG_CACHE_HOME: 'relative' }, at('.cache')],
  ['darwin', { XDG_CACHE_HOME: '/var/cache/me' }, at('Library', 'Caches')],
  ['win32', {}, at('AppData', 'Local')],
  ['win32', { LOCALAPPDATA: '/local' }, path.join('/local', 'loghive')],
])('on %s with %j it is %s', (platform, variables, folder) => {
  const environment = (name: string) =>
    variables[name] === undefined ? undefined : { text: variables[name], where: name };
  expect(cacheFolder(platform, environment)).toBe(folder);
});

test.each<[string, () => string]>([
  ['/', () => '/'],
  ['a folder that is not there', () => '/no/such/home'],
  ['a file', () => import.meta.filename],
  ['no path', () => 'x'],
  ['empty', () => ''],
  [
    'not known',
    () => {
      throw Object.assign(new Error('uv_os_homedir returned ENOENT'), { code: 'ERR_SYSTEM_ERROR' });
    },
  ],
])('where the home folder is %s, it is one of this user alone among the temporary ones', (_what, home) => {
  const homedir = vi.spyOn(os, 'homedir').mockImplementation(home);
  onEnd(() => homedir.mockRestore());
  expect(homeFolder()).toBeUndefined();
  const own = path.join(os.tmpdir(), `loghive-dev-${process.getuid?.() ?? os.userInfo().username}`);
  for (const platform of ['linux', 'darwin', 'win32'] as const)
    expect(cacheFolder(platform, () => undefined)).toBe(own);
  const environment = (name: string) => ({ text: '/var/cache/me', where: name });
  expect(cacheFolder('linux', environment)).toBe('/var/cache/me/loghive');
});
