/** Installs PostgreSQL's package into the user's cache directory. */
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
/** Drafts older than this were left by a killed installation. */
const STALE_DRAFT_MS = 24 * 3_600_000;

export interface InstallOptions {
  /** Asks for permission to download; undefined if there is no terminal (see `confirmation`). */
  readonly ask: Ask | undefined;
  readonly notice?: (text: string) => void;
  readonly cache?: string;
  /** Cancels the installation: npm is stopped, and the promise rejects. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Installs atomically: npm works in a draft directory beside the target, which is then renamed.
 *
 * @returns the directory of `initdb` and `postgres`.
 * @throws LoghiveError LOGHIVE_POSTGRES_MISSING, with the command to run.
 */
export async function installPostgresBinaries(options: InstallOptions): Promise<string> {
  const { ask, notice = () => {}, cache = cacheFolder(), signal } = options;
  const wanted = `${postgresPackage()}@${PACKAGE_VERSION}`;
  const home = cachedPackage(cache);
  if (isUsable(home)) return binDirOf(home);
  const parent = path.dirname(home);
  if (ask === undefined) throw missing(wanted, 'there is no terminal to ask for permission to download it');
  const question = `PostgreSQL is not installed here. Download ${wanted} with npm (about 25 MB, 60 MB on disk) into ${parent}?`;
  if (!(await ask(question))) throw missing(wanted, 'the download was declined');
  openTrustedFolder(parent, { mode: 0o755, instead: 'set XDG_CACHE_HOME to a directory of your own' });
  if (existsSync(home)) {
    if (isUsable(home)) return binDirOf(home);
    // Partly removed, or possibly written by another user.
    await rm(home, { recursive: true, force: true });
  }
  notice(`downloading ${wanted} into ${parent}`);
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
    throw missing(wanted, `the download failed: ${reasonOf(error).trim()}`, error);
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

/** Runs npm without install scripts; the links the package's script would create are made by `restoreLinks`. */
function npmInstall(wanted: string, prefix: string, signal: AbortSignal | undefined): Promise<void> {
  const args = ['install', '--prefix', prefix, '--no-save', '--no-package-lock', '--ignore-scripts', '--no-audit'];
  // npx passes its own settings down in the environment; these must not apply.
  args.push('--no-fund', '--global=false', '--loglevel=error', wanted);
  const windows = process.platform === 'win32';
  // Windows can only start npm.cmd through a shell. One command string: Node deprecates arguments beside `shell: true`
  // (DEP0190). Only the folder comes from outside.
  const child = windows
    ? spawn(['npm.cmd', ...args.map(quoted)].join(' '), {
        shell: true,
        cwd: prefix,
        signal,
        stdio: ['ignore', 'ignore', 'pipe'],
      })
    : // In its own session: Ctrl-C reaches the whole process group, and only this process should end npm.
      spawn('npm', args, { cwd: prefix, signal, detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-2000);
  });
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new Error(`npm cannot be started: ${error.message}`, { cause: error })));
    child.once('close', (status, signal) => {
      if (status === 0) return resolve();
      const lines = output.split('\n').filter((line) => line.trim() !== '' && !/complete log of this run/.test(line));
      reject(
        new Error(
          `npm exited with ${status ?? signal}: ${maskUrlsIn(lines.join(' ').replace(/npm (ERR!|error) ?/g, ''))}`,
        ),
      );
    });
  });
}

const quoted = (argument: string) => `"${argument}"`;
