import fs from 'node:fs';
import { expect, it, vi } from 'vitest';
import { Segment } from '../../../src/publisher/spool/segment.js';
import { filesIn, useFolder } from './use-publishers.js';

vi.mock('node:fs', { spy: true });

function useSegment() {
  const folder = useFolder();
  const name = { level: 'INFO', number: 1, owner: 'free', start: 0 } as const;
  const segment = Segment.create(folder, name, () => {}, { isReused: true, sync: false });
  for (const line of ['one\n', 'two\n']) segment.append(Buffer.from(line), 1, false);
  return { folder, segment };
}

it("a file of mode 'always' is emptied and used again when all of its records are confirmed", () => {
  const { folder, segment } = useSegment();
  segment.settle(2);
  expect([segment.isOpen, segment.size, filesIn(folder).length]).toEqual([true, 0, 1]);
  segment.remove();
});

it('but not if a later process would skip its beginning', () => {
  const { folder, segment } = useSegment();
  segment.settle(1);
  segment.startAt(4);
  expect(filesIn(folder)).toEqual([segment.path]);
  segment.settle(1);
  expect([segment.isGone, filesIn(folder)]).toEqual([true, []]);
});

it('a file that is renamed while it is read is read all the same', async () => {
  const { segment } = useSegment();
  segment.close();
  for (let start = 1; start < 100; start++) {
    const reading = segment.read(0, 8);
    segment.startAt(start);
    expect((await reading).toString()).toBe('one\ntwo\n');
  }
});

it('a file that was left to the next process is not deleted when its last record is confirmed', () => {
  const { folder, segment } = useSegment();
  segment.release();
  segment.settle(2);
  expect(filesIn(folder)).toEqual([segment.path]);
});

it('nothing is appended to a file that could not be emptied', () => {
  const { folder, segment } = useSegment();
  vi.mocked(fs.ftruncateSync).mockImplementationOnce(() => {
    throw new Error('EIO: i/o error, ftruncate');
  });
  segment.cutAt(4);
  expect([segment.isOpen, segment.size]).toEqual([false, 8]);
  segment.settle(2);
  expect(filesIn(folder)).toEqual([]);
});
