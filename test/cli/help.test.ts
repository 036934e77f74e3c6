/** Help texts of all commands, in terminals of several widths. */
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { useTerminal } from './dev-terminal.js';

const program = path.resolve(import.meta.dirname, '../../dist/esm/cli/main.js');

async function helpOf(args: string, columns: number): Promise<string[]> {
  const terminal = useTerminal(`sh -c 'stty cols ${columns}; exec ${process.execPath} ${program} ${args}'`, {
    cwd: tmpdir(),
  });
  expect(await terminal.ended).toBe(0);
  return terminal.text().trimEnd().split('\n');
}

const commands = [
  'alerts',
  'consume',
  'dev',
  'migrate',
  'pipe',
  'partitions',
  'dead-letters',
  'services',
  'spool',
  'search',
  'tail',
  'patterns',
  'export',
  'import',
  'status',
  'doctor',
  'completion',
];
const nested = [
  ...['test', 'preview'].map((command) => `alerts ${command}`),
  ...['list', 'show', 'export', 'replay', 'drop'].map((command) => `dead-letters ${command}`),
  ...['list', 'add', 'remove'].map((command) => `services ${command}`),
  ...['list', 'replay', 'drop'].map((command) => `spool ${command}`),
];
const calls = ['--help', ...[...commands, ...nested].map((command) => `${command} --help`)];

test.each([60, 80, 120].flatMap((columns) => calls.map((args) => [args, columns] as const)))(
  'loghive %s in %i columns has no longer line, and none that is wrapped twice',
  async (args, columns) => {
    const lines = await helpOf(args, columns);
    expect(lines[0]).toMatch(/^Usage: loghive/);
    expect(lines.filter((line) => line.length > columns)).toEqual([]);
    // The first word of a continuation line must not have fitted on the line before.
    const broken = lines.filter((line, at) => {
      const next = lines[at + 1] ?? '';
      const goesOn = line.trim() !== '' && next.trim() !== '' && indentOf(next) === columnOf(line) && !isItem(next);
      return goesOn && line.length + 1 + (next.trim().split(' ')[0]?.length ?? 0) <= columns;
    });
    expect(broken).toEqual([]);
  },
);

const indentOf = (line: string) => line.length - line.trimStart().length;
/** Column of a line's text: after the option name, if there is one. */
const columnOf = (line: string) => /^ {2}\S.*? {2,}(?=\S)/.exec(line)?.[0].length ?? indentOf(line);
/** An option, argument, command or example line, or a heading. */
const isItem = (line: string) => /^ {2}\S|^ {4}--|^[A-Z]\w+:/.test(line);
