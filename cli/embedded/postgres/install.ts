/** Fetches PostgreSQL's package into the user's cache folder. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { LoghiveError, reasonOf } from '../../../src/errors.js';
import { maskUrlsIn } from '../../../src/settings/mask-url.js';
import type { Ask } from '../../confirmation.js';
import { cacheFolder } from '../cache-folder.js';
import { openTrustedFolder } from '../trusted-folder.js';
import { binDirOf, cachedPackage, moveInto, packageProblem, restoreLinks, versionOf } from './binaries.js';
import { PACKAGE_VERSION, postgresPackage } from './package.js';

const DRAFT = 'draft-';
/** So old, it was left by an installation that was killed. */
const STALE_DRAFT_MS = 24 * 3_600_000;

export interface InstallOptions {
  /** Who is asked before anything is fetched; undefined where nobody can be (see `confirmation`). */
  readonly ask: Ask | undefined;
  readonly notice?: (text: string) => void;
  readonly cache?: string;
  /** Gives it up: npm is ended, and the promise rejects. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * What is in the cache is there at once and complete: npm works in a draft beside it, which is renamed.
 *
 * @returns the folder of `initdb` and `postgres`.
 * @throws LoghiveError LOGHIVE_POSTGRES_MISSING, with what to run.
 */
export async function installPostgresBinaries(options: InstallOptions): Promise<string> {
  const { ask, notice = () => {}, cache = cacheFolder(), signal } = options;
  const wanted = `${postgresPackage()}@${PACKAGE_VERSION}`;
  const home = cachedPackage(cache);
  if (isUsable(home)) return binDirOf(home);
  const parent = path.dirname(home);
  if (ask === undefined) throw missing(wanted, 'there is no terminal to ask on whether it may be fetched');
  const question = `PostgreSQL is not installed here. Fetch ${wanted} with npm (about 25 MB, 60 MB on disk) into ${parent}?`;
  if (!(await ask(question))) throw missing(wanted, 'it was not to be fetched');
  openTrustedFolder(parent, { mode: 0o755, instead: 'set XDG_CACHE_HOME to a folder of your own' });
  if (existsSync(home)) {
    if (isUsable(home)) return binDirOf(home);
    // A part of it was cleared away, or others may have put it there.
    await rm(home, { recursive: true, force: true });
  }
  notice(`fetching ${wanted} into ${parent}`);
  await removeStaleDrafts(parent);
  const draft = await mkdtemp(path.join(parent, DRAFT));
  try {
    await npmInstall(wanted, draft, signal);
    const installed = path.join(draft, 'node_modules', postgresPackage());
    restoreLinks(installed);
    await versionOf(binDirOf(installed));
    await moveInto(installed, home);
  } catch (error) {
    if (error instanceof LoghiveError) throw error;
    throw missing(wanted, `it could not be fetched: ${reasonOf(error).trim()}`, error);
  } finally {
    await rm(draft, { recursive: true, force: true, maxRetries: 5 });
  }
  return binDirOf(home);
}

const isUsable = (home: string) => existsSync(binDirOf(home)) && packageProblem(home) === undefined;

function missing(wanted: string, why: string, cause?: unknown): LoghiveError {
  return new LoghiveError(
    'LOGHIVE_POSTGRES_MISSING',
    `PostgreSQL is not installed, and ${why.replace(/\.$/, '')}. Run loghive dev --yes, or in your project: npm install --save-dev ${wanted}`,
    { cause },
  );
}

async function removeStaleDrafts(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (!name.startsWith(DRAFT)) continue;
    const draft = path.join(parent, name);
    const age = Date.now() - (await stat(draft).then(({ mtimeMs }) => mtimeMs, Date.now));
    if (age > STALE_DRAFT_MS) await rm(draft, { recursive: true, force: true }).catch(() => {});
  }
}

/** The links that its install script would make are made here: no script of a package is run unasked. */
function npmInstall(wanted: string, prefix: string, signal: AbortSignal | undefined): Promise<void> {
  const args = ['install', '--prefix', prefix, '--no-save', '--no-package-lock', '--ignore-scripts', '--no-audit'];
  // npx hands its own settings down in the environment; these shall not be among them.
  args.push('--no-fund', '--global=false', '--loglevel=error', wanted);
  const windows = process.platform === 'win32';
  // Windows starts npm.cmd through a shell only; nothing of it but the folder comes from outside.
  const child = windows
    ? spawn('npm.cmd', args.map(quoted), { shell: true, cwd: prefix, signal, stdio: ['ignore', 'ignore', 'pipe'] })
    : // In a session of its own: Ctrl-C in a terminal goes to every process of the group, and it is for us to end it.
      spawn('npm', args, { cwd: prefix, signal, detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
  let told = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    told = (told + text).slice(-2000);
  });
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new Error(`npm cannot be started: ${error.message}`, { cause: error })));
    child.once('close', (status, signal) => {
      if (status === 0) return resolve();
      const lines = told.split('\n').filter((line) => line.trim() !== '' && !/complete log of this run/.test(line));
      reject(
        new Error(
          `npm ended with ${status ?? signal}: ${maskUrlsIn(lines.join(' ').replace(/npm (ERR!|error) ?/g, ''))}`,
        ),
      );
    });
  });
}

const quoted = (argument: string) => `"${argument}"`;
