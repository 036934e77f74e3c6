/**
 * Programs of another Debian release: unpacked into a folder, without installation and without root. They run with
 * their own release's C library, so neither a chroot nor a mount is needed, and nothing is left behind when their
 * parent is killed.
 */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, open, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
/** Suites with updates to a release. */
const ALIASES = ['stable', 'oldstable', 'testing', 'unstable', 'sid'];
const OUTPUT_BYTES = 64 * 1024 * 1024;

/** Why this machine cannot fetch packages of another Debian release; undefined if it can. */
export function whyNoDebianPackages(env = process.env) {
  if (env.LOGHIVE_TEST_INSTALL === '0') return 'LOGHIVE_TEST_INSTALL=0 disables downloads';
  if (process.platform !== 'linux' || release().ID !== 'debian') return 'only Debian could fetch it';
  const missing = ['/usr/bin/apt-get', '/usr/bin/dpkg-deb', KEYRING].find((file) => !existsSync(file));
  return missing && `${missing} is missing`;
}

/**
 * Unpacks a package and its dependencies from the first of these suites (e.g. `forky`) that has this version.
 *
 * @param version version prefix, e.g. '4.3.'
 * @param folder created by this function
 */
export async function unpackPackage({ name, version, suites, folder }) {
  const work = `${folder}.apt`;
  try {
    const mirror = await mirrorOfThisMachine(path.join(work, 'own'));
    const found = [];
    for (const suite of suites) {
      const apt = await suiteOf(mirror, suite, path.join(work, suite));
      const candidate = /Candidate: (?:\d+:)?(\S+)/.exec(await apt('apt-cache', 'policy', name))?.[1];
      found.push(`${suite} ${candidate}`);
      if (!candidate?.startsWith(version)) continue;
      await apt('apt-get', '-y', '--download-only', 'install', name);
      await unpackAll(path.join(work, suite, 'archives'), folder);
      return;
    }
    throw new Error(`no ${name} ${version}x in ${mirror}: it has ${found.join(', ')}`);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/**
 * Makes every program of a folder start with its own release's C library, by replacing it with a script. The release
 * may be moved.
 *
 * @param root folder of the release
 * @param folder in `root`
 */
export async function useOwnLibraries(root, folder) {
  const loader = await findLoader(root);
  const files = await readdir(path.join(root, folder), { recursive: true, withFileTypes: true });
  for (const file of files.filter((each) => each.isFile())) {
    const program = path.join(file.parentPath, file.name);
    if (!(await isProgram(program))) continue;
    await rename(program, `${program}.own`);
    const up = path.relative(file.parentPath, root);
    const start = `"$root/${loader}" --argv0 "$0" --library-path "$root/${path.dirname(loader)}" "$0.own"`;
    await writeScript(program, `root="\${0%/*}/${up}"`, `exec ${start} "$@"`);
  }
}

export async function writeScript(file, ...lines) {
  await writeFile(file, `${['#!/bin/sh', ...lines].join('\n')}\n`, { mode: 0o755 });
}

/** Whether the file is an executable binary, not a library. */
async function isProgram(file) {
  if (((await stat(file)).mode & 0o111) === 0) return false;
  const handle = await open(file);
  try {
    const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return buffer.toString('latin1') === '\x7fELF';
  } finally {
    await handle.close();
  }
}

/** The path of the dynamic loader within the release. */
async function findLoader(root) {
  const libraries = path.join('usr', 'lib');
  for (const triplet of await readdir(path.join(root, libraries))) {
    if (!triplet.endsWith('-linux-gnu')) continue;
    const files = await readdir(path.join(root, libraries, triplet));
    const loader = files.find((file) => /^ld-linux.*\.so\.\d+$/.test(file));
    if (loader) return path.join(libraries, triplet, loader);
  }
  throw new Error(`there is no dynamic loader (ld-linux) in ${path.join(root, libraries)}`);
}

/** Reads the mirror from apt's settings, in any format; its lists need not exist. */
async function mirrorOfThisMachine(lists) {
  await mkdir(path.join(lists, 'partial'), { recursive: true });
  const options = ['-oDebug::NoLocking=1', `-oDir::State::Lists=${lists}`];
  const { stdout } = await run('apt-get', [...options, '--print-uris', 'update'], { maxBuffer: OUTPUT_BYTES });
  const names = [release().VERSION_CODENAME, ...ALIASES];
  for (const [, mirror, suite] of stdout.matchAll(/^'([^']+)\/dists\/([^/']+)\//gm)) {
    if (names.includes(suite)) return mirror;
  }
  throw new Error(`apt's settings contain no Debian mirror:\n${stdout}`);
}

/** Runs apt's programs on this suite only, with all of their files in this folder, as if nothing were installed. */
async function suiteOf(mirror, suite, folder) {
  const lists = path.join(folder, 'lists');
  const archives = path.join(folder, 'archives');
  const sources = path.join(folder, 'sources.list');
  const status = path.join(folder, 'status');
  for (const each of [lists, archives]) await mkdir(path.join(each, 'partial'), { recursive: true });
  await writeFile(sources, `deb [signed-by=${KEYRING}] ${mirror} ${suite} main\n`);
  await writeFile(status, '');
  const options = {
    'Dir::Etc::sourcelist': sources,
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::State::Lists': lists,
    'Dir::State::status': status,
    'Dir::Cache': folder,
    'Dir::Cache::archives': archives,
    'APT::Install-Recommends': 'false',
    'APT::Sandbox::User': '',
    'Debug::NoLocking': '1',
    'Acquire::Retries': '3',
  };
  const given = Object.entries(options).map(([name, value]) => `-o${name}=${value}`);
  const apt = async (program, ...args) => {
    try {
      return (await run(program, ['-q', ...given, ...args], { maxBuffer: OUTPUT_BYTES })).stdout;
    } catch (error) {
      throw new Error(`${program} ${args.join(' ')} of ${suite} failed: ${error.stderr || error.message}`);
    }
  };
  await apt('apt-get', 'update');
  return apt;
}

async function unpackAll(archives, folder) {
  await mkdir(folder, { recursive: true });
  const packages = (await readdir(archives)).filter((name) => name.endsWith('.deb'));
  for (const name of packages) await run('dpkg-deb', ['-x', path.join(archives, name), folder]);
  await mergeLibraries(folder);
}

/** Packages before Debian 13 also have libraries in /lib, which is the same as /usr/lib on an installed system. */
async function mergeLibraries(folder) {
  const [old, libraries] = ['lib', 'usr/lib'].map((name) => path.join(folder, name));
  if (!existsSync(old)) return;
  await cp(old, libraries, { recursive: true, verbatimSymlinks: true });
  await rm(old, { recursive: true });
  await symlink('usr/lib', old);
}

function release() {
  const file = '/etc/os-release';
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  return Object.fromEntries(text.split('\n').map((line) => line.replaceAll('"', '').split('=')));
}
