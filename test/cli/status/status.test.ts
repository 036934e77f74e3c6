/** `loghive status` on the command line and in a terminal. */
import { tmpdir } from 'node:os';
import { expect, test, vi } from 'vitest';
import { LoggerClient } from '../../../src/client.js';
import { freePort } from '../../support/ports.mjs';
import { onEnd, useChild } from '../../support/use-servers.js';
import { useStack } from '../../support/use-stack.js';
import { eventually } from '../../support/wait.mjs';
import { useTerminal } from '../dev-terminal.js';
import { loghive, program } from '../run-loghive.js';

// Each starts a consumer and several processes.
vi.setConfig({ testTimeout: 60_000 });

const NOWHERE = [
  '--url',
  'amqp://u:broker-secret@127.0.0.1:1/',
  '--database-url',
  'postgres://u:db-secret@127.0.0.1:1/x',
];

/** A consumer with HTTP, and a service with some records. */
async function useRunning() {
  const { broker, database, service, consumer } = await useStack(1, { httpPort: 0 });
  const name = service();
  const logger = new LoggerClient({ service: name, url: broker.url });
  onEnd(() => logger.close());
  for (let number = 0; number < 3; number++) logger.info(`message ${number}`);
  await logger.flush();
  await eventually(() => consumer.status().counts.stored === 3);
  const { httpPort } = consumer.status();
  const args = ['status', name, '--url', broker.url, '--database-url', database.url, '--spool-dir', '/no/such/folder'];
  return { name, logger, database, args: [...args, '--consumer', `http://127.0.0.1:${httpPort}`] };
}

test('it shows queues, consumers, database, dead letters, alerts and spool', async () => {
  const { name, database, args } = await useRunning();
  await database.query(`insert into logs.alert_notices (id, kind, content) values (gen_random_uuid(), 'digest', '{}');
    insert into logs.alert_deliveries (notice, channel, sent_at) select id, 'mail', '2026-01-31 10:30:45Z' from logs.alert_notices`);
  await database.query(`insert into logs.dead_letters (fingerprint, raw, code, reason, attempts, queue, routing_key, headers)
    values ('x', 'x', 'invalid', 'r', 1, 'q', 'k', '{}')`);
  const { code, stdout, stderr } = await loghive(args, { RETENTION_DAYS: '30' });
  expect([code, stderr]).toEqual([0, []]);
  const text = stdout.join('\n');
  for (const words of [
    /^Queues\n {2}QUEUE +MESSAGES +CHANGE\/S +IN\/S +OUT\/S +CONSUMERS +FULL +FULL IN$/m,
    new RegExp(`^ {2}${name}_info_logs +0 +0 +0 +0 +1 +0 %$`, 'm'),
    /^ {2}http:\/\/127\.0\.0\.1:\d+ {2}\w+, running, 1 of 1 worker running, /m,
    /^ {2}server +PostgreSQL \d+\.\d+, database \d/m,
    /^ {2}records +about \d+, .* in 9 partitions$/m,
    /^ {2}oldest +20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC$/m,
    /^ {2}kept +30 days$/m,
    /^ {2}dead letters +1, latest 20\d\d-/m,
    /^ {2}last alert +2026-01-31 10:30:45 UTC \(digest, by mail\)$/m,
    /^ {2}no records in \/no\/such\/folder$/m,
  ]) {
    expect(text).toMatch(words);
  }
  expect(text).not.toContain('\x1b');
});

test('as JSON it is one object', async () => {
  const { name, args } = await useRunning();
  const { code, stdout } = await loghive([...args, '-o', 'json']);
  expect([code, stdout.length]).toEqual([0, 1]);
  const { queues, consumers, database, spool } = JSON.parse(stdout[0]!);
  expect(queues.rows.map(({ queue }: { queue: string }) => queue)).toContain(`${name}_info_logs`);
  expect(consumers).toMatchObject([{ status: { state: 'running', workers: [{ state: 'running' }] } }]);
  expect(database).toMatchObject({ partitions: 9, deadLetters: { count: 0 }, alerts: { last: null } });
  expect(spool).toEqual({ dir: '/no/such/folder', services: [] });
});

test('while records are logged, there are rates into a queue and out of it', async () => {
  const { name, logger, args } = await useRunning();
  const child = useChild(program, { args: [...args, '--watch', '0.5', '-o', 'json'], cwd: tmpdir() });
  const rates = () => {
    const { queues } = JSON.parse(child.stdout.at(-1) ?? '{"queues":{"rows":[]}}');
    return queues.rows.find(({ queue }: { queue: string }) => queue === `${name}_info_logs`);
  };
  await eventually(
    async () => {
      logger.info('one more');
      await logger.flush();
      expect(rates()).toMatchObject({ outPerSecond: expect.any(Number), inPerSecond: expect.any(Number) });
      expect(Math.min(rates().outPerSecond, rates().inPerSecond)).toBeGreaterThan(0);
    },
    { withinMs: 30_000 },
  );
  await child.kill('SIGINT');
});

test('what cannot be reached says why, the rest is shown, and it exits with 1; no password is shown', async () => {
  const port = await freePort();
  const { code, stdout, stderr } = await loghive([
    'status',
    'shop',
    ...NOWHERE,
    '--consumer',
    `http://127.0.0.1:${port}`,
  ]);
  expect([code, stderr]).toEqual([1, []]);
  expect(stdout.filter((line) => line.startsWith('  '))).toEqual([
    expect.stringMatching(
      /^ {2}unknown: amqp:\/\/u:\*\*\*@127\.0\.0\.1:1\/: nothing listens there .* correct host and port\.$/,
    ),
    expect.stringMatching(
      /^ {2}http:\/\/127\.0\.0\.1:\d+ {2}no answer \(.*ECONNREFUSED.*\); name other consumers by --consumer$/,
    ),
    expect.stringMatching(/^ {2}unknown: PostgreSQL: nothing listens at 127\.0\.0\.1:1\./),
    expect.stringMatching(/^ {2}no records in /),
  ]);
  expect(stdout.join('\n')).not.toContain('secret');
});

test.each<[string[], RegExp]>([
  [['--watch', 'often'], /option --watch is "often", expected a number of seconds from 0\.5 to 3600/],
  [['--consumer', 'nowhere'], /option --consumer is "nowhere", expected a URL such as/],
  [['a b'], /argument \[services\.\.\.\] is \["a b"\]/],
])('status %j is a usage error', async (args, words) => {
  const { code, stdout, stderr } = await loghive(['status', ...args]);
  expect([code, stdout]).toEqual([2, []]);
  expect(stderr).toEqual([expect.stringMatching(words)]);
});

test('with --watch it goes on until Ctrl-C, also while servers are away', async () => {
  const child = useChild(program, {
    args: ['status', 'shop', ...NOWHERE, '--watch', '0.5', '-o', 'json'],
    cwd: tmpdir(),
  });
  await eventually(() => child.stdout.length >= 2, { withinMs: 30_000 });
  await child.kill('SIGINT');
  // The last reading was incomplete.
  expect(await child.exited).toEqual({ code: 1, signal: null });
  for (const line of child.stdout) expect(JSON.parse(line)).toHaveProperty('at');
});

test('in a terminal, --watch shows each reading in the place of the one before', async () => {
  const { args } = await useRunning();
  const command = [process.execPath, program, ...args, '--watch', '0.5'].join(' ');
  const terminal = useTerminal(command, { cwd: tmpdir() });
  await terminal.shows(/(?:\x1b\[H\x1b\[2J[\s\S]*UTC\n){2}/);
  terminal.type('\x03');
  expect(await terminal.ended).toBe(0);
});
