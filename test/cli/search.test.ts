/** `loghive search`, run as a process on a real table. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { itemList, newStore, write } from '../consumer/store/database.js';
import { onEnd } from '../support/use-servers.js';
import { loghive, program } from './run-loghive.js';

const DAY = '2026-01-31';
/** 250 records, one a second; every tenth is an error. */
const items = itemList(250, (n) => ({
  level: n % 10 === 0 ? 'ERROR' : 'INFO',
  message: n % 10 === 0 ? `card ${n} refused` : `order ${n} placed`,
  timestamp: `${DAY}T10:${String(10 + Math.floor(n / 60)).padStart(2, '0')}:${String(n % 60).padStart(2, '0')}.123456Z`,
  information: `{"order":{"id":${n}},"hostname":"web-1"}`,
}));

const { store, url } = await newStore();
await write(store, items);
const search = (...args: string[]) => loghive(['search', '--database-url', url, '--time-zone', 'UTC', ...args]);
const numbers = (lines: readonly string[]) =>
  lines.map((line) => Number(/(?:order|card) (\d+) /.exec(line)?.[1] ?? Number.NaN));
const upTo = (from: number, to: number, step = 1) =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, n) => from + n * step);

describe('records', () => {
  test('are the newest hundred, the newest last, and the cursor leads to the ones before', async () => {
    const { code, stdout, stderr } = await search();
    expect(numbers(stdout)).toEqual(upTo(150, 249));
    expect(stdout[0]).toBe('2026-01-31 10:12:30.123  ERROR     shop  card 150 refused  order.id=150 hostname=web-1');
    expect(stdout[1]).toBe('2026-01-31 10:12:31.123  INFO      shop  order 151 placed  order.id=151');
    expect(code).toBe(0);
    const [, cursor] = /^loghive search: there are older records\. To continue: --cursor (\S+)$/.exec(
      stderr.join('\n'),
    )!;
    const before = await search('--cursor', cursor!);
    expect(numbers(before.stdout)).toEqual(upTo(50, 149));
    const [, last] = /--cursor (\S+)$/.exec(before.stderr.join('\n'))!;
    expect(await search('--cursor', last!)).toMatchObject({ code: 0, stderr: [] });
  });

  test.each<[string[], number[]]>([
    [
      ['level:error', '--order', 'newest-first', '-n', '3'],
      [240, 230, 220],
    ],
    [
      ['level:error', '--order', 'oldest-first', '-n', '3'],
      [0, 10, 20],
    ],
    [['--order', 'newest-first', '-n', 'all'], upTo(0, 249).reverse()],
    [['-n', 'all'], upTo(0, 249)],
    [['-n', '220'], upTo(30, 249)],
    [['placed', 'order.id>=245'], upTo(245, 249)],
    [['placed order.id>=245'], upTo(245, 249)],
    [['--since', `${DAY}T10:14:05`], upTo(245, 249)],
    [
      ['--until', `${DAY}T10:10:02`],
      [0, 1],
    ],
    [['--since', `${DAY}T11:14:05`, '--time-zone', 'Europe/Berlin'], upTo(245, 249)],
  ])('are those of loghive search %j', async (args, expected) => {
    const { code, stdout } = await search(...args);
    expect(numbers(stdout)).toEqual(expected);
    expect(code).toBe(0);
  });

  test('that do not exist are exit code 1, as with grep', async () => {
    expect(await search('nowhere')).toEqual({ code: 1, stdout: [], stderr: ['loghive search: no records match.'] });
    expect(await search('nowhere', '-o', 'ndjson')).toEqual({ code: 1, stdout: [], stderr: [] });
    expect(await search('nowhere', '-o', 'json')).toEqual({ code: 1, stdout: ['[', ']'], stderr: [] });
    expect((await search('nowhere', '-o', 'csv')).stdout).toEqual(['id,ts,service,level,message,information']);
  });

  test.each<[string[], RegExp]>([
    [
      ['-o', 'ndjson'],
      /^\{"id":".*","service":"shop","level":"ERROR","message":"card 0 refused","information":\{.*\},"ts":"2026-01-31T10:10:00\.123456Z"\}$/,
    ],
    [['-o', 'raw'], /^card 0 refused$/],
    [['-o', 'csv', '--fields', 'order.id'], /^id,ts,service,level,message,order\.id\n.*,shop,ERROR,card 0 refused,0$/],
    [['--template', '{time} {order.id} {hostname}', '--time-zone', 'Asia/Tokyo'], /^2026-01-31 19:10:00\.123 0 web-1$/],
    [['--hide', 'order'], /card 0 refused {2}hostname=web-1$/],
    [['--fields', 'order'], /card 0 refused {2}order\.id=0$/],
  ])('are printed in the format of %j', async (args, expected) => {
    const { code, stdout, stderr } = await search('card', '--order', 'oldest-first', '-n', '1', ...args);
    expect(stdout.join('\n')).toMatch(expected);
    expect(code).toBe(0);
    // A program reads the other formats, and the limit was its own.
    if (args.includes('-o') || args.includes('--template')) expect(stderr).toEqual([]);
  });
});

describe('context', () => {
  test('is the records around each match, each record once, with a line between distant ones', async () => {
    const { code, stdout } = await search('order.id:5,7,20 -none', '--context', '2');
    expect(stdout.map((line) => (line === '--' ? '--' : Number(/order\.id=(\d+)/.exec(line)?.[1])))).toEqual([
      ...upTo(3, 9),
      '--',
      ...upTo(18, 22),
    ]);
    expect(code).toBe(0);
    const reversed = await search('order.id:5,7,20', '--context', '1', '--order', 'newest-first', '-o', 'ndjson');
    expect(reversed.stdout.map((line) => JSON.parse(line).information.order.id)).toEqual([21, 20, 19, 8, 7, 6, 5, 4]);
  });

  test('is dim in color', async () => {
    const args = ['search', 'order.id:7', '--context', '1', '--database-url', url];
    const { stdout } = await loghive(args, { FORCE_COLOR: '1' });
    expect(stdout.map((line) => line.includes('\x1b[32mINFO'))).toEqual([false, true, false]);
  });
});

describe('numbers', () => {
  test('--count prints how many match', async () => {
    expect(await search('level:error', '--count')).toEqual({ code: 0, stdout: ['25'], stderr: [] });
    expect(await search('level:error', '--count', '-o', 'json')).toMatchObject({ stdout: ['{"count":25}'] });
    expect(await search('nowhere', '--count')).toEqual({ code: 1, stdout: ['0'], stderr: [] });
  });

  test('--histogram prints bars by level, and the total', async () => {
    const { code, stdout, stderr } = await search('--histogram', '--since', `${DAY}T10:10`, '--until', `${DAY}T10:15`);
    expect(stdout.at(-1)).toMatch(/^250 records, \d+ (?:seconds|minute) a line: E error, I info$/);
    expect(stdout[0]).toMatch(/^2026-01-31 10:10(?::00)? {2}E+I+ +\d+ {2}\d+ error$/);
    expect(stdout.filter((line) => line.length > 80)).toEqual([]);
    expect([code, stderr]).toEqual([0, []]);
    const json = await search('--histogram', '-o', 'json');
    const { bars } = JSON.parse(json.stdout.join('')) as { bars: { counts: Record<string, number> }[] };
    expect(bars.reduce((sum, { counts }) => sum + counts.ERROR!, 0)).toBe(25);
    expect(await search('nowhere', '--histogram')).toMatchObject({ code: 1, stdout: [] });
  });
});

describe('usage', () => {
  test('an invalid query is shown with carets under what is wrong', async () => {
    expect(await search('shop', 'level:eror')).toEqual({
      code: 2,
      stdout: [],
      stderr: [
        'loghive: search: the query is invalid at character 12:',
        '    shop level:eror',
        '               ^^^^',
        '    "eror" is not a level. The levels are debug, info, warning, error, critical.',
      ],
    });
  });

  test('the carets stand under the right characters, after wide and control characters and in a long query', async () => {
    const { stderr } = await search('漢字\x1b (');
    expect(stderr.slice(1, 3)).toEqual(['    漢字\\x1b (', '             ^']);
    const long = await search(`${'word '.repeat(40)}level:eror ${'word '.repeat(40)}`);
    const [line, carets] = long.stderr.slice(1, 3);
    expect(line!.slice(carets!.indexOf('^')).slice(0, 4)).toBe('eror');
    expect(line!.length).toBeLessThan(140);
  });

  test.each<[string[], RegExp]>([
    [['--since', 'soon'], /option --since is "soon", expected a time such as/],
    [['--limit', '0'], /option --limit is "0", expected a number of records, or 'all'/],
    [['--limit', '1e9'], /option --limit is "1e9"/],
    [['--limit', '100001'], /expected a number up to 100000, or 'all'; --order newest-first takes any number/],
    [['--order', 'up'], /option '--order <order>' argument 'up' is invalid\. Allowed choices are newest-last,/],
    [['-o', 'xml'], /Allowed choices are pretty, json, ndjson, csv, raw, template/],
    [['-o', 'template'], /-o template needs a template: add --template/],
    [['-o', 'json', '--template', '{id}'], /-o json and --template exclude each other/],
    [['--template', '{'], /option --template is "\{", expected a template such as/],
    [['--fields', 'a,,b'], /option --fields is "a,,b", expected names separated by commas/],
    [['--time-zone', 'Mars/Olympus'], /option --time-zone is "Mars\/Olympus", expected the name of a time zone/],
    [['--context', '-1'], /option --context is "-1", expected an integer from 0 to 1000/],
    [['--count', '--histogram'], /option '--count' cannot be used with option '--histogram'/],
    [['--histogram', '-o', 'raw'], /--histogram has no format raw, only pretty, json, ndjson/],
    [['--timeout', 'x'], /option --timeout is "x", expected an integer/],
    [['--cursor', 'x'], /option --cursor is "x", expected/],
  ])('a wrong option is one line and exit code 2: %j', async (args, words) => {
    const { code, stdout, stderr } = await search(...args);
    expect(stderr.join('\n')).toMatch(words);
    expect(stderr).toHaveLength(1);
    expect([code, stdout]).toEqual([2, []]);
  });

  test('a database that cannot be reached is exit code 2, so that it is not taken for "nothing found"', async () => {
    const args = ['search', '--database-url', 'postgres://u:secret@127.0.0.1:1/d'];
    expect(await loghive(args)).toEqual({
      code: 2,
      stdout: [],
      stderr: [expect.stringMatching(/^loghive: PostgreSQL: nothing listens at 127\.0\.0\.1:1\./)],
    });
  });
});

test('a reader that has seen enough ends the search without an error', async () => {
  const args = [program, 'search', '--database-url', url, '-n', 'all'];
  const child = spawn(process.execPath, args, { cwd: tmpdir(), stdio: ['ignore', 'pipe', 'pipe'] });
  onEnd(() => child.kill('SIGKILL'));
  let stderr = '';
  child.stderr.on('data', (bytes) => (stderr += bytes));
  child.stdout.destroy();
  expect(await once(child, 'close')).toEqual([0, null]);
  expect(stderr).toBe('');
});
