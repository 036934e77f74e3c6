/**
 * Directories and files of other users are not used. Only root can test with other users; the rest runs as any user.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readTrustedFile, writeTrustedFile } from '../../../cli/embedded/trusted-file.js';
import { openTrustedFolder } from '../../../cli/embedded/trusted-folder.js';
import { onEnd } from '../../support/use-servers.js';

const isRoot = process.getuid?.() === 0;
const STRANGER = 54_321;

function useFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'loghive-own-'));
  onEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function folderOf(at: string, { mode = 0o755, uid }: { mode?: number; uid?: number } = {}): string {
  mkdirSync(at, { recursive: true });
  chmodSync(at, mode);
  if (uid !== undefined) lchownSync(at, uid, uid);
  return at;
}

function linkOf(at: string, to: string, uid?: number): string {
  symlinkSync(to, at);
  if (uid !== undefined) lchownSync(at, uid, uid);
  return at;
}

function fileOf(at: string, { mode = 0o600, uid }: { mode?: number; uid?: number } = {}): string {
  writeFileSync(at, 'text');
  chmodSync(at, mode);
  if (uid !== undefined) lchownSync(at, uid, uid);
  return at;
}

const unusable = (words: string | RegExp) =>
  expect.objectContaining({ code: 'LOGHIVE_FOLDER_UNUSABLE', message: expect.stringMatching(words) });

type Make = (base: string) => string;

describe('a directory is refused, with a remedy, that', () => {
  const byRoot: [string, Make, RegExp][] = [
    [
      'belongs to another user',
      (base) => folderOf(path.join(base, 'x'), { uid: STRANGER }),
      /x is not safe to use: it belongs to uid 54321, and this process runs as uid 0\. Run as uid 54321, or use another directory/,
    ],
    [
      'is a link of another user',
      (base) => linkOf(path.join(base, 'x'), folderOf(path.join(base, 'mine')), STRANGER),
      /x is a symbolic link owned by uid 54321, who can redirect it/,
    ],
    [
      'is to be made below a link of another user',
      (base) => path.join(linkOf(path.join(base, 'x'), folderOf(path.join(base, 'mine')), STRANGER), 'a', 'b'),
      /x is a symbolic link owned by uid 54321/,
    ],
    [
      'is reached by a link of this user through one of another user',
      (base) => {
        const mine = folderOf(path.join(base, 'mine'));
        return linkOf(path.join(base, 'x'), linkOf(path.join(base, 'theirs'), mine, STRANGER));
      },
      /theirs is a symbolic link owned by uid 54321/,
    ],
    [
      'lies in one where everybody can put another in its place',
      (base) => folderOf(path.join(folderOf(path.join(base, 'open'), { mode: 0o777 }), 'x')),
      /\S+open is writable by every user, who could replace the directory\. Remove that permission \(chmod o-w\), or use/,
    ],
  ];
  const byAnybody: [string, Make, RegExp][] = [
    [
      'everybody can write to',
      (base) => folderOf(path.join(base, 'x'), { mode: 0o777 }),
      /it is writable by every user\. Remove that permission \(chmod go-w \S+x\)/,
    ],
    [
      'everybody can write to, also with a sticky bit',
      (base) => folderOf(path.join(base, 'x'), { mode: 0o1777 }),
      /it is writable by every user/,
    ],
    [
      'its group can write to',
      (base) => folderOf(path.join(base, 'x'), { mode: 0o770 }),
      /it is writable by its group/,
    ],
    ['is a file', (base) => fileOf(path.join(base, 'x')), /x cannot be used: EEXIST.*A file of that name exists/],
    [
      'lies below a file',
      (base) => path.join(fileOf(path.join(base, 'x')), 'y'),
      /ENOTDIR.*Part of its path is a file/,
    ],
    ['has a name that is too long', (base) => path.join(base, 'x'.repeat(300)), /ENAMETOOLONG.*Its path is too long\./],
    ['is a link to itself', (base) => linkOf(path.join(base, 'x'), path.join(base, 'x')), /x cannot be used: E/],
  ];

  test.each([...(isRoot ? byRoot : []), ...byAnybody])('%s', (_what, make, words) => {
    const folder = make(useFolder());
    expect(() => openTrustedFolder(folder)).toThrow(unusable(words));
  });
});

describe('a directory is used that', () => {
  const byRoot: [string, Make][] = [
    ['belongs to the user whom root has PostgreSQL run as', (base) => folderOf(path.join(base, 'x'), { uid: 65_534 })],
    [
      'is in a project of another user, such as one that is mounted into a container',
      (base) => folderOf(path.join(folderOf(path.join(base, 'project'), { uid: STRANGER }), 'x')),
    ],
  ];
  const byAnybody: [string, Make][] = [
    ['does not exist yet', (base) => path.join(base, 'a', 'b')],
    ['belongs to this user', (base) => folderOf(path.join(base, 'x'))],
    ['everybody can search', (base) => folderOf(path.join(base, 'x'), { mode: 0o711 })],
    [
      'belongs to this user in one where everybody can write, but not replace it',
      (base) => folderOf(path.join(folderOf(path.join(base, 'open'), { mode: 0o1777 }), 'x')),
    ],
    [
      'is in one that its group can write to',
      (base) => folderOf(path.join(folderOf(path.join(base, 'group'), { mode: 0o775 }), 'x')),
    ],
    ['a link of this user leads to', (base) => linkOf(path.join(base, 'x'), folderOf(path.join(base, 'mine')))],
  ];

  test.each([...(isRoot ? byRoot : []), ...byAnybody])('%s', (_what, make) => {
    const folder = make(useFolder());
    expect(readdirSync(openTrustedFolder(folder))).toEqual([]);
  });

  test('is created, and then not accessible to others', () => {
    const folder = openTrustedFolder(path.join(useFolder(), 'x'));
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });
});

/** The output of the program run as another user. */
function asStranger(folder: string): string {
  const module = new URL('../../../dist/esm/cli/embedded/trusted-folder.js', import.meta.url).href;
  const script = `import(${JSON.stringify(module)}).then((m) => { try { m.openTrustedFolder(process.argv[1]) } catch (e) { console.log(e.message) } })`;
  const ids = isRoot ? { uid: STRANGER, gid: STRANGER } : {};
  return execFileSync(process.execPath, ['-e', script, folder], { ...ids, cwd: '/', encoding: 'utf8' });
}

test("an error about another user's directory names its owner, and suggests no permission that would not help", () => {
  const base = useFolder();
  chmodSync(base, 0o755);
  if (!isRoot) return;
  const ofRoot = folderOf(path.join(base, 'of-root'), { mode: 0o711 });
  expect(asStranger(ofRoot)).toMatch(
    /of-root cannot be used: EACCES.*It belongs to uid 0, and this process runs as uid 54321\. Run as uid 0, or use another/,
  );
  const ofAnother = folderOf(path.join(base, 'of-another'), { mode: 0o700, uid: 54_322 });
  expect(asStranger(ofAnother)).toMatch(
    /it belongs to uid 54322, and this process runs as uid 54321\. Run as uid 54322, or use/,
  );
  expect(asStranger(path.join(base, 'new'))).toMatch(
    new RegExp(
      `new cannot be used: EACCES.*Give uid 54321 read and write permission for ${base}, or use another directory`,
    ),
  );
  expect(asStranger(path.join(folderOf(path.join(base, 'closed'), { mode: 0o700 }), 'x', 'y'))).toMatch(
    /y cannot be used: EACCES.*Give uid 54321 read and write permission for \S+closed, or use another directory/,
  );
});

describe('a file', () => {
  const byRoot: [string, Make, RegExp][] = [
    ['of another user', (base) => fileOf(path.join(base, 'x'), { uid: STRANGER }), /it belongs to uid 54321/],
  ];
  const byAnybody: [string, Make, RegExp][] = [
    ['that everybody can write', (base) => fileOf(path.join(base, 'x'), { mode: 0o666 }), /writable by every user/],
    ['that its group can write', (base) => fileOf(path.join(base, 'x'), { mode: 0o660 }), /writable by its group/],
    [
      'that is a link, also one of ours',
      (base) => linkOf(path.join(base, 'x'), fileOf(path.join(base, 'y'))),
      /it is a symbolic link\. Remove it, or use another directory \(--data\)/,
    ],
    ['that is a folder', (base) => folderOf(path.join(base, 'x')), /it is not a regular file/],
    [
      'that is a pipe, which nobody writes to',
      (base) => {
        execFileSync('mkfifo', [path.join(base, 'x')]);
        return path.join(base, 'x');
      },
      /it is not a regular file/,
    ],
  ];

  test.each([...(isRoot ? byRoot : []), ...byAnybody])('%s is not read', (_what, make, words) => {
    const file = make(useFolder());
    expect(() => readTrustedFile(file)).toThrow(unusable(words));
  });

  test('of this user is read; a missing one is undefined', () => {
    const base = useFolder();
    expect(readTrustedFile(fileOf(path.join(base, 'x')))).toMatchObject({ text: 'text' });
    expect(readTrustedFile(path.join(base, 'y'))).toBeUndefined();
  });

  test('is written atomically, through no link, with an unpredictable draft name', () => {
    const base = useFolder();
    const other = fileOf(path.join(base, 'other'));
    const file = linkOf(path.join(base, 'x'), other);
    linkOf(path.join(base, 'x.draft'), other);
    writeTrustedFile(file, 'new');
    expect(readFileSync(other, 'utf8')).toBe('text');
    expect(readTrustedFile(file)).toMatchObject({ text: 'new' });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(base).sort()).toEqual(['other', 'x', 'x.draft']);
  });
});
