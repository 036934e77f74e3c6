/** `loghive spool`: what producers have left on disk, and what becomes of it. */
import { appendFileSync, chmodSync, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { filesIn, line, range, sorted, usePublishers } from '../publisher/spool/use-publishers.js';
import { loghive } from './run-loghive.js';

/** A service whose process has ended while its broker was away. */
async function useLeftovers() {
  const publishers = await usePublishers();
  const { open, proxy, service, dir, broker } = publishers;
  await proxy.refuse();
  for (const [level, count] of [
    ['ERROR', 3],
    ['INFO', 1000],
  ] as const) {
    const publisher = open();
    for (const number of range(count)) publisher.accept(service, level, line(number));
    expect(await publisher.close(0)).toMatchObject({ spooled: count });
  }
  const spool = (command: string, ...args: string[]) => loghive(['spool', command, '--dir', dir, ...args]);
  // The address that the service used, through the proxy.
  return { ...publishers, spool, url: proxy.url(broker.url) };
}

test('loghive spool list shows what waits, by service and level', async () => {
  const { spool, service, dir, open } = await useLeftovers();
  const { code, stdout, stderr } = await spool('list');
  expect([code, stderr]).toEqual([0, []]);
  expect(stdout.map((row) => row.replace(/ +[\d.]+ [KM]?i?B /, ' ').split(/ {2,}/))).toEqual([
    ['SERVICE', 'LEVEL', 'RECORDS', 'SIZE', 'OLDEST (UTC)', 'STATE', 'FOLDER'],
    [service, 'INFO', '1000', expect.stringMatching(/^20\d\d-/), 'waiting', expect.stringContaining(dir)],
    [service, 'ERROR', '3', expect.stringMatching(/^20\d\d-/), 'waiting', expect.stringContaining(dir)],
  ]);
  // A record that cannot be read.
  const [file] = filesIn(dir);
  appendFileSync(file!, 'damaged\n');
  // In use by this process.
  const running = open({ spool: { mode: 'always' } });
  running.accept(service, 'CRITICAL', line(1));
  const json = await spool('list', '-o', 'json', '--service', service);
  const rows = json.stdout.map((row) => JSON.parse(row));
  expect(rows.find(({ level }) => level === 'CRITICAL')).toMatchObject({ service, records: 1, inUse: true });
  expect(rows.reduce((sum, { damaged }) => sum + damaged, 0)).toBe(1);
  expect((await spool('list', '--service', 'another')).stdout).toEqual([`no records in ${dir}.`]);
  await running.close(0);
});

test('loghive spool replay sends it once the broker is back, and says what it could not send', {
  timeout: 60_000,
}, async () => {
  const { spool, service, dir, url, proxy, sent } = await useLeftovers();
  const inVain = await spool('replay', '--url', url);
  expect(inVain.code).toBe(1);
  expect(inVain.stdout).toEqual(['0 records replayed.', expect.stringMatching(/^1003 records \(.* left: the broker/)]);
  expect(inVain.stderr.join()).toContain('nothing listens there');
  await proxy.heal();
  const other = await spool('replay', '--url', 'amqp://127.0.0.1:1');
  expect(other.stdout).toEqual([
    '0 records replayed.',
    expect.stringMatching(/^\d files of another broker: pass --url/),
  ]);
  const { code, stdout } = await spool('replay', '--url', url, '--service', service, '-o', 'json');
  expect([code, JSON.parse(stdout[0]!)]).toEqual([
    0,
    { replayed: 1003, dropped: 0, left: 0, inUse: 0, otherBrokers: 0 },
  ]);
  expect(sorted(await sent('info'))).toEqual(range(1000));
  expect(sorted(await sent('error'))).toEqual(range(3));
  expect(filesIn(dir)).toEqual([]);
});

test('loghive spool drop deletes it after a confirmation, but nothing that a running process uses', async () => {
  const { spool, dir } = await useLeftovers();
  const other = await usePublishers({ spool: { mode: 'always' } }, dir);
  await other.proxy.refuse();
  const running = other.open();
  running.accept(other.service, 'INFO', line(1));
  const dry = await spool('drop', '--dry-run');
  expect(dry.stdout).toEqual([expect.stringMatching(/^1003 records \(.*\) would be deleted\. Nothing changed\.$/)]);
  const asked = await spool('drop');
  expect([asked.code, asked.stderr.join()]).toEqual([2, expect.stringContaining('pass --yes to skip it')]);
  expect(filesIn(dir)).toHaveLength(3);
  expect((await spool('drop', '--yes')).stdout).toEqual(['1003 records deleted.']);
  expect(filesIn(dir)).toHaveLength(1);
  expect(existsSync(filesIn(dir)[0]!)).toBe(true);
  await running.close(0);
});

test('loghive spool follows no links, reports folders that it cannot trust, and reads the rest', async () => {
  const { spool, service, dir } = await useLeftovers();
  const [file] = filesIn(dir);
  const folder = path.dirname(file!);
  rmSync(file!);
  symlinkSync('/etc/hostname', file!);
  const { code, stdout } = await spool('list', '-o', 'json');
  expect([code, stdout.length]).toEqual([0, 1]);
  mkdirSync(path.join(dir, 'other-00000000'), { mode: 0o777 });
  chmodSync(path.join(dir, 'other-00000000'), 0o777);
  const all = await spool('list', '-o', 'json');
  expect([all.code, all.stdout.length, all.stderr.join()]).toEqual([
    1,
    1,
    expect.stringContaining('can be written to by other users'),
  ]);
  expect((await spool('list', '--service', service)).code).toBe(0);
  expect(filesIn(folder).length).toBeGreaterThan(0);
});
