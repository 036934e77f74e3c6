import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { installPackage, whyNotInstall } from './install-package.mjs';

function findShell(name) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/bin', '/usr/bin', '/usr/local/bin'];
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
}

/** The program, installed if necessary; see shells.d.mts. */
export function requireShell(name) {
  const found = findShell(name);
  if (found !== undefined) return found;
  const obstacle = whyNotInstall();
  if (obstacle !== undefined) {
    throw new Error(
      `these tests need ${name} and found none on the PATH, and ${obstacle}. ` +
        `Install it (Debian, Ubuntu: apt-get install ${name}; macOS: brew install ${name}).`,
    );
  }
  installPackage(name);
  return findShell(name);
}
