import { mkdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { Adoption } from '../../../src/publisher/spool/adoption.js';
import { checkedLines } from '../../../src/publisher/spool/checked-lines.js';
import { formatName } from '../../../src/publisher/spool/segment-name.js';
import { Spool } from '../../../src/publisher/spool/spool.js';
import { onEnd } from '../../support/use-servers.js';
import { eventually } from '../../support/wait.mjs';
import { MIB, useFolder } from './use-publishers.js';

/** An hour ago, a process in another container was killed. */
function useOldFile(dir: string, spool: Spool): void {
  const folder = spool.folderOf('shop');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const name = { level: 'INFO', number: 1, owner: '1-1-elsewhere-elsewhere-1', start: 0 } as const;
  const file = path.join(dir, path.basename(folder), formatName(name));
  writeFileSync(file, checkedLines(Buffer.from('{}'), 1, 0), { mode: 0o600 });
  const anHourAgo = new Date(Date.now() - 3_600_000);
  utimesSync(file, anHourAgo, anHourAgo);
}

function useAdopter(dir: string) {
  const config = { dir, maxBytes: MIB, mode: 'overflow', fsync: false } as const;
  const spool = new Spool(config, { hosts: [] }, () => {});
  const adopted: string[] = [];
  const adoption = new Adoption(
    spool,
    (_service, _level, segment) => adopted.push(segment.path),
    (sentence) => {
      throw new Error(sentence);
    },
  );
  onEnd(() => adoption.stop());
  return { spool, adopted, adoption };
}

it('a file that was taken over is not taken again at once, however old it is', async () => {
  const dir = useFolder();
  const [first, second] = [useAdopter(dir), useAdopter(dir)];
  useOldFile(dir, first.spool);
  first.adoption.add('shop');
  expect(first.adoption.isLooking).toBe(true);
  await eventually(async () => expect(first.adoption.isLooking).toBe(false));
  expect(first.adopted).toHaveLength(1);
  expect(Date.now() - statSync(first.adopted[0]!).mtimeMs).toBeLessThan(60_000);
  // In this process as well, which may have several publishers.
  second.adoption.add('shop');
  await eventually(async () => expect(second.adoption.isLooking).toBe(false));
  expect(second.adopted).toEqual([]);
});
