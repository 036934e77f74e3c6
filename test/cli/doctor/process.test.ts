/** `loghive doctor` on the command line and in a terminal. */
import { tmpdir } from 'node:os';
import { expect, test, vi } from 'vitest';
import { useProxy } from '../../support/use-servers.js';
import { useStack } from '../../support/use-stack.js';
import { useTerminal } from '../dev-terminal.js';
import { loghive, program } from '../run-loghive.js';

// Each examines several servers, some of which do not answer.
vi.setConfig({ testTimeout: 60_000 });

const NOWHERE = [
  '--url',
  'amqp://u:broker-secret@127.0.0.1:1/',
  '--database-url',
  'postgres://u:db-secret@127.0.0.1:1/x',
];

test('if nothing is wrong, it exits with 0, and shows each step', async () => {
  const { broker, database, service } = await useStack();
  const args = ['doctor', service(), '--url', broker.url, '--database-url', database.url];
  const { code, stdout, stderr } = await loghive(args, { LOGHIVE_SPOOL_DIR: `${tmpdir()}/loghive-doctor-none` });
  expect([code, stderr, stdout.at(-1)]).toEqual([0, [], 'Nothing is wrong.']);
  expect(stdout.filter((line) => /^\S/.test(line))).toEqual([
    'Settings',
    `RabbitMQ at ${broker.host}:${broker.port}`,
    'PostgreSQL',
    'Exchange and queues',
    'The whole way',
    'Spool on this machine',
    'Nothing is wrong.',
  ]);
  expect(stdout).toContainEqual(expect.stringMatching(/^ {2}✓ record {10}a record was in the table \d+ ms after/));
  expect(stdout.join('')).not.toContain('\x1b');
  expect(await database.query('select count(*)::int as n from logs.records')).toEqual([{ n: 0 }]);
});

test('if something is wrong, it exits with 1, and each fault has its remedy; no password is shown', async () => {
  const { code, stdout, stderr } = await loghive(['doctor', 'shop', ...NOWHERE]);
  expect([code, stderr]).toEqual([1, []]);
  expect(stdout).toContain('  ✗ TCP             nothing listens at 127.0.0.1:1 (ECONNREFUSED)');
  expect(stdout).toContain(`${' '.repeat(20)}→ Start the server, or correct host and port.`);
  expect(stdout.at(-1)).toBe('2 problems found.');
  expect(stdout.join('\n')).not.toContain('secret');
});

test('as JSON, each step is one object', async () => {
  const { code, stdout } = await loghive(['doctor', 'shop', ...NOWHERE, '-o', 'json']);
  expect(code).toBe(1);
  const findings = stdout.map((line) => JSON.parse(line));
  expect(findings.filter(({ state }) => state === 'failed')).toEqual([
    {
      section: 'RabbitMQ at 127.0.0.1:1',
      step: 'TCP',
      state: 'failed',
      detail: 'nothing listens at 127.0.0.1:1 (ECONNREFUSED)',
      remedy: 'Start the server, or correct host and port.',
    },
    expect.objectContaining({ section: 'PostgreSQL', step: 'TCP', state: 'failed' }),
  ]);
  expect(stdout.join('\n')).not.toContain('secret');
});

test.each<[string[], RegExp]>([
  [['a b'], /^loghive: doctor: argument \[services\.\.\.\] is \["a b"\], expected a service name/],
  [
    ['--url', 'http://u:secret@h'],
    /^loghive: doctor: option --url is "http:\/\/u:\*\*\*@h", expected a URL that begins/,
  ],
  [
    ['--database-url', 'mysql://u:secret@h'],
    /^loghive: doctor: option --database-url: database URL "mysql:\/\/u:\*\*\*@h"/,
  ],
  [['--schema', 'My Schema'], /^loghive: doctor: option --schema is "My Schema"/],
  [['--config', '/no/such/file'], /^loghive: option --config is "\/no\/such\/file", which cannot be read/],
  [['-o', 'xml'], /^loghive: option '-o, --output <format>' argument 'xml' is invalid/],
])('doctor %j is a usage error: one line, exit code 2', async (args, words) => {
  const { code, stdout, stderr } = await loghive(['doctor', ...args]);
  expect([code, stdout]).toEqual([2, []]);
  expect(stderr).toEqual([expect.stringMatching(words)]);
  expect(stderr[0]).not.toContain('secret');
});

test('a variable without effect is a fault', async () => {
  const { code, stdout } = await loghive(['doctor', 'shop', ...NOWHERE], { LOGHIVE_URI: 'amqp://h' });
  expect(code).toBe(1);
  expect(stdout).toContainEqual(expect.stringMatching(/^ {2}✗ warning {9}environment variable LOGHIVE_URI is unknown/));
});

test('in a terminal it is colored, unless NO_COLOR is set; Ctrl-C ends it while a server does not answer', async () => {
  const proxy = await useProxy('amqp://127.0.0.1:1/');
  proxy.halfOpen();
  const command = `${process.execPath} ${program} doctor shop --producer --url amqp://127.0.0.1:${proxy.port}/`;
  const [colored, plain] = [{}, { NO_COLOR: '1' }].map((env) => useTerminal(command, { cwd: tmpdir(), env }));
  await colored!.shows(/\x1b\[32m✓\x1b\[39m TCP/);
  await plain!.shows(/✓ TCP/);
  expect(plain!.text()).not.toContain('\x1b[3');
  colored!.type('\x03');
  expect(await colored!.ended).toBe(130);
});
