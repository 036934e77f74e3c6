import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { cacheFolder } from '../../../cli/embedded/cache-folder.js';

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
