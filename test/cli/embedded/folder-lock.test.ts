import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import os, { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { lockFolder } from '../../../cli/embedded/folder-lock.js';
import { identityOf, type ProcessIdentity } from '../../../cli/embedded/process-identity.js';
import { onEnd, useChild } from '../../support/use-servers.js';
import { eventually } from '../../support/wait.mjs';

const program = path.join(import.meta.dirname, 'lock-child.mjs');

function useFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'loghive-lock-'));
  onEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('a second process gets an error that names the first one', async () => {
  const folder = useFolder();
  const first = useChild(program, { args: [folder] });
  await first.waitForMessage();
  expect(() => lockFolder(folder)).toThrow(
    expect.objectContaining({
      code: 'LOGHIVE_FOLDER_LOCKED',
      message: expect.stringContaining(`directory ${folder} is in use by process ${first.pid}. Stop it first`),
    }),
  );
});

test('this process cannot lock it twice', () => {
  const folder = useFolder();
  lockFolder(folder);
  expect(() => lockFolder(folder)).toThrow(`in use by this process (${process.pid})`);
});

test('a released lock can be taken again, and no files accumulate', () => {
  const folder = useFolder();
  for (let turn = 0; turn < 5; turn++) lockFolder(folder)();
  expect(readdirSync(folder)).toEqual(['owner.5']);
});

test('the lock of a killed process is taken over', async () => {
  const folder = useFolder();
  const first = useChild(program, { args: [folder] });
  await first.waitForMessage();
  await first.kill();
  await eventually(() => {
    lockFolder(folder)();
    return true;
  });
});

test("a process that reuses the owner's pid does not count as the owner", () => {
  const folder = useFolder();
  lockFolder(folder);
  const owner = JSON.parse(readFileSync(path.join(folder, 'owner.1'), 'utf8'));
  writeFileSync(path.join(folder, 'owner.1'), JSON.stringify({ ...owner, start: 'another', seenAt: 0 }));
  lockFolder(folder)();
});

test('leftovers of a killed process are removed', () => {
  const folder = useFolder();
  writeFileSync(path.join(folder, 'owner.draft-1-abcd'), '{"pi');
  writeFileSync(path.join(folder, 'owner.3'), '');
  writeFileSync(path.join(folder, 'data'), 'not ours');
  lockFolder(folder);
  expect(readdirSync(folder).sort()).toEqual(['data', 'owner.4']);
});

test('of several concurrent processes, some of which die, one holds it at a time', async () => {
  const folder = useFolder();
  const contenders = Array.from({ length: 4 }, () => useChild(program, { args: [folder, '100'] }));
  for (const each of contenders) {
    expect(await each.exited).toEqual({ code: 0, signal: null });
    expect(each.lines).toEqual([]);
  }
  expect(readdirSync(folder)).toHaveLength(1);
}, 60_000);

test('a directory that cannot be created is reported', () => {
  const folder = useFolder();
  writeFileSync(path.join(folder, 'file'), '');
  expect(() => lockFolder(path.join(folder, 'file', 'within'))).toThrow(
    expect.objectContaining({ code: 'LOGHIVE_FOLDER_UNUSABLE', message: expect.stringContaining('cannot be used') }),
  );
});

describe('an owner whose liveness cannot be checked', () => {
  const ELSEWHERE = { pidNamespace: 'pid:[1]' };
  const ANOTHER_KERNEL = { bootId: '6f3c0d5e-0000-4000-8000-000000000000' };

  function useOwner(who: Partial<ProcessIdentity>, silentS: number): string {
    const folder = useFolder();
    writeFileSync(path.join(folder, 'owner.1'), JSON.stringify({ ...identityOf(process.pid), pid: 7, ...who }));
    const at = Date.now() / 1000 - silentS;
    utimesSync(path.join(folder, 'owner.1'), at, at);
    return folder;
  }

  test.each<[string, Partial<ProcessIdentity>, number]>([
    ['in another container', ELSEWHERE, 0],
    ['in another container', ELSEWHERE, 55],
    ['on another machine', ANOTHER_KERNEL, 0],
    ['on another machine', ANOTHER_KERNEL, 55],
    ['on a machine whose clock is ahead', ANOTHER_KERNEL, -3600],
    ['in a container with the number of this process', { ...ELSEWHERE, pid: process.pid }, 3],
  ])('%s (%j), with a heartbeat %i s ago, holds the lock', (_where, who, silentS) => {
    const folder = useOwner(who, silentS);
    expect(() => lockFolder(folder)).toThrow(
      expect.objectContaining({
        code: 'LOGHIVE_FOLDER_LOCKED',
        message: expect.stringMatching(
          new RegExp(
            `^directory ${folder} is in use by process ${who.pid ?? 7} in another container or on another machine, last seen \\d+ s ago\\. Stop it there, or use another directory; it counts as dead 60 s after its last heartbeat\\. If it has certainly ended, remove ${folder}/owner\\.1\\.$`,
          ),
        ),
      }),
    );
  });

  test.each<[string, Partial<ProcessIdentity>]>([
    ['in another container', ELSEWHERE],
    ['on another machine', ANOTHER_KERNEL],
  ])('%s (%j) is dead after more than a minute without a heartbeat', (_where, who) => {
    lockFolder(useOwner(who, 65))();
  });

  test('with its last heartbeat before this machine booted is dead', () => {
    const uptime = vi.spyOn(os, 'uptime').mockReturnValue(20);
    onEnd(() => uptime.mockRestore());
    lockFolder(useOwner(ANOTHER_KERNEL, 25))();
    expect(() => lockFolder(useOwner(ANOTHER_KERNEL, 15))).toThrow(/last seen 15 s ago/);
    // Same kernel, different container.
    expect(() => lockFolder(useOwner(ELSEWHERE, 25))).toThrow(/last seen 25 s ago/);
  });

  test('in a real container holds the lock until a minute after its last heartbeat', async () => {
    // Only root can create a namespace.
    if (process.getuid?.() !== 0) return;
    const folder = useFolder();
    const contained = useContained([program, folder]);
    await once(contained, 'message');
    expect(() => lockFolder(folder)).toThrow(/in use by process \d+ in another container or on another machine/);
    contained.kill('SIGKILL');
    await once(contained, 'exit');
    expect(() => lockFolder(folder)).toThrow(/in use by process \d+ in another container or on another machine/);
    const at = Date.now() / 1000 - 65;
    utimesSync(path.join(folder, 'owner.1'), at, at);
    lockFolder(folder)();
  });
});

/** A program in its own pid namespace, like a container. */
function useContained(args: string[]): ChildProcess {
  const unshare = ['--pid', '--fork', '--kill-child', '--mount-proc', process.execPath];
  const child = spawn('unshare', [...unshare, ...args], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  onEnd(() => child.kill('SIGKILL'));
  return child;
}

describe('the owner', () => {
  function useClock(): void {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onEnd(() => vi.useRealTimers());
  }

  test('writes a heartbeat every five seconds', () => {
    useClock();
    const folder = useFolder();
    const unlock = lockFolder(folder);
    onEnd(unlock);
    const file = path.join(folder, 'owner.1');
    const text = readFileSync(file, 'utf8');
    for (let beat = 0; beat < 3; beat++) {
      utimesSync(file, 0, 0);
      vi.advanceTimersByTime(5000);
      expect(Date.now() - statSync(file).mtimeMs).toBeLessThan(5000);
      expect(readFileSync(file, 'utf8')).toBe(text);
    }
  });

  test.each<[string, (folder: string) => void]>([
    ['was removed', (folder) => rmSync(folder, { recursive: true })],
    ['has another owner now', (folder) => writeFileSync(path.join(folder, 'owner.2'), '{}')],
    [
      'has another owner now, who has cleared up',
      (folder) => {
        writeFileSync(path.join(folder, 'owner.2'), '{}');
        rmSync(path.join(folder, 'owner.1'));
      },
    ],
  ])('is notified once when the directory %s', (_what, happens) => {
    useClock();
    const folder = useFolder();
    let lost = 0;
    onEnd(lockFolder(folder, { onLost: () => lost++ }));
    vi.advanceTimersByTime(5000);
    expect(lost).toBe(0);
    happens(folder);
    vi.advanceTimersByTime(15_000);
    expect(lost).toBe(1);
  });

  test('writes no heartbeat after releasing the lock', () => {
    useClock();
    const folder = useFolder();
    lockFolder(folder)();
    vi.advanceTimersByTime(5000);
    expect(readFileSync(path.join(folder, 'owner.1'), 'utf8')).toBe('');
  });
});

test('an owner file another user may have written is not trusted', () => {
  const folder = useFolder();
  writeFileSync(path.join(folder, 'owner.1'), '', { mode: 0o666 });
  execFileSync('chmod', ['666', path.join(folder, 'owner.1')]);
  expect(() => lockFolder(folder)).toThrow(expect.objectContaining({ code: 'LOGHIVE_FOLDER_UNUSABLE' }));
});
