/** `loghive search` in a pseudo-terminal: colors, width, pager, Ctrl-C. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import stringWidth from 'string-width';
import { expect, test } from 'vitest';
import { itemList, newStore, openClient, write } from '../consumer/store/database.js';
import { onEnd } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';
import { useTerminal } from './dev-terminal.js';
import { loghive, program } from './run-loghive.js';

const { store, url } = await newStore();
await write(
  store,
  itemList(250, (n) => ({
    level: n % 10 === 0 ? 'ERROR' : 'INFO',
    message: `order ${n} placed 注文`,
    timestamp: `2026-01-31T10:${String(10 + Math.floor(n / 60)).padStart(2, '0')}:${String(n % 60).padStart(2, '0')}.123456Z`,
    information: JSON.stringify({ order: { id: n }, customer: 'Ödön Übüring', route: '/checkout/payment/confirm' }),
  })),
);

interface Size {
  columns?: number;
  rows?: number;
}

function searchIn({ columns = 80, rows = 24 }: Size, args: string, env: Record<string, string> = {}, prefix = '') {
  const command = `${prefix} ${process.execPath} ${program} search --database-url '${url}' --time-zone UTC ${args}`;
  const script = `stty cols ${columns} rows ${rows}; ${command}; echo ended with $?`;
  return useTerminal(`sh -c "${script.replaceAll('"', '\\"')}"`, { cwd: tmpdir(), env });
}

const ENDED = /ended with (\d+)/;

test('colors are for terminals, unless NO_COLOR or FORCE_COLOR says otherwise', { timeout: 60_000 }, async () => {
  const marked = /\x1b\[30;43mplaced/;
  const terminal = searchIn({}, 'placed -n 2 --no-pager');
  await terminal.shows(ENDED);
  expect(terminal.text()).toMatch(marked);
  expect(terminal.text()).toMatch(/\x1b\[32mINFO/);
  for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }, { FORCE_COLOR: '0' }]) {
    const plain = searchIn({}, 'placed -n 2 --no-pager', env);
    await plain.shows(ENDED);
    expect(plain.text()).not.toContain('\x1b');
  }
  const args = ['search', 'placed', '--database-url', url, '-n', '2'];
  expect((await loghive(args)).stdout.join('\n')).not.toContain('\x1b');
  expect((await loghive(args, { FORCE_COLOR: '1' })).stdout.join('\n')).toMatch(marked);
});

test.each([70, 80, 120])('no line is wider than a terminal of %i columns', { timeout: 60_000 }, async (columns) => {
  const terminal = searchIn({ columns }, '-n 3 --no-pager');
  await terminal.shows(ENDED);
  const lines = stripVTControlCharacters(terminal.text()).split('\n');
  expect(lines.join('\n')).toContain('route=/checkout/payment/confirm');
  expect(lines.filter((line) => stringWidth(line) > columns && !line.startsWith('loghive search:'))).toEqual([]);
});

test('a short result is printed without waiting, a long one opens at its end', { timeout: 60_000 }, async () => {
  const short = searchIn({}, '-n 3 order.id:7');
  await short.shows(/ended with 0/);
  const long = searchIn({}, '');
  await long.shows(/order 249/);
  // The first of the records is above the screen.
  expect(long.text()).not.toMatch(/order 150 /);
  long.type('g');
  await long.shows(/order 150 /);
  long.type('q');
  await long.shows(/there are older records\. To continue: --cursor older\.2026/);
  await long.shows(/ended with 0/);
});

test('with the newest first, the pager reaches every record', { timeout: 60_000 }, async () => {
  const terminal = searchIn({}, '--order newest-first');
  await terminal.shows(/order 249/);
  expect(terminal.text()).not.toMatch(/order 0 /);
  terminal.type('G');
  await terminal.shows(/order 0 /);
  terminal.type('q');
  await terminal.shows(/ended with 0/);
  expect(terminal.text()).not.toContain('--cursor');
});

test('PAGER names the pager; empty or cat is none, and less may be missing', { timeout: 60_000 }, async () => {
  const own = searchIn({}, '-n 2', { PAGER: "sed 's/^/> /'" });
  await own.shows(/ended with 0/);
  expect(stripVTControlCharacters(own.text())).toMatch(/^> 2026-01-31 .*order 248 /m);
  for (const env of [{ PAGER: '' }, { PAGER: 'cat' }]) {
    const none = searchIn({ rows: 5 }, '', env);
    await none.shows(/ended with 0/);
    expect(none.text()).toMatch(/order 150 /);
  }
  const missing = searchIn({ rows: 5 }, '', {}, 'PATH=/nowhere');
  await missing.shows(/ended with 0/);
  expect(missing.text()).toMatch(/order 150 /);
});

test('without a pager, a terminal gets one screenful by default, whatever the order', { timeout: 60_000 }, async () => {
  const terminal = searchIn({ rows: 5 }, '--order newest-first --no-pager');
  await terminal.shows(/there are older records\. To continue: --cursor older\.2026/);
  expect(terminal.text()).toMatch(/order 249 /);
  expect(terminal.text()).not.toMatch(/order 149 /);
});

test('a pager that config.env names is not run: the file may belong to somebody else', {
  timeout: 60_000,
}, async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'loghive-pager-'));
  onEnd(() => rmSync(folder, { recursive: true }));
  writeFileSync(path.join(folder, 'config.env'), "PAGER=sed 's/^/stolen /'\n");
  const terminal = useTerminal(
    `sh -c "stty rows 24; ${process.execPath} ${program} search --database-url '${url}' -n 2; echo ended with \\$?"`,
    { cwd: folder },
  );
  await terminal.shows(/ended with 0/);
  expect(terminal.text()).toMatch(/order 249 /);
  expect(terminal.text()).not.toContain('stolen');
});

test('what a record contains cannot control the terminal, in any format', { timeout: 120_000 }, async () => {
  const hostile = await newStore();
  await write(
    hostile.store,
    itemList(1, () => ({
      message: 'a\x1b[2J\x1b]0;title\x07\x9b31m\r\u202e',
      information: '{"f\\u001b[1m":"\\u001b[8m","t":"x\\n\\u001b[2J"}',
    })),
  );
  for (const format of ['pretty', 'json', 'ndjson', 'csv', 'raw', "template --template '{message}{t}'"]) {
    const terminal = useTerminal(
      `${process.execPath} ${program} search --database-url '${hostile.url}' --no-pager -o ${format}`,
      { cwd: tmpdir(), env: { NO_COLOR: '1' } },
    );
    expect(await terminal.ended).toBe(0);
    expect(terminal.text(), format).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
    expect(terminal.text(), format).toContain('[2J');
  }
});

test('Ctrl-C cancels the search on the server, and a shell sees that it was interrupted', {
  timeout: 60_000,
}, async () => {
  const locked = await newStore();
  const client = await openClient(locked.url);
  await client.query('begin; lock table logs.records');
  const command = `${process.execPath} ${program} search --database-url '${locked.url}'`;
  const terminal = useTerminal(`sh -c "trap : INT; ${command}; echo ended with \\$?"`, { cwd: tmpdir() });
  const searching = async () =>
    (await locked.sql(`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`))
      .length > 0;
  await eventually(searching, { withinMs: 20_000 });
  terminal.type('\x03');
  await terminal.shows(/ended with 130/);
  await eventually(async () => !(await searching()), { withinMs: 20_000 });
});
