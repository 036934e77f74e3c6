/** `loghive patterns`, run as a process on a real table. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { item, itemList, newStore, openClient, write } from '../consumer/store/database.js';
import { onEnd } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';
import { loghive, program } from './run-loghive.js';

const DAY = '2026-01-31';
const at = (minute: number, second = 0) =>
  `${DAY}T10:${String(minute).padStart(2, '0')}:${String(second).padStart(2, '0')}.123456Z`;

const { store, url } = await newStore();
await write(store, [
  // Before 10:30, all of this occurs.
  ...itemList(40, (n) => ({ timestamp: at(n % 30), message: `order ${n} placed` })),
  ...itemList(5, (n) => ({ timestamp: at(20 + n), level: 'ERROR', service: 'till', message: `card ${n} refused` })),
  // Then two new ones appear.
  ...itemList(10, (n) => ({ timestamp: at(30 + n), message: `order ${n} placed` })),
  ...itemList(3, (n) => ({
    ...{ timestamp: at(40, n), level: 'ERROR' as const, service: 'till', message: 'charge failed' },
    information: JSON.stringify({ reqId: `r-${n}`, error: { name: 'TypeError', message: `x.${n} is "undefined"` } }),
  })),
  item({ timestamp: at(41), level: 'WARNING', message: "can't reach 10.0.0.7:443 \x1b[2J" }),
]);
const patterns = (...args: string[]) => loghive(['patterns', '--database-url', url, '--time-zone', 'UTC', ...args]);

describe('the list', () => {
  test('has the patterns of all services and levels, the most frequent first', async () => {
    expect(await patterns()).toEqual({
      code: 0,
      stderr: [],
      stdout: [
        'COUNT  SHARE  LEVEL    SERVICE  FIRST                LAST                 PATTERN',
        '   50    85%  INFO     shop     2026-01-31 10:00:00  2026-01-31 10:39:00  order <number> placed',
        '    5   8.5%  ERROR    till     2026-01-31 10:20:00  2026-01-31 10:24:00  card <number> refused',
        '    3   5.1%  ERROR    till     2026-01-31 10:40:00  2026-01-31 10:40:02  charge failed | TypeError: x.<number> is <text>',
        "    1   1.7%  WARNING  shop     2026-01-31 10:41:00  2026-01-31 10:41:00  can't reach <address> \\x1b[<number>J",
      ],
    });
  });

  test.each<[string[], string[]]>([
    [['level:error'], ['card <number> refused', 'charge failed']],
    [['service:shop', '--since', `${DAY}T10:41`], ["can't reach"]],
    [['--until', `${DAY}T10:01`], ['order <number> placed']],
    [
      ['refused', 'or', 'failed'],
      ['card <number> refused', 'charge failed'],
    ],
  ])('is of the records that match %j', async (args, expected) => {
    const { code, stdout } = await patterns(...args, '-o', 'ndjson');
    const shown = stdout.map((line) => JSON.parse(line).pattern);
    expect(shown).toHaveLength(expected.length);
    for (const [index, pattern] of expected.entries()) expect(shown[index]).toContain(pattern);
    expect(code).toBe(0);
  });

  test('is limited, and says how many more there are', async () => {
    const { stdout, stderr } = await patterns('-n', '2');
    expect(stdout).toHaveLength(3);
    expect(stderr).toEqual(['loghive patterns: 2 more patterns. --limit shows more.']);
    expect((await patterns('-n', '2', '-o', 'json')).stderr).toEqual([]);
    expect((await patterns('-n', 'all')).stdout).toHaveLength(5);
  });

  test('says which records it was made of, if there are too many to read', async () => {
    const { stdout, stderr } = await patterns('--max-records', '20', '-o', 'ndjson');
    expect(JSON.parse(stdout[0]!)).toMatchObject({ count: 15, pattern: 'order <number> placed', share: 0.75 });
    expect(stderr).toEqual([
      'loghive patterns: only the newest records were read: 20 records, back to 2026-01-31 10:24:00. --max-records reads more.',
    ]);
  });

  test('that is empty is exit code 1, as with search', async () => {
    expect(await patterns('nowhere')).toEqual({ code: 1, stdout: [], stderr: ['loghive patterns: no records match.'] });
    expect(await patterns('nowhere', '-o', 'ndjson')).toEqual({ code: 1, stdout: [], stderr: [] });
    expect(await patterns('nowhere', '-o', 'json')).toEqual({ code: 1, stdout: ['[', ']'], stderr: [] });
    expect((await patterns('nowhere', '-o', 'csv')).stdout).toEqual([
      'count,share,level,service,first,last,shape,pattern,query,command',
    ]);
  });
});

describe('new patterns', () => {
  const NEW = ['--new-since', `${DAY}T10:30`];

  test('are those that do not occur before, and it says what they were compared with', async () => {
    const { code, stdout, stderr } = await patterns(...NEW);
    expect(stdout.slice(1).map((line) => line.trim().split(/ +/)[0])).toEqual(['3', '1']);
    expect(stdout[1]).toContain('charge failed');
    expect(stderr).toEqual([
      'loghive patterns: compared with the records before 2026-01-31 10:30:00, back to 2026-01-24 10:30:00: 1 other pattern occurred there.',
    ]);
    expect(code).toBe(0);
  });

  test('depend on how far back they are compared', async () => {
    const recent = await patterns('level:error', '--new-since', `${DAY}T10:22`, '--compared-with', '1m');
    expect(recent.stdout.join('\n')).not.toContain('refused');
    const shorter = await patterns('refused', '--new-since', `${DAY}T10:22`, '--compared-with', '30s');
    expect(shorter.stdout.join('\n')).toContain('refused');
    const all = await patterns(...NEW, '--compared-with', 'all');
    expect(all.stderr[0]).toMatch(/compared with the records before 2026-01-31 10:30:00: 1 other/);
    const absolute = await patterns(...NEW, '--compared-with', `${DAY}T10:29:30`);
    expect(absolute.stdout.join('\n')).toContain('order <number> placed');
  });

  test('of which there are none are exit code 1, for scripts after a deployment', async () => {
    const { code, stdout, stderr } = await patterns('level:info', ...NEW);
    expect([code, stdout]).toEqual([1, []]);
    expect(stderr[0]).toBe('loghive patterns: nothing new.');
  });
});

describe('the command that shows a pattern', () => {
  test('is below it with --commands, and finds its records when a shell runs it', async () => {
    const { stdout } = await patterns('--commands');
    const commands = stdout.filter((line) => line.startsWith('    loghive search '));
    expect(commands[0]).toBe(
      "    loghive search 'service:shop level:info /^order -?[\\d.,]+ placed$/' --since 2026-01-31T10:00:00Z --time-zone UTC",
    );
    const found = commands.map((command) => {
      const script = command.trim().replace('loghive', `"${process.execPath}" "${program}"`);
      const env = { PATH: process.env.PATH, LOGHIVE_DATABASE_URL: url };
      return execFileSync('sh', ['-c', `${script} --count`], { env, cwd: tmpdir(), encoding: 'utf8' }).trim();
    });
    expect(found).toEqual(['50', '5', '3', '1']);
  });

  test('is in the output for programs, with the query alone', async () => {
    const { stdout } = await patterns('level:error', '-o', 'csv', '--until', `${DAY}T11:00`);
    expect(stdout).toHaveLength(3);
    expect(stdout[1]).toMatch(
      /^5,0\.625,ERROR,till,2026-01-31T10:20:00\.123456Z,2026-01-31T10:24:00\.123456Z,[0-9a-f]{16},card <number> refused,/,
    );
    const json = JSON.parse((await patterns('level:error', '-o', 'json')).stdout.join('')) as { query: string }[];
    expect(json[1]!.query).toBe(
      'service:till level:error /^charge failed$/ error.name:TypeError error.message:/^x\\.-?[\\d.,]+ is .+/',
    );
    const [line] = (await patterns('refused', '-o', 'ndjson', '--until', `${DAY}T11:00`)).stdout;
    expect(JSON.parse(line!).command).toMatch(
      / refused' --since 2026-01-31T10:20:00Z --until 2026-01-31T11:00:00\.000000Z --time-zone UTC$/,
    );
  });
});

describe('usage', () => {
  test.each<[string[], RegExp]>([
    [['--since', 'soon'], /option --since is "soon", expected a time such as/],
    [['--new-since', 'soon'], /option --new-since is "soon", expected a time such as/],
    [['--since', '1h', '--new-since', '1h'], /'--new-since <time>' cannot be used with option '--since <time>'/],
    [['--compared-with', '7d'], /--compared-with needs --new-since/],
    [['--new-since', '1h', '--compared-with', 'x'], /option --compared-with is "x", expected/],
    [['--new-since', '1d', '--compared-with', '2100-01-01'], /option --compared-with is "2100-01-01", expected an age/],
    [['--limit', '0'], /option --limit is "0", expected a number of patterns, or 'all'/],
    [['--max-records', '1e9'], /option --max-records is "1e9", expected a number of records, or 'all'/],
    [['--timeout', 'x'], /option --timeout is "x", expected an integer/],
    [['-o', 'raw'], /Allowed choices are pretty, json, ndjson, csv/],
    [['--time-zone', 'Mars/Olympus'], /option --time-zone is "Mars\/Olympus"/],
  ])('a wrong option is one line and exit code 2: %j', async (args, words) => {
    const { code, stdout, stderr } = await patterns(...args);
    expect(stderr.join('\n')).toMatch(words);
    expect(stderr).toHaveLength(1);
    expect([code, stdout]).toEqual([2, []]);
  });

  test('an invalid query is shown with carets under what is wrong', async () => {
    const { code, stderr } = await patterns('level:eror');
    expect(stderr.slice(0, 3)).toEqual([
      'loghive: patterns: the query is invalid at character 7:',
      '    level:eror',
      '          ^^^^',
    ]);
    expect(code).toBe(2);
  });

  test('a database that cannot be reached is exit code 2', async () => {
    const { code, stderr } = await loghive(['patterns', '--database-url', 'postgres://u:secret@127.0.0.1:1/d']);
    expect(stderr.join('\n')).toMatch(/^loghive: PostgreSQL: nothing listens at 127\.0\.0\.1:1\./);
    expect(code).toBe(2);
  });
});

test('a time limit within which nothing could be read is an error with what to do', async () => {
  const locked = await newStore();
  const client = await openClient(locked.url);
  await client.query('begin; lock table logs.records in access exclusive mode');
  const { code, stdout, stderr } = await loghive(['patterns', '--database-url', locked.url, '--timeout', '1']);
  expect(stderr.join('\n')).toMatch(/did not finish within 1 s\. Search a shorter range of time/);
  expect([code, stdout]).toEqual([2, []]);
});

test('an interrupted reading shows what was found until then', async () => {
  const busy = await newStore();
  await write(
    busy.store,
    itemList(2000, (n) => ({ timestamp: at(n % 60, n % 50), message: `order ${n} placed` })),
  );
  // The second page never comes: it waits in a view that stands for the table, read in the order of an index.
  for (const method of ['seqscan', 'bitmapscan', 'sort']) {
    await busy.sql(`alter database "${busy.name}" set enable_${method} = off`);
  }
  await busy.sql('alter table logs.records rename to stored');
  await busy.sql(`create view logs.records as select id, ts, service, level, message, information from logs.stored
    where case when ts < '${DAY} 10:20Z' then pg_sleep(600) is not null else true end`);
  const args = [program, 'patterns', '--database-url', busy.url, '--time-zone', 'UTC'];
  const child = spawn(process.execPath, args, { cwd: tmpdir(), stdio: ['ignore', 'pipe', 'pipe'] });
  onEnd(() => child.kill('SIGKILL'));
  let output = '';
  child.stdout.on('data', (bytes) => (output += bytes));
  child.stderr.on('data', (bytes) => (output += bytes));
  const sleeping = `select 1 from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`;
  await eventually(async () => expect(await busy.sql(sleeping)).toHaveLength(1), { withinMs: 20_000 });
  child.kill('SIGINT');
  expect(await once(child, 'close')).toEqual([null, 'SIGINT']);
  expect(output).toMatch(/^ +1000 +100% +INFO .*order <number> placed$/m);
  expect(output).toMatch(/only a part was read: 1000 records, back to 2026-01-31 10:\d\d:\d\d\. Interrupted\./);
  expect(await busy.sql(sleeping)).toEqual([]);
});
