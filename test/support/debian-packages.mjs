/**
 * Programs of another Debian release, beside those of this machine: unpacked into a folder, nothing is installed, and
 * nobody has to be root. They run with the C library of their own release, so that neither a chroot nor a mount is
 * needed, and nothing is left behind when whoever started them is killed.
 */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, open, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
/** Names of a release beside its own. */
const ALIASES = ['stable', 'oldstable', 'testing', 'unstable', 'sid'];
const OUTPUT_BYTES = 64 * 1024 * 1024;

/** Why this machine cannot fetch packages of another Debian release; undefined if it can. */
export function whyNoDebianPackages(env = process.env) {
  if (env.LOGHIVE_TEST_INSTALL === '0') return 'LOGHIVE_TEST_INSTALL=0 forbids fetching it';
  if (process.platform !== 'linux' || release().ID !== 'debian') return 'this is no Debian that could fetch it';
  const missing = ['/usr/bin/apt-get', '/usr/bin/dpkg-deb', KEYRING].find((file) => !existsSync(file));
  return missing && `${missing} is missing`;
}

/**
 * Unpacks a package, with all that it depends on, from the first of these suites (`forky`) that has this version.
 *
 * @param version how it begins: '4.3.'
 * @param folder is made
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
 * Has every program of a folder start with the C library of its own release: a script takes its place. The release may
 * be moved.
 *
 * @param root of the release
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

/** A binary that can be executed; the libraries of a release cannot. */
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

/** As a path in the release. */
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

/** From apt's own settings, in whichever form they are written; its lists need not be there. */
async function mirrorOfThisMachine(lists) {
  await mkdir(path.join(lists, 'partial'), { recursive: true });
  const options = ['-oDebug::NoLocking=1', `-oDir::State::Lists=${lists}`];
  const { stdout } = await run('apt-get', [...options, '--print-uris', 'update'], { maxBuffer: OUTPUT_BYTES });
  const names = [release().VERSION_CODENAME, ...ALIASES];
  for (const [, mirror, suite] of stdout.matchAll(/^'([^']+)\/dists\/([^/']+)\//gm)) {
    if (names.includes(suite)) return mirror;
  }
  throw new Error(`the settings of apt name no mirror of Debian:\n${stdout}`);
}

/** Runs apt's programs on that suite alone, with everything of theirs in this folder, as if nothing were installed. */
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

/** Packages before Debian 13 have libraries in /lib as well, which is the same as /usr/lib on a machine. */
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
