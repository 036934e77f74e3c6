/** `loghive import`, run as a process on a real table. */
import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import zlib from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LEVELS, type Level } from '../../src/level.js';
import type { StoredRecord } from '../../src/record.js';
import { formatTimestamp } from '../../src/time/timestamp.js';
import { uuidv7 } from '../../src/uuid.js';
import { item, itemList, newStore, type TestStore, write } from '../consumer/store/database.js';
import { useChild, useDatabase, useProxy } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';
import { useTerminal } from './dev-terminal.js';
import { loghive, program } from './run-loghive.js';
import { useFolder } from './use-folder.js';

const isZstdSupported = 'zstdCompressSync' in zlib;

/** Everything that is stored, as PostgreSQL writes it. */
const storedIn = ({ sql }: Pick<TestStore, 'sql'>) =>
  sql('select id, ts::text, service, level, message, information::text from logs.records order by ts, id');
const countIn = async ({ sql }: Pick<TestStore, 'sql'>) =>
  (await sql('select count(*)::int as n from logs.records'))[0].n as number;

function lineOf({ id, service, level, message, information, timestamp }: StoredRecord): string {
  const head = JSON.stringify({ id, service, level, message }).slice(0, -1);
  return `${head},"information":${information},"timestamp":"${timestamp}"}`;
}

const records = (count: number) => itemList(count).map(({ record }) => record);
const linesOf = (some: readonly StoredRecord[]) => `${some.map(lineOf).join('\n')}\n`;
const importing = (url: string, args: string[], env: Record<string, string> = {}) =>
  loghive(['import', '--database-url', url, ...args], env);

/** An import of 20,000 records through a slow proxy, which has stored some of them. */
async function useHalfDone() {
  const target = await newStore();
  const proxy = await useProxy(target.url);
  const file = useFolder()('a.ndjson');
  writeFileSync(file, linesOf(records(20_000)));
  proxy.throttle(1_000_000, { direction: 'up' });
  const child = useChild(program, { args: ['import', '--database-url', proxy.url(target.url), file], cwd: tmpdir() });
  await eventually(async () => (await countIn(target)) > 0, { withinMs: 30_000 });
  return { target, proxy, file, child };
}

describe('what was exported', () => {
  /** PostgreSQL cannot store NUL. */
  const text = fc
    .oneof(
      fc.string({ unit: 'binary', maxLength: 30 }),
      fc.array(
        fc.constantFrom(
          '"',
          '""',
          ',',
          '\n',
          '\r\n',
          '\r',
          '\\',
          '\t',
          ' ',
          'ü',
          '😀',
          '\x1b[31m',
          '\x85',
          '\u2028',
          "'",
        ),
      ),
    )
    .map((found) => (typeof found === 'string' ? found : found.join('')).replaceAll('\0', ''));
  const number = fc.constantFrom('9007199254740993', '-0.10', '123456789012345678901234567890.5', '1e300');
  const { value } = fc.letrec<{ value: string }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 6, withCrossShrink: true },
      number,
      text.map((each) => JSON.stringify(each)),
      fc.constantFrom('null', 'true'),
      fc.array(tie('value'), { maxLength: 3 }).map((items) => `[${items}]`),
      objectOf(tie('value')),
    ),
  }));
  function objectOf(members: fc.Arbitrary<string>): fc.Arbitrary<string> {
    return fc
      .array(fc.tuple(text, members), { maxLength: 3 })
      .map((all) => `{${all.map(([name, json]) => `${JSON.stringify(name)}:${json}`)}}`);
  }
  const record: fc.Arbitrary<StoredRecord> = fc.record({
    id: fc.integer({ min: 0, max: 2 ** 40 }).map((n) => uuidv7(n * 1000)),
    timestamp: fc
      .tuple(fc.integer({ min: -60_000_000_000, max: 250_000_000_000 }), fc.integer({ min: 0, max: 999_999 }))
      .map(([seconds, micros]) => formatTimestamp({ seconds, micros })),
    service: fc.constantFrom('shop', 'a "b", c', 'ünï'),
    level: fc.constantFrom<Level>(...LEVELS),
    message: text,
    information: objectOf(value),
  });

  test('is what is imported: every id, time and value', { timeout: 120_000 }, async () => {
    const names = ['a.ndjson', 'a.ndjson.gz', 'a.csv', 'a.csv.gz', ...(isZstdSupported ? ['a.ndjson.zst'] : [])];
    const all = fc.uniqueArray(record, { minLength: 200, maxLength: 300, selector: ({ id }) => id });
    await fc.assert(
      fc.asyncProperty(all, async (made) => {
        const source = await newStore();
        const file = useFolder();
        await write(
          source.store,
          made.map((each) => item(each)),
        );
        const expected = await storedIn(source);
        expect(expected).toHaveLength(made.length);
        for (const name of names) {
          await loghive(['export', '--database-url', source.url, '--to', file(name)]);
          const target = await newStore();
          const { code, stdout, stderr } = await importing(target.url, [file(name)]);
          expect([code, stdout, stderr]).toEqual([
            0,
            [`${made.length} records stored, 0 already there, 0 refused.`],
            [],
          ]);
          expect(await storedIn(target)).toEqual(expected);
        }
      }),
      { numRuns: 2, endOnFailure: true },
    );
  });

  test('is stored once, however often it is imported', async () => {
    const { url, store, sql } = await newStore();
    const some = itemList(30);
    await write(store, some.slice(0, 10));
    const file = useFolder()('logs.ndjson');
    writeFileSync(file, linesOf(some.map((each) => each.record)));
    expect((await importing(url, [file])).stdout).toEqual(['20 records stored, 10 already there, 0 refused.']);
    const again = await importing(url, [file, '-o', 'json']);
    expect(JSON.parse(again.stdout[0]!)).toEqual({
      ...{ stored: 0, alreadyThere: 30, refused: 0, expired: 0, withoutId: 0, dryRun: false },
    });
    expect(await countIn({ sql })).toBe(30);
  });

  test('may also be the output of a search, whose time has another name', async () => {
    const source = await newStore();
    await write(
      source.store,
      itemList(5, (n) => ({ information: `{"ts":${n},"timestamp":"mine"}` })),
    );
    for (const format of ['ndjson', 'csv']) {
      const { stdout } = await loghive(['search', '--database-url', source.url, '-o', format]);
      const target = await newStore();
      const file = useFolder()('found');
      writeFileSync(file, stdout.join('\n'));
      expect((await importing(target.url, [file])).code).toBe(0);
      expect(await storedIn(target)).toEqual(await storedIn(source));
    }
  });
});

describe('bad records', () => {
  test('are named by file and line, the first ten of them, and the others are stored', async () => {
    const target = await newStore();
    const [one, two] = records(2) as [StoredRecord, StoredRecord];
    const file = useFolder();
    const bad = ['{"service":"shop"', '[]', '{"service":"shop","message":"x"}', '{"service":"shop","level":"info"}'];
    writeFileSync(file('a.ndjson'), [lineOf(one), ...bad, '', ...Array(8).fill('no'), lineOf(two)].join('\r\n'));
    const { code, stdout, stderr } = await importing(target.url, [file('a.ndjson')]);
    expect(code).toBe(1);
    expect(stdout).toEqual(['2 records stored, 0 already there, 12 refused.']);
    const at = (line: number, reason: string) =>
      expect.stringMatching(new RegExp(`^loghive import: ${file('a.ndjson')}:${line}: refused: ${reason}`));
    expect(stderr).toEqual([
      at(2, 'it is not JSON: '),
      at(3, 'it is JSON, but an array$'),
      at(4, 'field "level" is missing$'),
      at(5, 'it has no time: field "timestamp" is missing'),
      ...[7, 8, 9, 10, 11, 12].map((line) => at(line, 'it is not JSON: ')),
      'loghive import: 2 more records were refused.',
    ]);
    expect((await storedIn(target)).map(({ id }) => id).sort()).toEqual([one.id, two.id].sort());
  });

  test('are those that only PostgreSQL refuses, too', async () => {
    const target = await newStore();
    const [one, two] = records(2) as [StoredRecord, StoredRecord];
    const file = useFolder()('a.ndjson');
    writeFileSync(file, linesOf([one, { ...two, information: '{"n":1e200000}' }]));
    const { code, stdout, stderr } = await importing(target.url, [file]);
    expect([code, stdout]).toEqual([1, ['1 record stored, 0 already there, 1 refused.']]);
    expect(stderr.join()).toMatch(/a\.ndjson:2: refused: PostgreSQL refuses it: .*\(SQLSTATE 22\d{3}\)$/);
  });

  test('are rows of csv with a wrong cell, and rows after them are read', async () => {
    const target = await newStore();
    const file = useFolder()('a.csv');
    const head = 'id,ts,service,level,message,information,host';
    const id = '01993f0e-0000-7000-8000-000000000001';
    writeFileSync(
      file,
      [
        `\ufeff${head}`,
        `${id},2026-01-31T10:30:00Z,shop,info,"two\nlines","{""a"":1}",web-1`,
        `${id},2026-01-31T10:30:00Z,shop`,
        `${id},2026-01-31T10:30:00Z,shop,info,x,"{},""level"":1",`,
        `${id},2026-01-31T10:30:00Z,shop,info,"x"y,{},`,
        ',2026-01-31T10:30:01Z,shop,warn,,,',
      ].join('\n'),
    );
    const { code, stdout, stderr } = await importing(target.url, [file]);
    expect([code, stdout]).toEqual([1, ['2 records stored, 0 already there, 3 refused.']]);
    expect(stderr.map((line) => line.replace(/^.*a\.csv/, 'a.csv'))).toEqual([
      'a.csv:4: refused: it has 3 cells, but the header has 7',
      expect.stringMatching(/^a\.csv:5: refused: its information is not JSON: /),
      'a.csv:6: refused: it is not csv: text follows the quote of cell 5',
      expect.stringContaining('1 record has no id'),
    ]);
    expect((await storedIn(target)).map(({ message, level, information }) => [message, level, information])).toEqual([
      ['two\nlines', 'INFO', '{"a": 1, "host": "web-1"}'],
      ['', 'WARNING', '{"level": "warn"}'],
    ]);
  });

  test('are none if they are only older than the retention: they are counted as expired', async () => {
    const target = await newStore();
    const now = Date.now();
    const aged = [0, 3, 20].map((days) => ({
      ...records(1)[0]!,
      timestamp: formatTimestamp({ seconds: Math.floor(now / 1000) - days * 86_400, micros: 0 }),
    }));
    const file = useFolder()('a.ndjson');
    writeFileSync(file, linesOf(aged));
    const retention = { RETENTION_DAYS: '10', RETENTION_DAYS_INFO: '2' };
    const { code, stdout } = await importing(target.url, [file], retention);
    expect([code, stdout]).toEqual([0, ['1 record stored, 0 already there, 0 refused, 2 expired.']]);
    expect(await countIn(target)).toBe(1);
  });
});

test('a record without an id gets one of its time, and the command says what that means', async () => {
  const target = await newStore();
  const file = useFolder()('a.ndjson');
  writeFileSync(file, '{"service":"shop","level":"info","message":"x","timestamp":"2026-01-31T10:30:00Z"}\n');
  const { code, stderr } = await importing(target.url, [file]);
  expect([code, stderr]).toEqual([
    0,
    ['loghive import: 1 record has no id. Importing the file again stores it again.'],
  ]);
  expect((await storedIn(target))[0].id).toMatch(/^019c139a-3840-7/);
});

test('records of past years get partitions of their own, so that the default partition stays small', async () => {
  const target = await newStore();
  const day = formatTimestamp({ seconds: Math.floor(Date.now() / 1000) - 400 * 86_400, micros: 0 });
  const file = useFolder()('a.ndjson');
  writeFileSync(file, linesOf([{ ...records(1)[0]!, timestamp: day }]));
  await importing(target.url, [file]);
  const [row] = await target.sql('select tableoid::regclass::text as part from logs.records');
  expect(row.part).toBe(`logs.records_${day.slice(0, 10).replaceAll('-', '')}`);
});

test('--dry-run checks the records, and needs no database', async () => {
  const file = useFolder()('a.ndjson');
  writeFileSync(file, `${linesOf(records(3))}no\n`);
  const { code, stdout, stderr } = await loghive(['import', '--dry-run', file]);
  expect([code, stdout]).toEqual([1, ['3 records can be stored, 1 refused. Nothing was stored.']]);
  expect(stderr.join()).toContain('a.ndjson:4: refused: it is not JSON');
});

describe('files', () => {
  test('may come from stdin, and their content tells compression and format', async () => {
    const target = await newStore();
    const some = records(6);
    const file = useFolder();
    writeFileSync(file('renamed'), zlib.gzipSync(linesOf(some.slice(0, 2))));
    // Several members, as "cat one.gz other.gz" makes them.
    const members = some.slice(2, 4).map((each) => zlib.gzipSync(linesOf([each])));
    writeFileSync(file('two.ndjson'), Buffer.concat(members));
    const args = ['import', '--database-url', target.url, file('renamed'), '-', file('two.ndjson')];
    const child = useChild(program, { args, cwd: tmpdir() });
    child.stdin.end(
      `id,ts,service,level,message,information\n${some
        .slice(4)
        .map(({ id, timestamp, service, level, message }) => `${id},${timestamp},${service},${level},${message},{}\n`)
        .join('')}`,
    );
    await child.exited;
    expect(child.lines).toEqual(['6 records stored, 0 already there, 0 refused.']);
    expect((await storedIn(target)).map(({ id }) => id).sort()).toEqual(some.map(({ id }) => id).sort());
  });

  test('that are cut off are imported up to there, and reported; others are imported whole', async () => {
    const target = await newStore();
    const some = records(40);
    const file = useFolder();
    const whole = Buffer.concat([
      zlib.gzipSync(linesOf(some.slice(0, 20))),
      zlib.gzipSync(linesOf(some.slice(20, 30))),
    ]);
    writeFileSync(file('cut.ndjson.gz'), whole.subarray(0, -5));
    writeFileSync(file('fine.ndjson'), linesOf(some.slice(30)));
    const { code, stderr } = await importing(target.url, [file('cut.ndjson.gz'), file('fine.ndjson')]);
    expect(code).toBe(1);
    expect(stderr.join()).toMatch(/cut\.ndjson\.gz is damaged or not complete \(gzip: unexpected end of file\)/);
    const ids = new Set((await storedIn(target)).map(({ id }) => id));
    for (const { id } of [...some.slice(0, 20), ...some.slice(30)]) expect(ids).toContain(id);
  });

  test.each<[string, string | undefined, RegExp]>([
    ['missing.ndjson', undefined, /^loghive: cannot read .*missing\.ndjson: ENOENT.* Check the path\.$/],
    ['empty.ndjson', '', /^$/],
    ['some', 'hello\n', /^loghive import: .*some is neither JSON lines nor csv .*--format\.$/],
    ['some.csv', 'a,b\n1,2\n', /^loghive import: the first row of .*some\.csv names no column service and level\./],
    ['array.json', '[\n{}\n]\n', /^loghive import: .*array\.json is neither JSON lines nor csv/],
  ])('%s: a remedy if it is not what it should be', async (name, content, message) => {
    const file = useFolder()(name);
    if (content !== undefined) writeFileSync(file, content);
    const { code, stderr } = await loghive(['import', '--dry-run', file]);
    expect(stderr.join('\n')).toMatch(message);
    expect(code).toBe(content === '' ? 0 : 1);
  });

  test('that are compressed by zstd are read by a Node that can', async () => {
    const file = useFolder()('logs.ndjson.zst');
    writeFileSync(file, Buffer.from(ZSTD_OF_TWO_FRAMES, 'base64'));
    const { code, stdout, stderr } = await loghive(['import', '--dry-run', file]);
    if (isZstdSupported)
      expect([code, stdout[0]]).toEqual([0, '2 records can be stored, 0 refused. Nothing was stored.']);
    else
      expect([code, stderr.join()]).toEqual([
        1,
        expect.stringMatching(/is compressed by zstd, which Node .* zstdcat /),
      ]);
    writeFileSync(file, Buffer.from(ZSTD_OF_TWO_FRAMES, 'base64').subarray(0, -3));
    if (isZstdSupported) {
      const cut = await loghive(['import', '--dry-run', file]);
      expect([cut.code, cut.stderr.join()]).toEqual([1, expect.stringMatching(/not complete \(zstd: it is cut off\)/)]);
    }
  });
});

/** One record in each frame. */
const ZSTD_OF_TWO_FRAMES =
  'KLUv/SSd/QMAIogbH2BFnAO1WfNsOz+yYRKXmpDRQtny0NxfTCcT0oHDOgGByIwP8vqlz0UulVeE44fVjWNOXNccpwhSM685zMGnMM3JKYCbwAfAYlznZMUhgbB62WcXJzcvIFq9jfbAjU7OGwrq/9VeWQiStzpphgIFAIwTqKFCwa0Au2CVJsQILk4otS/9IJ3tAwDiRxocYGt1KAP2Gf+8iExj7o1/hvLJuW0bYjYzBC8BEYCHFxes65leKRRL6mmwvqxuXptyn5tGj0fNQDfbi1BhXCBuEmGjSbnPyAkD4mD1ss4uRm6gQ1q9DOfElUZeLxDS/6e9whBE3erE+QkGAIITeFUUDRUKbgXYBas0AQ==';

describe('the database', () => {
  test('that was not migrated is named with its remedy', async () => {
    const { url } = await useDatabase();
    const file = useFolder()('a.ndjson');
    writeFileSync(file, linesOf(records(1)));
    const { code, stderr } = await importing(url, [file]);
    expect(code).toBe(1);
    expect(stderr.join('\n')).toMatch(
      /schema logs of database \S+ lacks Loghive's tables or types: .* Run "loghive migrate"\./,
    );
  });

  test('that goes away for a while is waited for, and every record is stored once', { timeout: 60_000 }, async () => {
    const { target, proxy, child } = await useHalfDone();
    await proxy.refuse();
    await proxy.cut();
    await child.waitForLine(/^loghive import: PostgreSQL cannot store records: .* Reconnecting\.$/);
    await proxy.heal();
    expect(await child.exited).toEqual({ code: 0, signal: null });
    expect(child.stderr.at(-1)).toBe('loghive import: connected again.');
    expect(await countIn(target)).toBe(20_000);
  });

  test('keeps what was committed before Ctrl-C, and the same command stores the rest', {
    timeout: 60_000,
  }, async () => {
    const { target, file, child } = await useHalfDone();
    expect(await child.kill('SIGINT')).toEqual({ code: null, signal: 'SIGINT' });
    const [, stored] = /^loghive import: stopped: (\d+) records stored, 0 .* no record is stored twice\.$/.exec(
      child.stderr.join(),
    )!;
    expect(await countIn(target)).toBe(Number(stored));
    const { stdout } = await importing(target.url, [file]);
    expect(stdout).toEqual([`${20_000 - Number(stored)} records stored, ${stored} already there, 0 refused.`]);
    expect(await countIn(target)).toBe(20_000);
  });
});

test('Ctrl-C ends it while it waits for stdin, and what was read is stored', async () => {
  const target = await newStore();
  const child = useChild(program, { args: ['import', '--database-url', target.url, '-'], cwd: tmpdir() });
  // More than is read ahead to find out compression and format.
  const some = records(40_000);
  child.stdin.write(linesOf(some));
  await eventually(async () => (await countIn(target)) > 0, { withinMs: 30_000 });
  expect(await child.kill('SIGINT')).toEqual({ code: null, signal: 'SIGINT' });
  const stored = await countIn(target);
  expect(child.stderr).toEqual([
    expect.stringContaining(`stopped: ${stored} records stored, 0 already there, 0 refused.`),
  ]);
});

test('a progress bar is for terminals', async () => {
  const file = useFolder()('a.ndjson');
  writeFileSync(file, linesOf(records(5000)));
  const command = `${process.execPath} ${program} import --dry-run ${file}`;
  const terminal = useTerminal(`sh -c "${command}"`, { cwd: tmpdir() });
  await terminal.shows(/importing \[#+-*\] +\d+% {2}\d+ records/);
  expect(await terminal.ended).toBe(0);
  expect(terminal.text()).toContain('5000 records can be stored');
});

test('imported records cause no alerts', async () => {
  const target = await newStore();
  const file = useFolder()('a.ndjson');
  writeFileSync(file, linesOf(records(3).map((each) => ({ ...each, level: 'CRITICAL' }))));
  const alerts = {
    ...{ ENABLE_EMAIL_MONITORING: 'true', EMAIL_HOST: '127.0.0.1', EMAIL_SENDER_EMAIL: 'a@example.org' },
    ...{ EMAIL_SENDER_PASSWORD: 'x', EMAIL_RECIPIENTS: 'b@example.org' },
  };
  expect((await importing(target.url, [file], alerts)).code).toBe(0);
  expect(await target.sql('select * from logs.alert_events')).toEqual([]);
});

test.each<[string[], number, RegExp]>([
  [[], 2, /missing required argument 'files'/],
  [['-', '-'], 2, /'-', which is stdin, is given more than once/],
  [['--format', 'xml', 'a'], 2, /argument 'xml' is invalid\. Allowed choices are ndjson, csv/],
])('%j is a usage error', async (args, code, message) => {
  const result = await loghive(['import', ...args]);
  expect(result.stderr.join(' ')).toMatch(message);
  expect(result.code).toBe(code);
});

test('the file that was read is not changed', async () => {
  const file = useFolder()('a.ndjson');
  const content = linesOf(records(2));
  writeFileSync(file, content);
  await loghive(['import', '--dry-run', file]);
  expect(readFileSync(file, 'utf8')).toBe(content);
});
