/** What happens at the limits of the spool: what is counted, and what makes room for what. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { LEVELS } from '../../../src/level.js';
import { withFastDisk } from '../../support/use-spool.js';
import { filesIn, KIB, line, MIB, range, usePublishers } from './use-publishers.js';

it('what is left at the end makes room for itself by dropping lower levels from disk', async () => {
  const { proxy, service, open, sent } = await usePublishers({ bufferBytes: MIB, spool: { maxBytes: MIB } });
  await proxy.refuse();
  const publisher = open();
  withFastDisk(() => {
    for (const number of range(1200)) publisher.accept(service, 'DEBUG', line(number, 1000));
  });
  withFastDisk(() => {
    for (const number of range(700)) publisher.accept(service, 'ERROR', line(number, 1000));
  });
  const { spooled, unsent } = await publisher.close(0);
  expect(unsent).toBe(0);
  expect(publisher.stats().dropped.ERROR).toBeUndefined();
  expect(spooled).toBeGreaterThanOrEqual(700);
  await proxy.heal();
  const next = open();
  await expect.poll(() => next.stats().confirmed, { timeout: 10_000 }).toBe(spooled);
  expect(await sent('error')).toEqual(range(700));
});

it('drops nothing while there is room on disk, even if more is on its way to the broker than memory may hold', async () => {
  const { proxy, service, open, sent } = await usePublishers({ bufferBytes: 256 * KIB });
  const publisher = open();
  const lanes = LEVELS.flatMap((level) => [service, `${service}-2`].map((each) => [each, level] as const));
  for (const lane of lanes) publisher.accept(...lane, line(0));
  await publisher.flush();
  // Nothing is confirmed from now on, and each lane sends what it may: together more than fits into memory.
  proxy.halfOpen();
  for (const round of range(3)) {
    for (const lane of lanes) {
      withFastDisk(() => {
        for (const number of range(100, 1 + 100 * round)) publisher.accept(...lane, line(number));
      });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  expect(publisher.stats()).toMatchObject({ accepted: lanes.length * 301, dropped: {} });
  await proxy.heal({ resume: true });
  await publisher.flush();
  expect(publisher.stats()).toMatchObject({ confirmed: lanes.length * 301, dropped: {} });
  for (const level of LEVELS) expect(await sent(level.toLowerCase())).toEqual(range(301));
});

it('records of an earlier process that make room unread count as adopted', async () => {
  const { proxy, service, open } = await usePublishers({ bufferBytes: MIB, spool: { maxBytes: MIB } });
  await proxy.refuse();
  const first = open();
  withFastDisk(() => {
    for (const number of range(800)) first.accept(service, 'INFO', line(number, 1000));
  });
  await first.close(0);
  const next = open();
  await expect.poll(() => next.status().spool!.bytes).toBeGreaterThan(700_000);
  withFastDisk(() => {
    for (const number of range(2500)) next.accept(service, 'INFO', line(number, 1000));
  });
  const { accepted, adopted, pending, spooled, dropped } = next.stats();
  expect(accepted).toBe(2500);
  expect(adopted).toBe(pending + spooled + dropped.INFO!['buffer full']! - 2500);
});

it('a process takes over no more records of earlier ones than fit into its spool', async () => {
  const { proxy, service, open } = await usePublishers({ bufferBytes: MIB, spool: { maxBytes: 2 * MIB } });
  await proxy.refuse();
  const first = open();
  withFastDisk(() => {
    for (const number of range(1700)) first.accept(service, 'INFO', line(number, 1000));
  });
  expect(await first.close(0)).toMatchObject({ spooled: 1700 });
  const next = open({ spool: { maxBytes: MIB } });
  await expect.poll(() => next.status().spool!.bytes).toBeGreaterThan(800_000);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(next.status().spool!.bytes).toBeLessThanOrEqual(MIB);
});

it("mode 'always' keeps nothing that does not fit on disk, even if memory has room", async () => {
  const spool = { mode: 'always', maxBytes: MIB };
  const { proxy, dir, service, open } = await usePublishers({ bufferBytes: 8 * MIB, spool });
  await proxy.refuse();
  const publisher = open();
  withFastDisk(() => {
    for (const number of range(2000)) publisher.accept(service, 'INFO', line(number, 1000));
  });
  const { accepted, pending, spooled, dropped } = publisher.stats();
  expect(pending + spooled).toBe(accepted - dropped.INFO!['buffer full']!);
  const onDisk = filesIn(dir).flatMap((file) => readFileSync(file, 'latin1').match(/"number":\d+/g) ?? []);
  expect(onDisk.length).toBeGreaterThanOrEqual(pending + spooled);
  expect(onDisk).toContain('"number":1999');
});

it('a flush waits for records that the end of a script has left on disk, if the process continues', async () => {
  const { proxy, dir, service, open } = await usePublishers();
  await proxy.refuse();
  const publisher = open();
  withFastDisk(() => {
    for (const number of range(3)) publisher.accept(service, 'INFO', line(number));
  });
  await expect.poll(() => publisher.isBrokerAway).toBe(true);
  await publisher.flushOrGiveUp();
  expect(publisher.stats()).toMatchObject({ pending: 0, spooled: 3 });
  expect(filesIn(dir)).toHaveLength(1);
  let isFlushed = false;
  const flushed = publisher.flush().then(() => {
    isFlushed = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(isFlushed).toBe(false);
  await proxy.heal();
  await flushed;
  expect(publisher.stats()).toMatchObject({ confirmed: 3, spooled: 0 });
});
