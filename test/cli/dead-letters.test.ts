/** Commands that inspect, replay and delete dead letters with arbitrary content. */
import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { type FilterOptions, filterOf } from '../../cli/dead-letters/filter.js';
import { createConsumer } from '../../consumer/index.js';
import { openAdministration } from '../../consumer/store/index.js';
import { uuidv7 } from '../../src/uuid.js';
import { newStore, openClient, testConfig, writeLetters } from '../consumer/store/database.js';
import { onEnd, uniqueName, useBroker, useChild } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';
import { useTerminal } from './dev-terminal.js';
import { loghive, program } from './run-loghive.js';

const letterOf = (raw: string | Buffer, changes: object = {}) => ({
  raw: Buffer.from(raw),
  code: 'invalid',
  reason: 'it is not JSON',
  attempts: 1,
  queue: 'shop_info_logs',
  routingKey: 'shop.info',
  headers: {},
  ...changes,
});

async function useTables() {
  const { store, url, sql } = await newStore();
  const run = (command: string, ...args: string[]) =>
    loghive(['dead-letters', command, ...args, '--database-url', url]);
  return { store, url, sql, run, write: (...letters: ReturnType<typeof letterOf>[]) => writeLetters(store, letters) };
}

/** Controls a terminal, reverses the text direction, ends a line. */
const HOSTILE = '\x1b]0;title\x07\x1b[2J\u202eevil\u009b31m\r\nnext';
const STEERING = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u2028]/;

describe('dead letters', () => {
  test('that do not exist are handled by every command', { timeout: 60_000 }, async () => {
    const { run } = await useTables();
    expect(await run('list')).toEqual({ code: 0, stdout: ['no dead letters.'], stderr: [] });
    expect(await run('list', '-o', 'json')).toEqual({ code: 0, stdout: [], stderr: [] });
    expect(await run('export')).toEqual({ code: 0, stdout: [], stderr: [] });
    expect(await run('drop')).toEqual({ code: 0, stdout: ['0 dead letters deleted.'], stderr: [] });
    expect(await run('replay', '--url', 'amqp://127.0.0.1:1')).toEqual({
      code: 0,
      stdout: ['0 dead letters replayed.'],
      stderr: [],
    });
    const shown = await run('show', '7');
    expect(shown).toMatchObject({ code: 2, stdout: [] });
    expect(shown.stderr).toEqual(['loghive: there is no dead letter 7; run "loghive dead-letters list" to see all.']);
  });

  test('cannot control the terminal, and are exported byte for byte', async () => {
    const { run, write } = await useTables();
    const bytes = Buffer.from([0, 1, 0xff, 0xfe, 0x1b, 0x5b, 0x32, 0x4a]);
    await write(
      letterOf(HOSTILE, {
        reason: HOSTILE,
        queue: HOSTILE,
        routingKey: HOSTILE,
        code: HOSTILE,
        service: HOSTILE,
        headers: { [HOSTILE]: HOSTILE },
      }),
    );
    await write(letterOf(bytes));
    const calls = [
      ['list'],
      ['show', '1'],
      ['show', '2'],
      ['list', '-o', 'json'],
      ['show', '1', '-o', 'json'],
      ['export'],
    ];
    const answers = await Promise.all(calls.map(([command = '', ...args]) => run(command, ...args)));
    for (const { code, stdout, stderr } of answers) {
      expect([code, stderr]).toEqual([0, []]);
      expect(stdout.filter((line) => STEERING.test(line))).toEqual([]);
    }
    const [, text, dump, , , lines] = answers.map(({ stdout }) => stdout);
    expect(text).toContain('    \\x1b]0;title\\x07\\x1b[2J\\u202eevil\\x9b31m');
    expect(text).toContain('    next');
    expect(dump).toContain('    00000000  00 01 ff fe 1b 5b 32 4a                          |.....[2J|');
    const [one, other] = lines!.map((line) => JSON.parse(line));
    expect(one).toMatchObject({
      id: '1',
      text: HOSTILE,
      reason: HOSTILE,
      queue: HOSTILE,
      headers: { [HOSTILE]: HOSTILE },
    });
    expect(Buffer.from(other.raw, 'base64')).toEqual(bytes);
    expect(other).toMatchObject({ id: '2', text: null, seen: 1, attempts: 1 });
  });

  test('are selected by filters that are combined', async () => {
    const { run, write, sql, url } = await useTables();
    await write(
      letterOf('a'),
      letterOf('b', { queue: 'shop_error_logs', code: '22P05', service: 'shop', level: 'ERROR' }),
    );
    await write(letterOf('c', { queue: 'shop.api_error_logs', service: 'shop.api', level: 'ERROR', code: '23514' }));
    await sql(`update logs.dead_letters set last_seen = now() - interval '3 days' where raw = 'c'`);
    const tables = openAdministration(testConfig(url));
    onEnd(() => tables.close());
    const ids = async (options: FilterOptions = {}) => {
      const found = await tables.letters.list(filterOf('list', options), undefined, 100);
      const { letters } = await tables.letters.total(filterOf('list', options));
      expect(letters).toBe(found.length);
      const raws = await Promise.all(found.map(async ({ id }) => (await tables.letters.get(id))!.raw.toString()));
      return raws.sort().join('');
    };
    expect(await ids()).toBe('abc');
    expect(await ids({ service: 'shop' })).toBe('ab');
    expect(await ids({ level: 'error' })).toBe('bc');
    expect(await ids({ level: 'INFO' })).toBe('a');
    expect(await ids({ service: 'shop', level: 'ERROR' })).toBe('b');
    expect(await ids({ code: 'invalid' })).toBe('a');
    expect(await ids({ queue: 'shop.api_error_logs' })).toBe('c');
    expect(await ids({ since: '2d' })).toBe('ab');
    expect(await ids({ until: '2d' })).toBe('c');
    expect(await ids({ since: '2020-01-01', until: '2020-01-01T12:00+02' })).toBe('');
    expect(await ids({ id: '1, 3,99' })).toHaveLength(2);
    expect((await run('list', '--limit', '2')).stdout.at(-1)).toBe(
      '… only the newest 2 are shown; use --limit for more.',
    );
  });

  test('are deleted only after confirmation, and only those selected', { timeout: 60_000 }, async () => {
    const { run, write, sql, url } = await useTables();
    await write(letterOf('a'), letterOf('b'), letterOf('c', { code: '23514' }));
    const left = async () => (await sql('select count(*)::int as n from logs.dead_letters'))[0].n;
    const refused = await run('drop', '--code', 'invalid');
    expect(refused).toMatchObject({ code: 2, stdout: [] });
    expect(refused.stderr).toEqual([
      'loghive: dead-letters drop: Delete 2 dead letters permanently? Confirmation needs a terminal; pass --yes to skip it.',
    ]);
    const dry = await run('drop', '--dry-run');
    expect(dry.stdout).toEqual([
      'LETTERS  QUEUE           CODE',
      '      2  shop_info_logs  invalid',
      '      1  shop_info_logs  23514',
      '3 dead letters would be deleted. Nothing changed.',
    ]);
    expect(JSON.parse((await run('drop', '--dry-run', '-o', 'json')).stdout[0]!)).toMatchObject({
      dryRun: true,
      letters: 3,
    });
    expect(await left()).toBe(3);
    for (const [answer, count] of [
      ['n', 3],
      ['y', 1],
    ] as const) {
      const terminal = useTerminal(
        `${process.execPath} ${program} dead-letters drop --code invalid --database-url ${url}`,
        { cwd: tmpdir() },
      );
      await terminal.shows(/Delete 2 dead letters permanently\? \[y\/N\] /);
      terminal.type(`${answer}\r`);
      expect(await terminal.ended).toBe(0);
      expect(await left()).toBe(count);
    }
    expect(await run('drop', '--yes', '-o', 'json')).toEqual({ code: 0, stdout: ['{"deleted":1}'], stderr: [] });
  });

  test('are read and deleted in pages, even if one is larger than a page', { timeout: 60_000 }, async () => {
    const { run, write, sql } = await useTables();
    await sql(`insert into logs.dead_letters (fingerprint, raw, code, reason, attempts, queue, routing_key, headers)
      select sha256(n::text::bytea), n::text::bytea, 'invalid', 'r', 1, 'q', 'k', '{}' from generate_series(1, 1201) n`);
    await write(letterOf(Buffer.alloc(9 * 1024 * 1024, 'x')), letterOf('last'));
    const lines = (await run('export')).stdout;
    expect(new Set(lines.map((line) => JSON.parse(line).id)).size).toBe(1203);
    expect((await run('drop', '--yes', '--until', '1w')).stdout).toEqual(['0 dead letters deleted.']);
    expect((await run('drop', '--yes')).stdout).toEqual(['1203 dead letters deleted.']);
    expect(await sql('select 1 from logs.dead_letters')).toEqual([]);
  });
});

/** A consumer whose records are all refused by a trigger, to get real dead letters. */
async function useConsumer(retryDelaysMs: number[] = []) {
  const { url: databaseUrl, sql } = await newStore();
  const broker = await useBroker();
  const service = uniqueName('svc');
  const consumer = createConsumer([service], { url: broker.url, databaseUrl, retryDelaysMs });
  onEnd(() => consumer.stop());
  await sql(`create function logs.no() returns trigger language plpgsql as $$
    begin if new.message <> 'probe' then raise exception 'no' using errcode = '23514'; end if; return new; end $$`);
  const refuse = () => sql('create trigger no before insert on logs.records for each row execute function logs.no()');
  const servers = ['--url', broker.url, '--database-url', databaseUrl];
  const letters = () => sql('select * from logs.dead_letters order by id');
  return { consumer, service, sql, refuse, servers, letters, broker, databaseUrl };
}

const recordOf = (service: string, message: string) => ({
  id: uuidv7(Date.now() * 1000),
  service,
  level: 'INFO',
  message,
  information: {},
  timestamp: new Date().toISOString(),
});

describe('a replay', () => {
  test('keeps what cannot be sent, and reports why', { timeout: 60_000 }, async () => {
    const { servers, sql, broker, consumer, service } = await useConsumer();
    await consumer.start();
    const insert = (queue: string) =>
      sql(
        `insert into logs.dead_letters (fingerprint, raw, code, reason, attempts, queue, routing_key, headers)
         values (sha256($1::text::bytea), convert_to($2, 'UTF8'), '23514', 'r', 1, $1, 'failure.backoff', '{}')`,
        [queue, JSON.stringify(recordOf(service, queue))],
      );
    // The last one is a queue of another application, which a publisher may have named in a header.
    for (const queue of [`${service}_info_logs`, 'gone_info_logs', 'failure_backoff', 'orders']) await insert(queue);
    const dry = await loghive(['dead-letters', 'replay', '--dry-run', '-o', 'json', ...servers]);
    expect(JSON.parse(dry.stdout[0]!)).toMatchObject({ dryRun: true, letters: 4 });
    const { code, stdout, stderr } = await loghive(['dead-letters', 'replay', '-o', 'json', ...servers]);
    expect(stderr).toEqual([]);
    expect(JSON.parse(stdout[0]!)).toEqual({
      replayed: 2,
      left: 2,
      kept: expect.arrayContaining([
        { reason: 'queue "gone_info_logs" does not exist; start a consumer of its service', letters: 1 },
        { reason: 'queue "orders" is not a queue of Loghive', letters: 1 },
      ]),
    });
    expect(code).toBe(1);
    await eventually(() => consumer.status().counts.stored === 2);
    expect(await sql('select queue from logs.dead_letters order by queue')).toEqual([
      { queue: 'gone_info_logs' },
      { queue: 'orders' },
    ]);
    expect((await broker.listQueues()).map(({ name }) => name)).not.toContain('orders');
  });

  test('stores records of every form with their original ids and times', { timeout: 60_000 }, async () => {
    const { consumer, service, sql, refuse, servers, letters, broker } = await useConsumer([100]);
    await refuse();
    await consumer.start();
    const { connect } = await import('amqplib');
    const connection = await connect(broker.url);
    onEnd(() => connection.close());
    const channel = await connection.createConfirmChannel();
    const { gzipSync } = await import('node:zlib');
    const [framed, zipped, kombu] = ['framed', 'zipped', 'kombu'].map((message) => recordOf(service, message));
    const publish = (body: Buffer, properties: object) =>
      channel.publish('logs_exchange', `${service}.info`, body, { persistent: true, ...properties });
    const lines = [JSON.stringify(framed), 'no record', JSON.stringify(kombu)].join('\n');
    publish(gzipSync(lines), {
      contentType: 'application/x-ndjson',
      headers: { compression: 'application/x-gzip', team: 'a' },
    });
    publish(gzipSync(JSON.stringify(zipped)), {
      contentType: 'application/json',
      contentEncoding: 'gzip',
      headers: { team: 'b' },
    });
    // In the format of the Python package: local time, two hours ahead of the message's timestamp.
    const { id: _, ...python } = { ...recordOf(service, 'python'), timestamp: '2026-01-31 12:00:00.5' };
    publish(Buffer.from(JSON.stringify(python)), {
      contentType: 'application/json',
      timestamp: Date.parse('2026-01-31T10:00:00Z') / 1000,
    });
    publish(Buffer.from('plain text'), {});
    await channel.waitForConfirms();
    await eventually(async () => (await letters()).length === 6);
    await sql('drop trigger no on logs.records');
    const { code, stdout } = await loghive(['dead-letters', 'replay', ...servers]);
    expect([code, stdout]).toEqual([0, ['6 dead letters replayed.']]);
    await eventually(() => consumer.status().counts.stored === 4);
    const rows = await sql(
      `select id, message, to_char(ts at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS') as ts from logs.records`,
    );
    const idOf = (message: string) => rows.find((row) => row.message === message).id;
    for (const record of [framed, zipped, kombu]) expect(idOf(record!.message)).toBe(record!.id);
    expect(rows.find(({ message }) => message === 'python').ts).toBe('2026-01-31 10:00:00.500');
    // Invalid records become dead letters again, and nothing else does.
    await eventually(async () => (await letters()).length === 2);
    expect((await letters()).map(({ raw }) => raw.toString()).sort()).toEqual(['no record', 'plain text']);
    // Twice: the same dead letter is stored again while its row is being deleted.
    for (let round = 0; round < 2; round++) {
      const before = (await letters()).map(({ id }) => id);
      await loghive(['dead-letters', 'replay', ...servers]);
      await eventually(async () => {
        const now = await letters();
        return now.length === 2 && !now.some(({ id }) => before.includes(id));
      });
    }
    // Messages are acknowledged after the commit.
    await eventually(async () => (await broker.listQueues()).every(({ messages }) => messages === 0));
  });

  test('loses none that is stored again before its row is deleted, if the consumer may only insert', async () => {
    const { store, url, sql } = await newStore();
    const again = letterOf('again');
    await writeLetters(store, [again]);
    const [{ fingerprint }] = await sql('select fingerprint from logs.dead_letters');
    const other = await openClient(url);
    const tables = openAdministration(testConfig(url));
    onEnd(() => tables.close());
    let inserted: Promise<unknown> = Promise.resolve();
    await tables.letters.republish({}, { after: '0', newest: '9' }, async ([letter]) => {
      inserted = other.query(
        `insert into logs.dead_letters (fingerprint, raw, code, reason, attempts, queue, routing_key, headers)
         values ($1, 'again', 'invalid', 'r', 1, 'q', 'k', '{}') on conflict (fingerprint) do nothing`,
        [fingerprint],
      );
      await eventually(async () => (await sql('select 1 from pg_locks where not granted')).length > 0);
      return [letter!.id];
    });
    await inserted;
    expect(await sql('select id::text from logs.dead_letters')).toEqual([{ id: expect.not.stringMatching(/^1$/) }]);
  });

  test('killed repeatedly at random moments, stores every record once', { timeout: 120_000 }, async () => {
    const { consumer, service, sql, servers } = await useConsumer();
    const COUNT = 6000;
    await consumer.start();
    const records = Array.from({ length: COUNT }, (_, n) => recordOf(service, `message ${n}`));
    for (let from = 0; from < COUNT; from += 1000) {
      await sql(
        `insert into logs.dead_letters (fingerprint, raw, code, reason, attempts, queue, routing_key, headers, service, level, record_id)
         select sha256(raw::bytea), raw::bytea, '23514', 'r', 6, $2, 'failure.backoff', '{}', $3, 'INFO', (raw::json->>'id')::uuid
         from unnest($1::text[]) raw`,
        [records.slice(from, from + 1000).map((record) => JSON.stringify(record)), `${service}_info_logs`, service],
      );
    }
    const left = async () => (await sql('select count(*)::int as n from logs.dead_letters'))[0].n as number;
    let kills = 0;
    for (let run = 0; (await left()) > 0; run++) {
      const child = useChild(program, { args: ['dead-letters', 'replay', ...servers], cwd: tmpdir() });
      if (run < 8) {
        const before = await left();
        // Some before the first page, some within a page.
        if (run % 2 === 1) await eventually(async () => !child.running || (await left()) < before);
        const at = performance.now() + Math.random() * (run % 2 === 1 ? 60 : 700);
        await eventually(() => !child.running || performance.now() > at, { everyMs: 5 });
        if (child.running) kills++;
        await child.kill();
      } else expect((await child.exited).code).toBe(0);
    }
    expect(kills).toBeGreaterThan(3);
    await eventually(() => consumer.status().counts.stored === COUNT, { withinMs: 60_000 });
    const stored = await sql('select id from logs.records');
    expect(stored).toHaveLength(COUNT);
    expect(new Set(stored.map(({ id }) => id))).toEqual(new Set(records.map(({ id }) => id)));
    expect(await left()).toBe(0);
  });

  test('continues after a lost connection, and stops gracefully on Ctrl-C', { timeout: 90_000 }, async () => {
    const { consumer, service, sql, servers, broker } = await useConsumer();
    await consumer.start();
    const COUNT = 5000;
    await sql(
      `insert into logs.dead_letters (fingerprint, raw, code, reason, attempts, queue, routing_key, headers)
       select sha256(n::text::bytea), convert_to(json_build_object('id', gen_random_uuid(), 'service', $2::text, 'level', 'INFO',
         'message', n::text, 'timestamp', now())::text, 'UTF8'), '23514', 'r', 1, $1, 'k', '{}' from generate_series(1, ${COUNT}) n`,
      [`${service}_info_logs`, service],
    );
    const left = async () => (await sql('select count(*)::int as n from logs.dead_letters'))[0].n as number;
    const child = useChild(program, { args: ['dead-letters', 'replay', ...servers], cwd: tmpdir() });
    await eventually(async () => (await left()) < COUNT);
    await broker.closeConnections();
    const before = await left();
    await eventually(async () => !child.running || (await left()) < before, { withinMs: 30_000 });
    await child.kill('SIGINT');
    const { code } = await child.exited;
    const rest = await left();
    if (rest > 0) {
      expect(code).toBe(1);
      expect(child.stderr.join()).toContain('SIGINT: stopping once the dead letters in flight are confirmed');
      expect(child.stdout).toEqual([`${COUNT - rest} dead letters replayed.`]);
      expect((await loghive(['dead-letters', 'replay', ...servers])).code).toBe(0);
    }
    await eventually(() => consumer.status().counts.stored === COUNT, { withinMs: 60_000 });
    expect(await sql('select count(*)::int as n, count(distinct id)::int as ids from logs.records')).toEqual([
      { n: COUNT, ids: COUNT },
    ]);
    expect(await left()).toBe(0);
  });

  test('without a broker, or with a full queue, changes nothing and reports why', { timeout: 60_000 }, async () => {
    const { store, url, sql } = await newStore();
    await writeLetters(store, [letterOf('a'), letterOf('b')]);
    const away = await loghive(['dead-letters', 'replay', '--url', 'amqp://127.0.0.1:1', '--database-url', url]);
    expect(away).toMatchObject({ code: 1, stdout: [] });
    expect(away.stderr.join()).toMatch(/^loghive: .*127\.0\.0\.1:1/);
    const broker = await useBroker();
    const { connect } = await import('amqplib');
    const connection = await connect(broker.url);
    onEnd(() => connection.close());
    const channel = await connection.createChannel();
    await channel.assertQueue('shop_info_logs', { arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' } });
    const full = await loghive(['dead-letters', 'replay', '--url', broker.url, '--database-url', url]);
    expect(full.code).toBe(1);
    expect(full.stdout).toEqual(['1 dead letter replayed.']);
    expect(full.stderr.join()).toMatch(
      /^loghive: 1 dead letter not replayed: queue "shop_info_logs" is full\. Start a consumer/,
    );
    expect(await sql('select count(*)::int as n from logs.dead_letters')).toEqual([{ n: 1 }]);
  });

  test('does not block a consumer that stores the same dead letter again', { timeout: 60_000 }, async () => {
    const { store, url, sql } = await newStore();
    await writeLetters(store, [letterOf('a'), letterOf('b')]);
    const broker = await useBroker();
    const { connect } = await import('amqplib');
    const connection = await connect(broker.url);
    onEnd(() => connection.close());
    const channel = await connection.createChannel();
    await channel.assertQueue('shop_info_logs', { arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' } });
    const child = useChild(program, {
      args: ['dead-letters', 'replay', '--url', broker.url, '--database-url', url],
      cwd: tmpdir(),
    });
    // The first dead letter fills the queue; the second is retried.
    const left = () => sql(`select convert_from(raw, 'UTF8') as text, seen::int from logs.dead_letters`);
    await eventually(async () => (await left()).length === 1);
    const [{ text }] = await left();
    await writeLetters(store, [letterOf(text)]);
    expect(child.running).toBe(true);
    expect(await left()).toEqual([{ text, seen: 2 }]);
    await channel.purgeQueue('shop_info_logs');
    expect((await child.exited).code).toBe(0);
    expect(child.stdout).toEqual(['2 dead letters replayed.']);
    expect(await left()).toEqual([]);
  });

  test('shows its progress on a terminal', { timeout: 60_000 }, async () => {
    const { consumer, service, sql, servers } = await useConsumer();
    await consumer.start();
    await sql(
      `insert into logs.dead_letters (fingerprint, raw, code, reason, attempts, queue, routing_key, headers)
       select sha256(n::text::bytea), n::text::bytea, 'invalid', 'r', 1, $1, 'k', '{}' from generate_series(1, 1100) n`,
      [`${service}_info_logs`],
    );
    const terminal = useTerminal(`${process.execPath} ${program} dead-letters replay ${servers.join(' ')}`, {
      cwd: tmpdir(),
    });
    await terminal.shows(/replaying \[#+-*\] +\d+% {2}\d+ of 1100/);
    expect(await terminal.ended).toBe(0);
    expect(terminal.text()).toMatch(/1100 dead letters replayed\.\n$/);
  });
});

test.each<[string[], RegExp]>([
  [['dead-letters', 'lst'], /unknown command 'lst' \(Did you mean list\?\)\. See loghive dead-letters --help\.$/],
  [
    ['dead-letters', 'list', '--level', 'loud'],
    /^loghive: dead-letters list: option --level is "loud", expected one of DEBUG,/,
  ],
  [
    ['dead-letters', 'list', '--limit', '0'],
    /option --limit is "0", expected an integer from 1 to 100000 \(dead letters\)/,
  ],
  [['dead-letters', 'list', '--since', 'lately'], /option --since is "lately", expected a time such as/],
  [['dead-letters', 'list', '--until', '9999999999d'], /option --until is "9999999999d", expected a time/],
  [['dead-letters', 'drop', '--id', '1,x'], /option --id is "1,x", expected the id of a dead letter/],
  [['dead-letters', 'drop', '--service', ''], /option --service is "", expected non-empty text/],
  [
    ['dead-letters', 'list', '-o', 'xml'],
    /option '-o, --output <format>' argument 'xml' is invalid\. .*See loghive dead-letters list --help\.$/,
  ],
  [['dead-letters', 'show'], /missing required argument 'id'\. See loghive dead-letters show --help\.$/],
  [['dead-letters', 'show', '-1'], /argument <id> is "-1", expected the id of a dead letter/],
  [['dead-letters', 'show', '9223372036854775808'], /argument <id> is "9223372036854775808", expected the id/],
  [['dead-letters', 'replay', '--url', 'http://u:secret@h'], /option --url is "http:\/\/u:\*\*\*@h"/],
  [['dead-letters', 'export', '--yes'], /unknown option '--yes'/],
])('a usage error is one line and exit code 2: loghive %j', async (args, words) => {
  const { code, stdout, stderr } = await loghive([...args, '--database-url', 'postgres://u:secret@127.0.0.1:1/d']);
  expect(stderr.join('\n')).toMatch(words);
  expect(stderr).toHaveLength(1);
  expect(stderr[0]).not.toContain('secret');
  expect([code, stdout]).toEqual([2, []]);
});

test.each(['list', 'export', 'replay', 'drop'])(
  '%s reports an unreachable database and missing tables',
  async (command) => {
    const away = await loghive(['dead-letters', command, '--database-url', 'postgres://u:secret@127.0.0.1:1/d']);
    expect(away).toEqual({
      code: 1,
      stdout: [],
      stderr: [
        'loghive: PostgreSQL: nothing listens at 127.0.0.1:1. Start PostgreSQL there, or correct host and port.',
      ],
    });
  },
);
