/** `loghive export`, run as a process on a real table. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import zlib from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { itemList, newStore, write } from '../consumer/store/database.js';
import { POSTGRES } from '../support/breakpoint-proxy.mjs';
import { mountSmallDisk } from '../support/small-disk.mjs';
import { onEnd, useBreakpointProxy, useChild, useProxy } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';
import { useTerminal } from './dev-terminal.js';
import { loghive, program } from './run-loghive.js';
import { useFolder } from './use-folder.js';

const { zstdDecompressSync } = zlib as { zstdDecompressSync?: (bytes: Buffer) => Buffer };

/** 250 records, one a second; every tenth is an error. */
const items = itemList(250, (n) => ({
  level: n % 10 === 0 ? 'ERROR' : 'INFO',
  message: n % 10 === 0 ? `card ${n} "refused",\nagain` : `order ${n} placed`,
  timestamp: `2026-01-31T10:${String(10 + Math.floor(n / 60)).padStart(2, '0')}:${String(n % 60).padStart(2, '0')}.123456Z`,
  information: `{"large": 12345678901234567890.5, "order": {"id": ${n}}}`,
}));
const { store, url } = await newStore();
await write(store, items);

/** 3,000 records of about 1 KB: several pages. */
const many = await newStore();
await many.sql(`insert into logs.records (id, ts, service, level, message, information)
  select gen_random_uuid(), '2026-01-31T10:00:00Z'::timestamptz + n * interval '1 ms', 'shop', 'INFO', 'order ' || n,
    jsonb_build_object('text', repeat(md5(n::text), 30)) from generate_series(1, 3000) n`);

const exporting = (...args: string[]) => loghive(['export', '--database-url', url, '--time-zone', 'UTC', ...args]);
const linesOf = (text: string | Buffer) => text.toString().trimEnd().split('\n');
const messagesIn = (text: string | Buffer) => linesOf(text).map((line) => JSON.parse(line).message as string);
const ofMany = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => `order ${from + n}`);

describe('the file', () => {
  test('has the records in the form in which they are published, the oldest first', async () => {
    const file = useFolder()('logs.ndjson');
    const { code, stdout, stderr } = await exporting('--to', file);
    expect([code, stdout, stderr]).toEqual([
      0,
      [expect.stringMatching(/^250 records exported: .*logs\.ndjson \(/)],
      [],
    ]);
    expect(linesOf(readFileSync(file))).toEqual(
      items.map(
        ({ record: { id, service, level, message, information, timestamp } }) =>
          `{"id":"${id}","service":"${service}","level":"${level}","message":${JSON.stringify(message)},"information":${information},"timestamp":"${timestamp}"}`,
      ),
    );
    expect(readdirSync(path.dirname(file))).toEqual(['logs.ndjson']);
  });

  test('has only what matches the query and the range', async () => {
    const file = useFolder()('logs.jsonl');
    const range = ['--since', '2026-01-31T10:11', '--until', '2026-01-31T10:12'];
    const { stdout } = await exporting('level:error', ...range, '--to', file);
    expect(stdout[0]).toContain('6 records exported');
    expect(messagesIn(readFileSync(file)).map((message) => Number(/\d+/.exec(message)![0]))).toEqual([
      60, 70, 80, 90, 100, 110,
    ]);
  });

  test('is csv if its name says so, with a header, quoted as spreadsheets expect it', async () => {
    const file = useFolder()('logs.csv');
    await exporting('order.id<2', '--to', file);
    const [one, two] = [items[0]!.record, items[1]!.record];
    expect(readFileSync(file, 'utf8')).toBe(
      `id,ts,service,level,message,information
${one.id},2026-01-31T10:10:00.123456Z,shop,ERROR,"card 0 ""refused"",
again","{""large"": 12345678901234567890.5, ""order"": {""id"": 0}}"
${two.id},2026-01-31T10:10:01.123456Z,shop,INFO,order 1 placed,"{""large"": 12345678901234567890.5, ""order"": {""id"": 1}}"
`,
    );
  });

  test('is compressed if its name says so', async () => {
    const file = useFolder();
    await exporting('--to', file('logs.ndjson'));
    await exporting('--to', file('logs.ndjson.gz'));
    const plain = readFileSync(file('logs.ndjson'), 'utf8');
    expect(zlib.gunzipSync(readFileSync(file('logs.ndjson.gz'))).toString()).toBe(plain);
    const { code, stderr } = await exporting('--to', file('logs.ndjson.zst'));
    if (zstdDecompressSync === undefined) {
      expect([code, stderr]).toEqual([
        2,
        [expect.stringMatching(/^loghive: export: Node \S+ cannot compress zstd; .*\.gz/)],
      ]);
      expect(readdirSync(file(''))).toEqual(['logs.ndjson', 'logs.ndjson.gz']);
    } else {
      const { stdout } = await loghive(['import', '--dry-run', file('logs.ndjson.zst')]);
      expect(stdout).toEqual(['250 records can be stored, 0 refused. Nothing was stored.']);
    }
  });

  test.each([
    ['logs.ndjson', ''],
    ['logs.csv', 'id,ts,service,level,message,information\n'],
    ['logs.ndjson.gz', ''],
  ])('is empty if nothing matches, and the command says so: %s', async (name, expected) => {
    const file = useFolder()(name);
    const { code, stdout } = await exporting('nowhere', '--to', file);
    expect([code, stdout]).toEqual([0, [expect.stringMatching(/^no records match\. Empty file: /)]]);
    const bytes = readFileSync(file);
    expect((name.endsWith('.gz') ? zlib.gunzipSync(bytes) : bytes).toString()).toBe(expected);
  });

  test('that exists is replaced only with --force, also behind a link', async () => {
    const file = useFolder();
    writeFileSync(file('logs.ndjson'), 'mine');
    symlinkSync(file('logs.ndjson'), file('link.ndjson'));
    const { code, stderr } = await exporting('--to', file('link.ndjson'));
    expect([code, stderr]).toEqual([
      1,
      [expect.stringMatching(/link\.ndjson exists\. Name another file, or .*--force\.$/)],
    ]);
    expect(readFileSync(file('logs.ndjson'), 'utf8')).toBe('mine');
    expect((await exporting('--to', file('link.ndjson'), '--force')).code).toBe(0);
    expect(linesOf(readFileSync(file('logs.ndjson')))).toHaveLength(250);
    expect(readdirSync(file('')).sort()).toEqual(['link.ndjson', 'logs.ndjson']);
  });

  test('has large records too, without keeping them all in memory', { timeout: 60_000 }, async () => {
    const large = await newStore();
    await large.sql(`insert into logs.records (id, ts, service, level, message, information)
      select gen_random_uuid(), now() - n * interval '1 s', 'shop', 'INFO', repeat('x', 2000000), '{}' from generate_series(1, 60) n`);
    const file = useFolder()('logs.ndjson.gz');
    const args = ['export', '--database-url', large.url, '--to', file];
    const child = useChild(program, { args, cwd: tmpdir(), nodeArgs: ['--max-old-space-size=64'] });
    expect(await child.exited).toEqual({ code: 0, signal: null });
    expect(child.stdout[0]).toContain('60 records exported');
  });
});

test.each<[string[], number, RegExp]>([
  [[], 2, /required option '--to <file>' not specified/],
  [['--to', 'logs'], 2, /the name "logs" does not tell the format\. End it with .*--format ndjson\.$/],
  [['--to', 'logs.gz'], 2, /the name "logs\.gz" does not tell the format/],
  [['--to', 'x.csv', '--since', 'soon'], 2, /option --since is "soon"/],
  [['--to', 'x.csv', '--time-zone', 'Moon'], 2, /option --time-zone is "Moon"/],
  [['--to', 'x.csv', 'level:eror'], 2, /the query is invalid at character 7/],
  [['--to', '/nowhere/logs.csv'], 1, /cannot write \/nowhere\/logs\.csv\.part\.json: ENOENT.*Check the path\.$/],
  [['--to', '/dev/null/logs.csv'], 1, /cannot write \/dev\/null\/logs\.csv: ENOTDIR.*Check the path\.$/],
  [['--to', '/tmp', '--format', 'csv'], 1, /\/tmp is a folder\. Name a file in it\.$/],
  [
    ['--to', '/dev/null', '--format', 'csv', '--force'],
    1,
    /\/dev\/null is not a regular file\. .*--to - > \/dev\/null/,
  ],
])('%j ends with %i and a remedy', async (args, code, message) => {
  const result = await exporting(...args);
  expect(result.stderr.join(' ')).toMatch(message);
  expect(result.code).toBe(code);
});

describe('stdout', () => {
  test('gets the records with --to -, and nothing else', async () => {
    const { code, stdout, stderr } = await exporting('order.id<3', '--to', '-');
    expect([code, stderr]).toEqual([0, []]);
    expect(stdout.map((line) => JSON.parse(line).information.order.id)).toEqual([0, 1, 2]);
    expect((await exporting('order.id:1', '--to', '-', '--format', 'csv')).stdout).toHaveLength(2);
    const nothing = await exporting('nowhere', '--to', '-');
    expect(nothing).toEqual({ code: 0, stdout: [], stderr: ['loghive export: no records match.'] });
  });

  test('may be closed by its reader at any time', async () => {
    const child = spawn(process.execPath, [program, 'export', '--database-url', many.url, '--to', '-'], {
      cwd: tmpdir(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    onEnd(() => child.kill('SIGKILL'));
    let stderr = '';
    child.stderr.on('data', (bytes) => (stderr += bytes));
    child.stdout.once('data', () => child.stdout.destroy());
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(stderr).toBe('');
  });

  test('that is a full disk is a failure', async () => {
    const stdout = openSync('/dev/full', 'w');
    const args = ['export', '--database-url', many.url, '--to', '-'];
    const child = useChild(program, { args, cwd: tmpdir(), stdout });
    expect(await child.exited).toEqual({ code: 1, signal: null });
    expect(child.stderr.join(' ')).toMatch(/cannot write to stdout: ENOSPC.*Free disk space/);
  });
});

/** An export through a proxy that stops at the third page. */
async function stoppedAtThirdPage(name: string, ...args: string[]) {
  const proxy = await useBreakpointProxy(many.url, POSTGRES);
  const file = useFolder()(name);
  const stopped = proxy.stopAt({
    from: 'client',
    is: ({ text }) => text?.includes('as sized where bytes') === true,
    nth: 3,
  });
  const again = ['export', '--database-url', proxy.url(many.url), '--time-zone', 'UTC', '--to', file, ...args];
  const child = useChild(program, { args: again, cwd: tmpdir() });
  await stopped;
  await eventually(() => JSON.parse(readFileSync(`${file}.part.json`, 'utf8')).records === 1100);
  return { child, file, again };
}

/** An export that takes seconds. */
async function slowly(name: string) {
  const proxy = await useProxy(many.url);
  const file = useFolder()(name);
  proxy.throttle(400_000, { direction: 'down' });
  const again = ['export', '--database-url', proxy.url(many.url), '--to', file];
  return { proxy, file, again, child: useChild(program, { args: again, cwd: tmpdir() }) };
}

describe('the same command again', () => {
  test.each(['logs.ndjson', 'logs.ndjson.gz', 'logs.csv'])(
    'continues after kill -9, after the last whole record: %s',
    async (name) => {
      const whole = useFolder()(name);
      expect((await loghive(['export', '--database-url', many.url, '--to', whole])).code).toBe(0);
      const { child, file, again } = await stoppedAtThirdPage(name);
      await child.kill('SIGKILL');
      expect(existsSync(file)).toBe(false);
      // What the killed process was writing.
      appendFileSync(`${file}.part`, zlib.gzipSync('half of a record').subarray(0, 20));
      // Stored after the first start, which fixed the end.
      const { id } = (
        await many.sql(`insert into logs.records (id, ts, service, level, message, information)
        values (gen_random_uuid(), '2026-01-31T11:00:00Z', 'shop', 'INFO', 'later', '{}') returning id`)
      )[0];
      const { code, stdout, stderr } = await loghive(again);
      await many.sql('delete from logs.records where id = $1', [id]);
      expect([code, stderr]).toEqual([0, ['loghive export: continuing after 1100 records.']]);
      expect(stdout[0]).toContain('3000 records exported');
      const read = (each: string) => {
        const bytes = readFileSync(each);
        return (name.endsWith('.gz') ? zlib.gunzipSync(bytes) : bytes).toString();
      };
      expect(read(file)).toBe(read(whole));
      expect(readdirSync(path.dirname(file))).toEqual([name]);
    },
  );

  test('continues after Ctrl-C, which says so', async () => {
    const { child, file, again } = await slowly('logs.ndjson');
    await eventually(() => JSON.parse(readFileSync(`${file}.part.json`, 'utf8')).records > 0);
    expect(await child.kill('SIGINT')).toEqual({ code: null, signal: 'SIGINT' });
    expect(child.stderr).toEqual([
      expect.stringMatching(
        /^loghive export: stopped after \d+ records, which are in .*\.part\. To continue, run the same/,
      ),
    ]);
    expect((await loghive(again)).code).toBe(0);
    expect(messagesIn(readFileSync(file))).toEqual(ofMany(1, 3000));
  });

  test('with an age continues the range of the first start', async () => {
    const { child, file, again } = await stoppedAtThirdPage('logs.ndjson', '--since', '520w');
    await child.kill();
    const { range } = JSON.parse(readFileSync(`${file}.part.json`, 'utf8'));
    const { stdout } = await loghive(again);
    expect(stdout[0]).toContain('3000 records exported');
    expect(range).toEqual({ since: expect.stringMatching(/^20/), until: '2026-01-31T10:00:03.000001Z' });
  });

  test('of another query or range is refused, unless it is to discard the unfinished export', async () => {
    const { child, file, again } = await stoppedAtThirdPage('logs.ndjson');
    const running = await loghive(again);
    expect(running.stderr.join()).toMatch(/process \d+ is writing .*\.part\. Wait for it, or name another file\.$/);
    await child.kill();
    const query = await loghive([...again, 'level:info']);
    expect([query.code, query.stderr.join()]).toEqual([
      1,
      expect.stringMatching(
        /is another unfinished export \(1100 records so far\): its query is none, not 'level:info'\. Discard it with --force/,
      ),
    ]);
    expect((await loghive([...again, '--since', '1h'])).stderr.join()).toContain(
      "its range is none, not '--since 1h --time-zone UTC'",
    );
    const forced = await loghive([...again, 'order.id:7', '--force']);
    expect(forced.stdout[0]).toContain('no records match');
    expect(readdirSync(path.dirname(file))).toEqual(['logs.ndjson']);
  });

  test('refuses a part that is not its own, or was changed', async () => {
    const file = useFolder()('logs.ndjson');
    writeFileSync(`${file}.part`, 'mine');
    expect((await exporting('--to', file)).stderr.join()).toMatch(/part\.json does not tell what it is\. .*--force/);
    const { child, file: cut, again } = await stoppedAtThirdPage('logs.ndjson');
    await child.kill();
    writeFileSync(`${cut}.part`, 'short');
    expect((await loghive(again)).stderr.join()).toMatch(/has 5 bytes, but had \d+: it was changed\. .*--force/);
  });

  test('continues after a full disk, as the message says', { timeout: 60_000 }, async () => {
    const disk = await mountSmallDisk(2 * 1024 * 1024);
    // This user cannot mount one. /dev/full above is a full disk for everyone.
    if (disk === undefined) return;
    onEnd(() => disk.unmount());
    const file = path.join(disk.folder, 'logs.ndjson');
    const again = ['export', '--database-url', many.url, '--to', file];
    const full = await loghive(again);
    expect([full.code, full.stderr]).toEqual([
      1,
      [
        expect.stringMatching(
          /^loghive export: stopped after \d+ records, which are in .*\.part\. To continue, run the/,
        ),
        expect.stringMatching(/^loghive: cannot write .*ENOSPC: no space left on device, write\. Free disk space\.$/),
      ],
    ]);
    // More space: the file is continued in another place.
    const folder = useFolder();
    mkdirSync(folder('moved'));
    for (const name of readdirSync(disk.folder)) {
      writeFileSync(folder(`moved/${name}`), readFileSync(path.join(disk.folder, name)));
    }
    const moved = await loghive(['export', '--database-url', many.url, '--to', folder('moved/logs.ndjson')]);
    expect(moved.code).toBe(0);
    expect(messagesIn(readFileSync(folder('moved/logs.ndjson')))).toEqual(ofMany(1, 3000));
  });
});

test('a database that goes away for a while is waited for', { timeout: 60_000 }, async () => {
  const { proxy, file, child } = await slowly('logs.ndjson');
  await eventually(() => existsSync(`${file}.part.json`) && proxy.bytesDown > 500_000);
  await proxy.refuse();
  await proxy.cut();
  await child.waitForLine(/^loghive export: PostgreSQL: nothing listens at .* Reconnecting\.$/);
  await proxy.heal();
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(child.stderr.at(-1)).toBe('loghive export: connected again.');
  expect(messagesIn(readFileSync(file))).toEqual(ofMany(1, 3000));
});

test('a database that is not there at the start ends the export', async () => {
  const file = useFolder()('logs.ndjson');
  const { code, stderr } = await loghive(['export', '--database-url', 'postgres://u@127.0.0.1:1/d', '--to', file]);
  expect([code, stderr]).toEqual([
    1,
    [expect.stringMatching(/^loghive: PostgreSQL: nothing listens at 127\.0\.0\.1:1\./)],
  ]);
  expect(existsSync(`${file}.part`)).toBe(false);
});

test('a progress bar is for terminals', async () => {
  const file = useFolder()('logs.ndjson');
  const command = `${process.execPath} ${program} export --database-url '${many.url}' --to ${file}`;
  const terminal = useTerminal(`sh -c "${command}"`, { cwd: tmpdir() });
  await terminal.shows(/exporting \[#*-*\] +\d+% {2}\d+ records, [\d.]+ [KM]iB/);
  expect(await terminal.ended).toBe(0);
  expect(terminal.text()).toContain('3000 records exported');
});
