import { expect, it } from 'vitest';
import { Segment } from '../../../src/publisher/spool/segment.js';
import { filesIn, useFolder } from './use-publishers.js';

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
