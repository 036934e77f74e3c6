import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '..', '..');
const INSTALL = ['install', '--prefer-offline', '--no-package-lock', '--no-audit', '--no-fund', '--ignore-scripts'];

/** Packs this checkout and installs the file like a user; see installation.d.mts. */
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

/** Installs the dependencies of the package.json in a folder, and `packages`; see installation.d.mts. */
export async function installInto(folder, packages) {
  await npm(folder, [...INSTALL, ...packages]);
}

/** Installs packages into their own folder, once; see installation.d.mts. */
export async function installOnce(packages) {
  const name = packages.join(' ').replaceAll(/[^\w.@-]+/g, '+');
  const home = path.join(root, 'node_modules', '.cache', 'loghive', name);
  if (existsSync(home)) return home;
  const draft = `${home}.${process.pid}`;
  await mkdir(draft, { recursive: true });
  await writeFile(path.join(draft, 'package.json'), '{ "private": true }\n');
  await npm(draft, [...INSTALL, ...packages]);
  await rename(draft, home).catch(async (error) => {
    // Another run may have finished first.
    await rm(draft, { recursive: true, force: true });
    if (!existsSync(home)) throw error;
  });
  return home;
}

/** npm up to 11 prints a list, npm 12 an object by package name. */
function packedFile(report) {
  const [packed] = Array.isArray(report) ? report : Object.values(report);
  return packed.filename;
}

/** The version installed in this checkout, which is also in npm's cache. */
function versionHere(name) {
  return JSON.parse(readFileSync(path.join(root, 'node_modules', name, 'package.json'), 'utf8')).version;
}

export async function npm(cwd, args) {
  // The variables that `npm test` sets describe this project, not the other one.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_OPTIONS$)/i.test(name)));
  try {
    return await run('npm', args, { cwd, env, maxBuffer: 64 * 1024 * 1024 });
  } catch (error) {
    throw new Error(`npm ${args.join(' ')} failed: ${error.stderr || error.message}`, { cause: error });
  }
}
