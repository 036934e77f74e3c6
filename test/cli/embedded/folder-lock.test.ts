import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { lockFolder } from '../../../cli/embedded/folder-lock.js';
import { onEnd, useChild } from '../../support/use-servers.js';
import { eventually } from '../../support/wait.mjs';

const program = path.join(import.meta.dirname, 'lock-child.mjs');

function useFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'loghive-lock-'));
  onEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('a second process is refused, by an error that names the first one', async () => {
  const folder = useFolder();
  const first = useChild(program, { args: [folder] });
  await first.waitForMessage();
  expect(() => lockFolder(folder)).toThrow(
    expect.objectContaining({
      code: 'LOGHIVE_FOLDER_LOCKED',
      message: expect.stringContaining(`folder ${folder} is in use by process ${first.pid}. End it first`),
    }),
  );
});

test('this process has it once only', () => {
  const folder = useFolder();
  lockFolder(folder);
  expect(() => lockFolder(folder)).toThrow(`in use by this process (${process.pid}) already`);
});

test('what was given back can be had again, and nothing piles up', () => {
  const folder = useFolder();
  for (let turn = 0; turn < 5; turn++) lockFolder(folder)();
  expect(readdirSync(folder)).toEqual(['owner.5']);
});

test('the lock of one that was killed is taken over', async () => {
  const folder = useFolder();
  const first = useChild(program, { args: [folder] });
  await first.waitForMessage();
  await first.kill();
  await eventually(() => {
    lockFolder(folder)();
    return true;
  });
});

test('a process that has the number of the owner by chance does not count as the owner', () => {
  const folder = useFolder();
  lockFolder(folder);
  const owner = JSON.parse(readFileSync(path.join(folder, 'owner.1'), 'utf8'));
  writeFileSync(path.join(folder, 'owner.1'), JSON.stringify({ ...owner, start: 'another', seenAt: 0 }));
  lockFolder(folder)();
});

test('what one that was killed has left behind is cleared away', () => {
  const folder = useFolder();
  writeFileSync(path.join(folder, 'owner.draft-1-abcd'), '{"pi');
  writeFileSync(path.join(folder, 'owner.3'), '');
  writeFileSync(path.join(folder, 'data'), 'not ours');
  lockFolder(folder);
  expect(readdirSync(folder).sort()).toEqual(['data', 'owner.4']);
});

test('of several at once, some of which die, one has it at a time', async () => {
  const folder = useFolder();
  const contenders = Array.from({ length: 4 }, () => useChild(program, { args: [folder, '100'] }));
  for (const each of contenders) {
    expect(await each.exited).toEqual({ code: 0, signal: null });
    expect(each.lines).toEqual([]);
  }
  expect(readdirSync(folder)).toHaveLength(1);
}, 60_000);

test('a folder that cannot be made is an error that says so', () => {
  const folder = useFolder();
  writeFileSync(path.join(folder, 'file'), '');
  expect(() => lockFolder(path.join(folder, 'file', 'within'))).toThrow(
    expect.objectContaining({ code: 'LOGHIVE_FOLDER_UNUSABLE', message: expect.stringContaining('cannot be used') }),
  );
});
