/** `loghive patterns` in a pseudo-terminal: colors, width, pager, Ctrl-C. */
import { tmpdir } from 'node:os';
import { stripVTControlCharacters } from 'node:util';
import stringWidth from 'string-width';
import { expect, test } from 'vitest';
import { itemList, newStore, openClient, write } from '../consumer/store/database.js';
import { eventually } from '../support/wait.mjs';
import { useTerminal } from './dev-terminal.js';
import { program } from './run-loghive.js';

const word = (n: number) => `${String.fromCharCode(97 + (n % 26))}${String.fromCharCode(97 + Math.floor(n / 26))}`;
const { store, url } = await newStore();
await write(
  store,
  itemList(90, (n) => ({
    level: n % 2 === 0 ? 'ERROR' : 'INFO',
    message: `step ${word(Math.floor(n / 2))} of 注文 ${n} took ${n} ms, and then the next one began somewhere else \x1b[2J`,
    timestamp: `2026-01-31T10:${String(Math.floor(n / 60)).padStart(2, '0')}:${String(n % 60).padStart(2, '0')}.123456Z`,
  })),
);

interface Size {
  columns?: number;
  rows?: number;
}

function patternsIn({ columns = 80, rows = 24 }: Size, args: string, env: Record<string, string> = {}) {
  const command = `${process.execPath} ${program} patterns --database-url '${url}' --time-zone UTC ${args}`;
  const script = `stty cols ${columns} rows ${rows}; ${command}; echo ended with $?`;
  return useTerminal(`sh -c "${script.replaceAll('"', '\\"')}"`, { cwd: tmpdir(), env });
}

const ENDED = /ended with (\d+)/;

test('levels and services have colors, unless NO_COLOR says otherwise', { timeout: 60_000 }, async () => {
  const terminal = patternsIn({}, '-n 2 --no-pager');
  await terminal.shows(/ended with 0/);
  // While it reads; then the line is removed.
  expect(terminal.text()).toMatch(/\rrecords read: 90\x1b\[K.*\r\x1b\[K/s);
  expect(terminal.text()).toMatch(/\x1b\[31mERROR/);
  expect(terminal.text()).toMatch(/\x1b\[2m<number>/);
  const plain = patternsIn({}, '-n 2 --no-pager', { NO_COLOR: '1' });
  await plain.shows(ENDED);
  expect(plain.text()).not.toMatch(/\x1b\[\d+m/);
});

test.each([80, 100, 160])('no pattern is wider than a terminal of %i columns', { timeout: 60_000 }, async (columns) => {
  const terminal = patternsIn({ columns }, '-n 3 --no-pager');
  await terminal.shows(ENDED);
  const lines = stripVTControlCharacters(terminal.text()).split('\n');
  const patterns = lines.filter((line) => line.includes('step'));
  expect(patterns).toHaveLength(3);
  for (const line of patterns) expect(line).toContain(columns === 160 ? 'then the next one' : '注文 <number>');
  expect(lines.filter((line) => stringWidth(line) > columns && !line.startsWith('loghive patterns:'))).toEqual([]);
});

test('a long list is shown in a pager, from its beginning', { timeout: 60_000 }, async () => {
  const terminal = patternsIn({}, '-n all');
  await terminal.shows(/COUNT/);
  expect(terminal.text()).not.toContain('step sb ');
  terminal.type('G');
  await terminal.shows(/step sb /);
  terminal.type('q');
  await terminal.shows(/ended with 0/);
});

test('Ctrl-C cancels the reading on the server, and a shell sees that it was interrupted', {
  timeout: 60_000,
}, async () => {
  const locked = await newStore();
  const client = await openClient(locked.url);
  await client.query('begin; lock table logs.records');
  const command = `${process.execPath} ${program} patterns --database-url '${locked.url}'`;
  const terminal = useTerminal(`sh -c "trap : INT; ${command}; echo ended with \\$?"`, { cwd: tmpdir() });
  const reading = async () =>
    (await locked.sql(`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`))
      .length > 0;
  await eventually(reading, { withinMs: 20_000 });
  terminal.type('\x03');
  await terminal.shows(/ended with 130/);
  await eventually(async () => !(await reading()), { withinMs: 20_000 });
});
