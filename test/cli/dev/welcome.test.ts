import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { welcome } from '../../../cli/dev/welcome.js';

const running = {
  brokerUrl: undefined,
  service: 'till',
  servers: ['your RabbitMQ'],
  databaseUrl: 'postgres://u@h/x',
  needsPassword: false,
  timeZone: 'UTC',
};
const of = (brokerUrl: string | undefined) => welcome({ ...running, brokerUrl });

test.each([
  'amqp://127.0.0.1:5672',
  "amqp://u:***@h/it's",
  'amqp://h/a&b;c d$e`f"g',
  'amqp://h/a\\b',
  'amqp://[::1]/*',
])('the code to paste contains the URL %j, quoted for JavaScript and for a shell', (url) => {
  const text = of(url);
  const [, literal = ''] = /const options = { service: 'till', url: (.*) };/.exec(text) ?? [];
  expect(new Function(`return ${literal}`)()).toBe(url);
  const [, variables = ''] = /^ {2}(LOGHIVE_SERVICE=.*) \\\n {2}node --import/m.exec(text) ?? [];
  const shown = execFileSync('sh', ['-c', `${variables} printenv LOGHIVE_URL`], { encoding: 'utf8' });
  expect(shown).toBe(`${url}\n`);
});

test('the URL is not repeated if it comes from LOGHIVE_URL', () => {
  expect(of(undefined)).toContain("const options = { service: 'till' };");
  expect(of(undefined)).toContain('LOGHIVE_SERVICE=till \\\n  node --import');
});

test('no line is wider than 80 columns with default values', () => {
  const text = welcome({
    ...running,
    brokerUrl: 'amqp://127.0.0.1:5672',
    databaseUrl: 'postgres://loghive@127.0.0.1:10432/loghive?passfile=/app/pgpass',
    timeZone: 'UTC+02:00',
  });
  expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
});

test.each(['postgres://u@h/x', 'postgres://u@h/x?passfile=/a b/$c', "postgres://u@h/it's"])(
  'the commands to search, in the terminal or with SQL, take the address %s',
  (databaseUrl) => {
    const text = welcome({ ...running, databaseUrl });
    const [, lines = ''] =
      /^Search in another terminal:\n\n(.*?)^\S+ /ms.exec(text.replace('Or with SQL:\n', '')) ?? [];
    // Prints the arguments of each command on a line of its own.
    const print = (name: string) => `${name}() { printf '%s|' ${name} "$@"; echo; }`;
    const script = `${print('npx')}\n${print('psql')}\n${lines}`;
    const shown = execFileSync('sh', ['-c', script], { encoding: 'utf8' }).trimEnd().split('\n');
    expect(shown).toEqual([
      `npx|loghive|search|level>=warning|--database-url|${databaseUrl}|`,
      `npx|loghive|tail|--database-url|${databaseUrl}|`,
      `psql|${databaseUrl}|-c|SELECT * FROM logs.records ORDER BY ts DESC LIMIT 20|`,
    ]);
  },
);

test('a password that is not shown must be given', () => {
  expect(welcome({ ...running, needsPassword: true })).toContain('with the password in PGPASSWORD:');
});

test('the time zone is shown', () => {
  expect(of(undefined)).toContain('with local times (UTC)');
});

test('records are not announced if none are shown', () => {
  const text = welcome({ ...running, timeZone: undefined });
  expect(text).not.toMatch(/appear below|local times/);
});
