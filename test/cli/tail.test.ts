/** `loghive tail`, run as a process and in a terminal, on a real table. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { itemList, newStore, write } from '../consumer/store/database.js';
import { onEnd, useChild, useProxy } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';
import { useTerminal } from './dev-terminal.js';
import { loghive, program } from './run-loghive.js';

const SLOW = { timeout: 60_000 };

/** A table with 30 records, and a function that stores more. */
async function useRecords() {
  const { store, url, sql } = await newStore();
  const add = (from: number, count: number) =>
    write(
      store,
      itemList(count, (n) => ({
        level: (from + n) % 2 === 0 ? 'ERROR' : 'INFO',
        message: `record ${from + n}`,
        information: '{"order":7}',
      })),
    );
  await add(0, 30);
  return { url, sql, add };
}

const numbersIn = (lines: readonly string[]) =>
  lines.flatMap((line) => /record (\d+)/.exec(line)?.[1] ?? []).map(Number);
const upTo = (from: number, to: number, step = 1) =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, n) => from + n * step);

test('shows the last lines, then new records in order, and dies by Ctrl-C', SLOW, async () => {
  const { url, add } = await useRecords();
  const child = useChild(program, { args: ['tail', '--database-url', url], cwd: tmpdir() });
  await child.waitForLine(/record 29/, 20_000);
  await add(30, 5);
  await child.waitForLine(/record 34/, 20_000);
  expect(numbersIn(child.stdout)).toEqual(upTo(10, 34));
  expect(await child.kill('SIGINT')).toEqual({ code: null, signal: 'SIGINT' });
  expect(child.stderr).toEqual([]);
});

test('shows what matches the query, in the format asked for', SLOW, async () => {
  const { url, add } = await useRecords();
  const args = ['tail', 'level:error', 'order:7', '-n', '3', '-o', 'json', '--database-url', url];
  const child = useChild(program, { args, cwd: tmpdir() });
  await child.waitForLine(/record 28/, 20_000);
  await add(30, 5);
  await child.waitForLine(/record 34/, 20_000);
  expect(child.stdout.map((line) => JSON.parse(line).message)).toEqual(
    upTo(24, 34, 2).map((number) => `record ${number}`),
  );
});

test('reconnects, and says so', SLOW, async () => {
  const { url, add } = await useRecords();
  const proxy = await useProxy(url);
  const args = ['tail', '-n', '1', '--database-url', proxy.url(url)];
  const child = useChild(program, { args, cwd: tmpdir() });
  await child.waitForLine(/record 29/, 20_000);
  await proxy.refuse();
  await proxy.cut();
  await child.waitForLine(/^loghive tail: PostgreSQL: .* Reconnecting\.$/, 20_000);
  await add(30, 2);
  await proxy.heal();
  await child.waitForLine(/^loghive tail: connected again\.$/, 40_000);
  await child.waitForLine(/record 31/, 20_000);
  expect(numbersIn(child.stdout)).toEqual([29, 30, 31]);
});

test('ends quietly when its reader has gone', SLOW, async () => {
  const { url, add } = await useRecords();
  const child = spawn(process.execPath, [program, 'tail', '--database-url', url], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onEnd(() => child.kill('SIGKILL'));
  let stderr = '';
  child.stderr.on('data', (bytes) => (stderr += bytes));
  const closed = once(child, 'close');
  await once(child.stdout, 'data');
  child.stdout.destroy();
  await add(30, 1);
  expect(await closed).toEqual([0, null]);
  expect(stderr).toBe('');
});

test('SIGTERM ends it although its reader is stalled', SLOW, async () => {
  const { url, add } = await useRecords();
  const args = [program, 'tail', '-n', '10000', '-o', 'ndjson', '--database-url', url];
  await add(30, 5000);
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  onEnd(() => child.kill('SIGKILL'));
  // More than the pipe holds; nothing is read.
  await once(child.stdout, 'readable');
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([null, 'SIGTERM']);
});

test('in a terminal, a shell sees that Ctrl-C interrupted it', SLOW, async () => {
  const { url } = await useRecords();
  const command = `${process.execPath} ${program} tail --database-url '${url}'`;
  const terminal = useTerminal(`sh -c "trap : INT; ${command}; echo ended with \\$?"`, { cwd: tmpdir() });
  await terminal.shows(/\x1b\[31mERROR[\s\S]*record 29/);
  terminal.type('\x03');
  await terminal.shows(/ended with 130/);
});

test('a suspended terminal gets what happens now, and how much it missed', { timeout: 120_000 }, async () => {
  const { url, add, sql } = await useRecords();
  const terminal = useTerminal(`${process.execPath} ${program} tail --database-url '${url}' -n 1`, { cwd: tmpdir() });
  await terminal.shows(/record 29/);
  terminal.type('\x13');
  for (let from = 30; from < 40_000; from += 5000) await add(from, 5000);
  // By the fifth query after that, everything is read.
  const queries = new Set<string>();
  const active =
    "select max(query_start)::text as at from pg_stat_activity where datname = current_database() and query not like '%pg_stat%'";
  await eventually(async () => queries.add((await sql(active))[0].at).size > 5, { withinMs: 30_000 });
  terminal.type('\x11');
  const [, skipped] = await terminal.shows(/… (\d+) records skipped: the terminal is too slow to show them/);
  expect(Number(skipped)).toBeGreaterThan(1000);
});

test.each<[string[], RegExp]>([
  [['-n', 'x'], /^loghive: tail: option --lines is "x", expected an integer from 0 to 10000 \(records\)\.$/],
  [['level:'], /^loghive: tail: the query is invalid at character 7:$/],
  [['-o', 'xml'], /Allowed choices are/],
])('a usage error is exit code 2: %j', async (args, words) => {
  const { code, stdout, stderr } = await loghive([
    'tail',
    ...args,
    '--database-url',
    'postgres://u:secret@127.0.0.1:1/d',
  ]);
  expect(stderr[0]).toMatch(words);
  expect([code, stdout]).toEqual([2, []]);
});

test('a database that cannot be reached at the start is an error', async () => {
  expect(await loghive(['tail', '--database-url', 'postgres://u:secret@127.0.0.1:1/d'])).toEqual({
    code: 1,
    stdout: [],
    stderr: [expect.stringMatching(/^loghive: PostgreSQL: nothing listens at 127\.0\.0\.1:1\./)],
  });
});
