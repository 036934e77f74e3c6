/** Records that do not fit into memory, or cannot be sent in time, wait on disk. */
import { expect, it, vi } from 'vitest';
import type { LoghiveError } from '../../../src/errors.js';
import { temporaryFolder } from '../../../src/publisher/spool/folder.js';
import { onEnd } from '../../support/use-servers.js';
import { withFastDisk } from '../../support/use-spool.js';
import { eventually } from '../../support/wait.mjs';
import { filesIn, KIB, line, MIB, range, sorted, useFolder, usePublishers } from './use-publishers.js';

it('what does not fit into memory waits on disk, and is sent in the order of the calls', async () => {
  const { proxy, dir, service, open, sent } = await usePublishers();
  await proxy.refuse();
  const publisher = open();
  withFastDisk(() => {
    for (const number of range(5000)) publisher.accept(service, 'INFO', line(number));
  });
  const { pending, spooled, pendingBytes } = publisher.stats();
  expect(pending + spooled).toBe(5000);
  expect(spooled).toBeGreaterThan(4000);
  expect(pendingBytes).toBeLessThanOrEqual(256 * KIB);
  expect(publisher.stats()).toMatchObject({ accepted: 5000, dropped: {} });
  await proxy.heal();
  await publisher.flush();
  expect(publisher.stats()).toMatchObject({ accepted: 5000, confirmed: 5000, pending: 0, spooled: 0 });
  expect(await sent()).toEqual(range(5000));
  expect(filesIn(dir)).toEqual([]);
});

/** A process that could not send its 3,000 records has ended, and the broker is back. */
async function useLeftBehind() {
  const publishers = await usePublishers();
  const { proxy, dir, service, open } = publishers;
  await proxy.refuse();
  const first = open();
  for (const number of range(3000)) first.accept(service, 'INFO', line(number));
  await eventually(() => first.isBrokerAway);
  expect(await first.close()).toEqual({ confirmed: 0, spooled: 3000, unsent: 0 });
  expect(filesIn(dir)).not.toEqual([]);
  await proxy.heal();
  return publishers;
}

it('what a process could not send is sent by the next one of the service', async () => {
  const { dir, open, sent } = await useLeftBehind();
  const next = open();
  await eventually(() => next.stats().confirmed === 3000);
  expect(next.stats()).toMatchObject({ accepted: 0, adopted: 3000, pending: 0, dropped: {} });
  expect(sorted(await sent())).toEqual(range(3000));
  await eventually(() => filesIn(dir).length === 0);
});

/** Closes a publisher that could not send three records. */
async function messageOfClose(dir: string): Promise<{ message: string | undefined; service: string }> {
  const { proxy, service, open } = await usePublishers({}, dir);
  await proxy.refuse();
  const publisher = open();
  const warnings: LoghiveError[] = [];
  publisher.events.on('warning', (error) => warnings.push(error));
  for (const number of range(3)) publisher.accept(service, 'INFO', line(number));
  await eventually(() => publisher.isBrokerAway);
  await publisher.close();
  return { message: warnings.find(({ code }) => code === 'LOGHIVE_RECORDS_SPOOLED')?.message, service };
}

it('what is left on disk is reported with its place', async () => {
  const dir = useFolder();
  const { message, service } = await messageOfClose(dir);
  expect(message).toBe(`3 records left on disk in ${dir}: the next process of ${service} on this machine sends them.`);
});

it('in the temporary folder of the system, the report says that it may be cleared', async () => {
  vi.stubEnv('TMPDIR', useFolder());
  onEnd(() => vi.unstubAllEnvs());
  const { message } = await messageOfClose(temporaryFolder());
  expect(message).toMatch(
    /sends them\. A restart of the machine or container may clear this folder: set LOGHIVE_SPOOL_DIR to a permanent one\.$/,
  );
});

it('a process that ends soon waits for the records of an earlier one as well', async () => {
  const { dir, service, open, sent } = await useLeftBehind();
  const next = open();
  next.accept(service, 'ERROR', line(0));
  await eventually(() => next.stats().adopted > 0);
  expect(await next.close()).toEqual({ confirmed: 3001, spooled: 0, unsent: 0 });
  expect(sorted(await sent())).toEqual(range(3000));
  expect(filesIn(dir)).toEqual([]);
});

it('a later process continues where an earlier one has stopped', async () => {
  const { proxy, dir, open, sent } = await useLeftBehind();
  const second = open();
  await eventually(() => second.stats().confirmed > 100);
  proxy.halfOpen();
  const { confirmed, spooled } = await second.close(50);
  expect(spooled).toBeGreaterThan(0);
  expect(filesIn(dir)).toHaveLength(1);
  await proxy.heal();
  const third = open();
  await eventually(() => filesIn(dir).length === 0);
  expect(third.stats()).toMatchObject({ adopted: 3000 - confirmed, confirmed: 3000 - confirmed, dropped: {} });
  expect(sorted(await sent())).toEqual(range(3000));
});

it("mode 'always' has each record on disk when its call returns, and empties the disk after the confirm", async () => {
  const { proxy, service, open, sent } = await usePublishers();
  await proxy.refuse();
  const publisher = open({ spool: { mode: 'always' } });
  withFastDisk(() => {
    for (const number of range(1000)) publisher.accept(service, 'INFO', line(number));
  });
  expect(publisher.stats()).toMatchObject({ accepted: 1000 });
  expect(publisher.status().spool?.bytes).toBeGreaterThan(1000 * 500);
  await proxy.heal();
  await publisher.flush();
  expect(await sent()).toEqual(range(1000));
  expect(publisher.status().spool?.bytes).toBe(0);
});

it('a full spool drops the oldest records of the lowest level, and never a higher one for them', async () => {
  const { proxy, service, open, sent } = await usePublishers({ spool: { maxBytes: MIB } });
  await proxy.refuse();
  const publisher = open();
  withFastDisk(() => {
    for (const number of range(500)) publisher.accept(service, 'ERROR', line(number));
  });
  withFastDisk(() => {
    for (const number of range(5000)) publisher.accept(service, 'INFO', line(number));
  });
  withFastDisk(() => {
    for (const number of range(5000)) publisher.accept(service, 'DEBUG', line(number));
  });
  const { accepted, pending, spooled, dropped } = publisher.stats();
  const lost = (dropped.INFO?.['buffer full'] ?? 0) + (dropped.DEBUG?.['buffer full'] ?? 0);
  expect({ accepted, kept: pending + spooled }).toEqual({ accepted: 10_500, kept: 10_500 - lost });
  expect(dropped.ERROR).toBeUndefined();
  // DEBUG came last, but is lower than everything that was kept.
  expect(dropped.DEBUG?.['buffer full']).toBeGreaterThan(4500);
  expect(publisher.status().spool!.bytes).toBeLessThanOrEqual(MIB);
  await proxy.heal();
  await publisher.flush();
  expect(await sent('error')).toEqual(range(500));
  const info = await sent('info');
  // The newest ones, without a gap.
  expect(info).toEqual(range(info.length, 5000 - info.length));
  expect(publisher.stats()).toMatchObject({ pending: 0, spooled: 0, confirmed: 10_500 - lost });
});

it('new records do not wait until those of an earlier process are sent', async () => {
  const { proxy, service, open, sent } = await usePublishers();
  await proxy.refuse();
  const first = open();
  for (const number of range(8000)) first.accept(service, 'INFO', line(number));
  await eventually(() => first.isBrokerAway);
  await first.close();
  await proxy.heal();
  proxy.throttle(MIB);
  const next = open();
  await eventually(() => next.stats().adopted > 0);
  for (const number of range(100, 1_000_000)) next.accept(service, 'INFO', line(number));
  await next.flush();
  expect(next.stats().confirmed).toBeLessThan(7000);
  proxy.throttle(Number.POSITIVE_INFINITY);
  await eventually(() => next.stats().confirmed === 8100);
  expect(sorted(await sent())).toEqual([...range(8000), ...range(100, 1_000_000)]);
});

it('each file is adopted by one of many processes that start at once', async () => {
  const { proxy, dir, service, open, sent } = await usePublishers();
  await proxy.refuse();
  for (const writer of range(10)) {
    const publisher = open();
    for (const number of range(300, 300 * writer)) publisher.accept(service, 'INFO', line(number));
    await publisher.close(0);
  }
  await proxy.heal();
  const readers = range(10).map(() => open());
  await eventually(() => readers.reduce((sum, each) => sum + each.stats().confirmed, 0) === 3000);
  expect(await Promise.all(readers.map((each) => each.close()))).toHaveLength(10);
  const numbers = await sent();
  expect(numbers).toHaveLength(3000);
  expect(sorted(numbers)).toEqual(range(3000));
  expect(filesIn(dir)).toEqual([]);
});

it('a large record and records of one byte less than a frame survive the way over the disk', async () => {
  const { proxy, service, open, sent } = await usePublishers({ bufferBytes: 3 * MIB, maxRecordBytes: 2 * MIB });
  await proxy.refuse();
  const publisher = open();
  withFastDisk(() => {
    for (const number of range(40))
      publisher.accept(service, 'INFO', line(number, number % 2 === 0 ? MIB : 64 * KIB - 30));
  });
  expect(publisher.stats()).toMatchObject({ accepted: 40, dropped: {} });
  expect(publisher.stats().spooled).toBeGreaterThan(30);
  await proxy.heal();
  await publisher.flush();
  expect(await sent()).toEqual(range(40));
});

it('one record a message keeps its order over the disk', async () => {
  const { proxy, service, open, sent } = await usePublishers({ queueType: 'python' });
  await proxy.refuse();
  const publisher = open();
  withFastDisk(() => {
    for (const number of range(200)) publisher.accept(service, 'INFO', line(number, 5000));
  });
  expect(publisher.stats().spooled).toBeGreaterThan(100);
  await proxy.heal();
  await publisher.flush();
  expect(await sent()).toEqual(range(200));
});
