/** A disk that is full, hangs, or cannot be trusted: the application goes on, and nothing is lost without a report. */
import fs, { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { LoghiveError } from '../../../src/errors.js';
import type { Publisher } from '../../../src/publisher/publisher.js';
import { mountSmallDisk } from '../../support/small-disk.mjs';
import { onEnd } from '../../support/use-servers.js';
import { withFastDisk } from '../../support/use-spool.js';
import { eventually } from '../../support/wait.mjs';
import { filesIn, KIB, line, MIB, range, sorted, useFolder, usePublishers } from './use-publishers.js';

const disk = await mountSmallDisk(4 * MIB);
if (disk) onEnd(() => disk.unmount());

/** The warnings about the spool. */
function warningsOf(publisher: Publisher): string[] {
  const warnings: string[] = [];
  publisher.events.on('warning', ({ code, message }: LoghiveError) => {
    if (code === 'LOGHIVE_SPOOL_UNAVAILABLE') warnings.push(message);
  });
  return warnings;
}

const log = (publisher: Publisher, service: string, numbers: number[]) => {
  for (const number of numbers) publisher.accept(service, 'INFO', line(number));
};

/** Does something before each call of a function of node:fs. */
function beforeEachCall(name: 'writeSync' | 'fsyncSync', act: (...args: unknown[]) => void): void {
  const original = fs[name] as (...args: unknown[]) => unknown;
  Object.assign(fs, {
    [name]: (...args: unknown[]) => {
      act(...args);
      return original(...args);
    },
  });
  syncBuiltinESMExports();
  onEnd(() => {
    Object.assign(fs, { [name]: original });
    syncBuiltinESMExports();
  });
}

describe('a disk that cannot be written to', () => {
  it.runIf(disk)('is reported once while it is full, and used again when there is room', async () => {
    const { proxy, service, open, sent } = await usePublishers({}, disk!.folder);
    await proxy.refuse();
    const publisher = open();
    const warnings = warningsOf(publisher);
    withFastDisk(() => log(publisher, service, range(1000)));
    expect(publisher.stats().spooled).toBeGreaterThan(0);
    await disk!.fill();
    log(publisher, service, range(2000, 1000));
    expect(warnings).toEqual([expect.stringMatching(/cannot be used: ENOSPC: no space left on device/)]);
    expect(publisher.status().spool?.fault).toMatch(/ENOSPC/);
    // Memory holds more meanwhile, so nothing was dropped.
    expect(publisher.stats()).toMatchObject({ accepted: 3000, dropped: {} });
    await disk!.free();
    const { spooled } = publisher.stats();
    let number = 3000;
    await eventually(() => {
      log(publisher, service, [number++]);
      return publisher.stats().spooled > spooled;
    });
    expect(publisher.status().spool?.fault).toBeUndefined();
    await proxy.heal();
    await publisher.flush();
    expect(await sent()).toEqual(range(number));
    expect(warnings).toHaveLength(1);
  });

  it('drops what memory cannot hold, counted and reported, and never throws', async () => {
    const { proxy, dir, service, open } = await usePublishers();
    await proxy.refuse();
    rmSync(dir, { recursive: true });
    writeFileSync(dir, 'not a folder');
    const publisher = open();
    const warnings = warningsOf(publisher);
    for (const number of range(1200)) publisher.accept(service, 'INFO', line(number, 20 * KIB));
    const { accepted, pending, pendingBytes, dropped } = publisher.stats();
    expect(warnings).toEqual([expect.stringMatching(/cannot be used: (?:ENOTDIR|EEXIST)/)]);
    expect(accepted).toBe(1200);
    expect(pending + dropped.INFO!['buffer full']!).toBe(1200);
    expect(pendingBytes).toBeLessThanOrEqual(16 * MIB + 256 * KIB);
    expect(await publisher.close(0)).toMatchObject({ spooled: 0, unsent: pending });
  });

  it('keeps what it has while memory is too small for the rest', async () => {
    const { proxy, service, open } = await usePublishers();
    await proxy.refuse();
    const publisher = open();
    withFastDisk(() => log(publisher, service, range(2000)));
    const { spooled } = publisher.stats();
    expect(spooled).toBeGreaterThan(1000);
    beforeEachCall('writeSync', (_fd, content) => {
      if (Buffer.isBuffer(content)) throw new Error('EIO: i/o error');
    });
    for (const number of range(1000)) publisher.accept(service, 'INFO', line(number, 20 * KIB));
    expect(publisher.stats().dropped.INFO!['buffer full']).toBeGreaterThan(100);
    expect(publisher.stats().spooled).toBe(spooled);
  });

  it('that hangs for a write is not asked again for five seconds', async () => {
    const { proxy, service, open } = await usePublishers();
    await proxy.refuse();
    const publisher = open();
    const warnings = warningsOf(publisher);
    let nowMs = performance.now();
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
    onEnd(() => clock.mockRestore());
    let writes = 0;
    beforeEachCall('writeSync', (_fd, content) => {
      // The internal logger writes text.
      if (!Buffer.isBuffer(content)) return;
      writes++;
      nowMs += 60;
    });
    log(publisher, service, range(2000));
    expect(writes).toBe(1);
    expect(warnings).toEqual([expect.stringMatching(/cannot be used: a write took more than 50 ms/)]);
    nowMs += 5000;
    log(publisher, service, [2000]);
    expect(writes).toBe(2);
    expect(publisher.stats()).toMatchObject({ accepted: 2001, dropped: {} });
  });

  it('part of the way leaves no half-written line in front of later ones', async () => {
    const { proxy, service, open, sent } = await usePublishers({ spool: { mode: 'always' } });
    await proxy.refuse();
    const publisher = open();
    log(publisher, service, range(10));
    let fails = true;
    const { ftruncateSync, writeSync } = fs;
    const original = writeSync as (...args: unknown[]) => number;
    Object.assign(fs, {
      ftruncateSync: () => {
        throw new Error('EIO');
      },
      writeSync: (fd: number, bytes: Buffer, ...rest: unknown[]) => {
        if (!Buffer.isBuffer(bytes) || !fails) return original(fd, bytes, ...rest);
        fails = false;
        original(fd, bytes.subarray(0, 20));
        throw new Error('EIO: i/o error');
      },
    });
    syncBuiltinESMExports();
    onEnd(() => {
      Object.assign(fs, { ftruncateSync, writeSync });
      syncBuiltinESMExports();
    });
    log(publisher, service, [10]);
    const clock = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 6000);
    log(publisher, service, range(10, 11));
    clock.mockRestore();
    expect(await publisher.close(0)).toEqual({ confirmed: 0, spooled: 21, unsent: 0 });
    await proxy.heal();
    const next = open();
    await eventually(() => next.stats().confirmed === 21);
    expect(sorted(await sent())).toEqual(range(21));
  });
});

describe('a folder that somebody deletes while it is used', () => {
  it('costs nothing while the file is open: its records are written again at the end', async () => {
    const { proxy, dir, service, open, sent } = await usePublishers();
    await proxy.refuse();
    const publisher = open();
    withFastDisk(() => log(publisher, service, range(1000)));
    expect(publisher.stats().spooled).toBeGreaterThan(100);
    rmSync(dir, { recursive: true });
    expect(await publisher.close(0)).toEqual({ confirmed: 0, spooled: 1000, unsent: 0 });
    await proxy.heal();
    const next = open();
    await eventually(() => next.stats().confirmed === 1000);
    expect(sorted(await sent())).toEqual(range(1000));
  });

  it('costs what was in closed files, which is counted', async () => {
    const { proxy, dir, service, open, sent } = await usePublishers({ spool: { maxBytes: 4 * MIB } });
    await proxy.refuse();
    const publisher = open();
    withFastDisk(() => log(publisher, service, range(3000)));
    expect(filesIn(dir).length).toBeGreaterThan(2);
    rmSync(dir, { recursive: true });
    const { spooled } = await publisher.close(0);
    const lost = publisher.stats().dropped.INFO!['unreadable on disk']!;
    expect(lost).toBeGreaterThan(0);
    expect(spooled + lost).toBe(3000);
    await proxy.heal();
    const next = open();
    await eventually(() => next.stats().confirmed === spooled);
    expect(await sent()).toHaveLength(spooled);
  });
});

describe('files of somebody else', () => {
  it('in a folder that others can write to are not sent, which is reported', async () => {
    const { proxy, dir, service, open, sent } = await usePublishers();
    await proxy.refuse();
    const first = open();
    log(first, service, range(10));
    await first.close(0);
    chmodSync(path.join(dir, readdirSync(dir)[0]!), 0o777);
    await proxy.heal();
    const next = open();
    const warnings = warningsOf(next);
    await eventually(() => warnings.length > 0);
    expect(warnings).toEqual([expect.stringMatching(/cannot be sent: .* can be written to by other users\. Set/)]);
    next.accept(service, 'INFO', line(10));
    await next.flush();
    expect(await sent()).toEqual([10]);
  });

  it('are not followed if they are links', async () => {
    const { proxy, dir, service, open } = await usePublishers();
    await proxy.refuse();
    const first = open();
    log(first, service, range(10));
    await first.close(0);
    const file = filesIn(dir)[0]!;
    const elsewhere = path.join(useFolder(), 'planted');
    renameSync(file, elsewhere);
    symlinkSync(elsewhere, file);
    mkdirSync(path.join(path.dirname(file), 'E.1.free.spool'));
    await proxy.heal();
    const next = open();
    next.accept(service, 'INFO', line(10));
    await next.flush();
    expect(next.stats()).toMatchObject({ confirmed: 1, adopted: 0 });
    expect(filesIn(dir)).toEqual(expect.arrayContaining([file]));
  });
});

it('with fsync, each write and the name of each file is on the disk before the call returns', async () => {
  const { proxy, service, open } = await usePublishers({ spool: { mode: 'always', fsync: true } });
  await proxy.refuse();
  const publisher = open();
  let syncs = 0;
  beforeEachCall('fsyncSync', () => syncs++);
  log(publisher, service, [0]);
  expect(syncs).toBe(2);
  log(publisher, service, range(5, 1));
  expect(syncs).toBe(7);
});
