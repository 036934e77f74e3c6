import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '..', '..');
const INSTALL = ['install', '--prefer-offline', '--no-package-lock', '--no-audit', '--no-fund', '--ignore-scripts'];

/** Packs this checkout and installs the file as a user would; see installation.d.mts. */
export async function installPackage() {
  const folder = await mkdtemp(path.join(tmpdir(), 'loghive-package-'));
  try {
    const { stdout } = await npm(root, ['pack', '--json', '--ignore-scripts', '--pack-destination', folder]);
    const tarball = path.join(folder, packedFile(JSON.parse(stdout)));
    const app = path.join(folder, 'app');
    await mkdir(app);
    await writeFile(path.join(app, 'package.json'), '{ "name": "app", "private": true }\n');
    await npm(app, [...INSTALL, tarball, `winston@${versionHere('winston')}`]);
    return { folder, tarball, app, remove: () => rm(folder, { recursive: true, force: true }) };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** A tool that no application's folder should hold, installed once for all runs of this checkout. */
export async function installTool(manifest) {
  const content = await readFile(manifest, 'utf8');
  const key = createHash('sha256').update(content).digest('hex').slice(0, 12);
  const cache = path.join(root, 'node_modules', '.cache', 'loghive');
  const home = path.join(cache, `${path.basename(path.dirname(manifest))}-${key}`);
  if (existsSync(home)) return home;
  const draft = `${home}.${process.pid}`;
  await mkdir(draft, { recursive: true });
  await cp(manifest, path.join(draft, 'package.json'));
  await npm(draft, INSTALL);
  await rename(draft, home).catch(async (error) => {
    // Another run may have been faster.
    await rm(draft, { recursive: true, force: true });
    if (!existsSync(home)) throw error;
  });
  return home;
}

/** npm up to 11 gives a list, npm 12 an object by package name. */
function packedFile(report) {
  const [packed] = Array.isArray(report) ? report : Object.values(report);
  return packed.filename;
}

/** The version that this checkout was tested with, and that npm's cache has already. */
function versionHere(name) {
  return JSON.parse(readFileSync(path.join(root, 'node_modules', name, 'package.json'), 'utf8')).version;
}

async function npm(cwd, args) {
  // What `npm test` tells its children about this project must not reach the other one.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_OPTIONS$)/i.test(name)));
  try {
    return await run('npm', args, { cwd, env, maxBuffer: 64 * 1024 * 1024 });
  } catch (error) {
    throw new Error(`npm ${args.join(' ')} failed: ${error.stderr || error.message}`, { cause: error });
  }
}
