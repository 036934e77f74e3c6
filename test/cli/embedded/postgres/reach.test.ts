/** What PostgreSQL's user can reach, and where everything else is put. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { findPostgresBinaries, runnableBinaries } from '../../../../cli/embedded/postgres/binaries.js';
import { dataFolder } from '../../../../cli/embedded/postgres/data-folder.js';
import { canReach, serverUser } from '../../../../cli/embedded/postgres/server-user.js';
import { postgresBinaries } from '../../../support/postgres-binaries.mjs';
import { query, useFolder, useStarter } from './use-embedded.js';

const binaries = await postgresBinaries();
const isRoot = process.getuid?.() === 0;
/** Neither this user nor in its group. */
const stranger = { uid: 54_321, gid: 54_321 };
const unusable = (words: string) =>
  expect.objectContaining({ code: 'LOGHIVE_FOLDER_UNUSABLE', message: expect.stringContaining(words) });

function useClosedFolder(): string {
  const folder = path.join(useFolder(), 'closed');
  mkdirSync(folder, { mode: 0o700 });
  return folder;
}

describe('a user reaches', () => {
  test('paths in directories everybody may search', () => {
    expect(canReach(useFolder(0o711), stranger)).toBe(true);
    expect(canReach(path.join(useFolder(), 'not', 'there'), stranger)).toBe(true);
  });

  test('nothing below a closed directory, not even through a link', () => {
    const closed = useClosedFolder();
    expect(canReach(path.join(closed, 'within'), stranger)).toBe(false);
    const link = path.join(useFolder(), 'link');
    symlinkSync(closed, link);
    expect(canReach(path.join(link, 'within'), stranger)).toBe(false);
  });

  test('its own files and those of its group', () => {
    const { uid, gid } = statSync(useFolder());
    expect(canReach(useFolder(0o700), { uid, gid: stranger.gid })).toBe(true);
    expect(canReach(useFolder(0o710), { uid: stranger.uid, gid })).toBe(true);
    // Owner permissions take precedence over those of others.
    expect(canReach(useFolder(0o077), { uid, gid })).toBe(false);
  });
});

describe('the data', () => {
  const notices: string[] = [];
  const placed = (folder: string, places: string[]) =>
    dataFolder(folder, stranger, places, (text) => notices.push(text));

  test('is in the requested directory if that can be reached', () => {
    const folder = path.join(useFolder(), 'a', 'b');
    expect(placed(folder, [])).toBe(folder);
    expect(canReach(folder, stranger)).toBe(true);
    expect(notices).toEqual([]);
  });

  test('is elsewhere otherwise, in the same place each time, which is reported', () => {
    const folder = path.join(useClosedFolder(), 'data');
    const place = path.join(useFolder(), 'place');
    const elsewhere = placed(folder, [place]);
    expect(path.dirname(elsewhere)).toBe(place);
    expect(canReach(elsewhere, stranger)).toBe(true);
    expect(notices.pop()).toMatch(
      `storing PostgreSQL's data in ${elsewhere}, because ${folder} cannot be reached by uid 54321`,
    );
    expect(placed(folder, [path.join(useFolder(), 'file', '\0'), place])).toBe(elsewhere);
    expect(placed(path.join(useClosedFolder(), 'data'), [place])).not.toBe(elsewhere);
    expect(existsSync(folder)).toBe(false);
  });

  test('is not moved when the permissions of a parent change', () => {
    const closed = useClosedFolder();
    const folder = path.join(closed, 'data');
    const [first, second] = [path.join(useFolder(), 'first'), path.join(useFolder(), 'second')];
    const elsewhere = placed(folder, [second]);
    mkdirSync(path.join(elsewhere, 'data'));
    // The owner is checked after the location was chosen.
    expect(() => placed(folder, [first, second])).toThrow(unusable(`the data in ${elsewhere} belongs to uid`));
  });

  test('is refused if it can no longer be reached or belongs to another user', () => {
    const closed = useClosedFolder();
    mkdirSync(path.join(closed, 'mine', 'data'), { recursive: true });
    expect(() => placed(path.join(closed, 'mine'), [])).toThrow(unusable('cannot be reached by uid 54321'));
    const open = useFolder();
    mkdirSync(path.join(open, 'data'));
    expect(() => placed(open, [])).toThrow(
      unusable(`belongs to uid ${process.getuid?.()}, but PostgreSQL would run as`),
    );
  });

  test('is not put into a directory others can write to', () => {
    const place = useFolder(0o777);
    expect(() => placed(path.join(useClosedFolder(), 'data'), [place])).toThrow(
      unusable(`${place} is not a directory that only this user can write to`),
    );
  });
});

describe('programs', () => {
  function usePackage(folder: string): string {
    const copy = path.join(folder, 'package');
    cpSync(path.dirname(path.dirname(binaries)), copy, { recursive: true, verbatimSymlinks: true });
    return copy;
  }

  test('are found from the working directory, else from where Loghive is installed', () => {
    const own = findPostgresBinaries();
    expect(readdirSync(own ?? '')).toEqual(expect.arrayContaining(['initdb', 'postgres']));
    expect(findPostgresBinaries({ projects: [useFolder(), import.meta.dirname] })).toBe(own);
    expect(findPostgresBinaries({ projects: [useFolder()], cache: useFolder() })).toBeUndefined();
  });

  test('get the links npm packages cannot contain', async () => {
    const copy = usePackage(useFolder());
    const links = JSON.parse(readFileSync(path.join(copy, 'native', 'pg-symlinks.json'), 'utf8'));
    for (const { target } of links) rmSync(path.join(copy, target));
    const { binDir, version } = await runnableBinaries(path.join(copy, 'native', 'bin'), serverUser(), []);
    expect(binDir).toBe(path.join(copy, 'native', 'bin'));
    expect(version).toMatch(/^\d+\.\d+$/);
  });

  test('that cannot be used are reported with the reason', async () => {
    await expect(runnableBinaries('/no/such/bin', serverUser(), [])).rejects.toThrow(
      expect.objectContaining({
        code: 'LOGHIVE_POSTGRES_FAILED',
        message: expect.stringMatching(/^the PostgreSQL in \/no\/such\/bin does not run here.*ENOENT/),
      }),
    );
  });

  test('and data under closed directories work for root and for ordinary users', async () => {
    const closed = useClosedFolder();
    const place = path.join(useFolder(), 'place');
    const binDir = path.join(usePackage(closed), 'native', 'bin');
    const options = { folder: path.join(closed, 'postgres'), binaries: binDir, places: [place] };
    const first = await useStarter(options, { PATH: '' });
    expect(await query(first.report.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(path.dirname(first.report.folder)).toBe(isRoot ? place : closed);
    expect(first.report.notices).toHaveLength(isRoot ? 1 : 0);
    await first.child.kill();
    const second = await useStarter(options, { PATH: '' });
    expect(second.report).toMatchObject({ adopted: true, url: first.report.url, folder: first.report.folder });
    await second.child.send('stop');
    expect(await second.child.exited).toEqual({ code: 0, signal: null });
    if (!isRoot) return;
    // One copy per version, repaired if a part of it was removed.
    const copy = readdirSync(place).find((name) => /^postgres-\d+\.\d+/.test(name)) ?? '';
    rmSync(path.join(place, copy, 'native', 'lib'), { recursive: true });
    const third = await useStarter(options);
    expect(third.report).toMatchObject({ adopted: false, url: first.report.url });
    expect(readdirSync(place)).toHaveLength(2);
  }, 60_000);

  test('run as the starting user, who only needs access to its own directory', async () => {
    // Root tries it as another user; everybody else has tried it by now.
    const uid = isRoot ? 65_534 : undefined;
    const { report } = await useStarter({ folder: path.join(useFolder(0o777), 'postgres'), binaries, places: [], uid });
    expect(report.message).toBeUndefined();
    expect(statSync(report.folder).mode & 0o777).toBe(0o700);
    expect(statSync(path.join(report.folder, 'data')).uid).toBe(uid ?? process.getuid?.());
    expect(await query(report.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });
});
