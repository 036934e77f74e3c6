import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { useChild } from '../support/use-servers.js';

const program = new URL('../../dist/esm/cli/main.js', import.meta.url).pathname;

interface Result {
  code: number | null;
  stdout: string[];
  stderr: string[];
}

async function loghive(args: string[], env: Record<string, string> = {}): Promise<Result> {
  const child = useChild(program, { args, env, cwd: tmpdir() });
  const { code } = await child.exited;
  return { code, stdout: child.stdout, stderr: child.stderr };
}

const UNREACHABLE = ['--database-url', 'postgres://u@127.0.0.1:1/x'];
const DATABASE = ['--database-url', 'postgres://u:secret@127.0.0.1/db'];

test.each<[string[], RegExp]>([
  [['pipe', '--service', 'a b'], /^loghive pipe: option --service is "a b", expected a service name/],
  [['drink'], /^loghive: unknown command 'drink'\. See loghive --help\.$/],
  [['consum'], /^loghive: unknown command 'consum' \(Did you mean consume\?\)\. See loghive --help\.$/],
  [['amqp://u:secret@h'], /^loghive: unknown command 'amqp:\/\/u:\*\*\*@h'\. See loghive --help\.$/],
  [['--verbose'], /^loghive: unknown option '--verbose'\. See loghive --help\.$/],
  [['consume', 'shop', '--database', 'x'], /^loghive: unknown option '--database'\. See loghive consume --help\.$/],
  [['consume', '--databse-url=postgres://u:secret@h'], /^loghive: unknown option '--databse-url=postgres:\*\*\*@h'/],
  [['consume', 'shop', '--url'], /^loghive: option '--url <url>' argument missing\. See loghive consume --help\.$/],
  [
    ['migrate', 'postgres://u:secret@h/db'],
    /^loghive: too many arguments for 'migrate'\. Expected 0 arguments but got 1\. See loghive migrate --help\.$/,
  ],
  [['migrate', '--url', 'amqp://u:secret@h'], /^loghive: unknown option '--url'/],
  [
    ['migrate'],
    /^loghive: no database is configured: pass the option --database-url \(postgres:.* or set LOGHIVE_DATABASE_URL, .* or DATABASE_URL\.$/,
  ],
  [
    ['migrate', '--database-url', 'mysql://u:secret@h/db'],
    /^loghive: migrate: option --database-url: database URL "mysql:\/\/u:\*\*\*@h\/db": expected postgres:/,
  ],
  [
    ['migrate', ...DATABASE, '--schema', 'My Schema'],
    /^loghive: migrate: option --schema is "My Schema", expected a schema name/,
  ],
  [
    ['migrate', '--database-url', 'postgres://u:secret@h/db?sslmode=strict'],
    /: sslmode has an invalid value; expected one of disable, allow,/,
  ],
  [
    ['consume', 'a shop', ...DATABASE],
    /^loghive: consume: argument \[services\.\.\.\] is \["a shop"\], expected a service name of/,
  ],
  [
    ['consume', 'shop', '--url', 'http://u:secret@h', ...DATABASE],
    /^loghive: consume: option --url is "http:\/\/u:\*\*\*@h", expected a URL that begins with 'amqp:/,
  ],
  [['consume', 'shop'], /^loghive: no database is configured: /],
])('a usage error is one line and exit code 2: loghive %j', async (args, words) => {
  const { code, stdout, stderr } = await loghive(args);
  expect(stderr).toHaveLength(1);
  expect(stderr[0]).toMatch(words);
  expect(stderr[0]).not.toContain('secret');
  expect(stdout).toEqual([]);
  expect(code).toBe(2);
});

test('an invalid environment variable is reported by name', async () => {
  const { code, stderr } = await loghive(['migrate'], { LOGHIVE_DATABASE_URL: 'mysql://u:secret@h/db' });
  expect(stderr).toHaveLength(1);
  expect(stderr[0]).toMatch(
    /^loghive: environment variable LOGHIVE_DATABASE_URL: database URL "mysql:\/\/u:\*\*\*@h\/db"/,
  );
  expect(code).toBe(2);
});

test('an error in the environment does not mention options the command does not have', async () => {
  const env = { CONSUMER_BATCH_SIZE: '-3', LOGHIVE_URL: 'http://h', SERVICE_NAMES: 'a b' };
  const { code, stderr } = await loghive(['consume', ...DATABASE], env);
  expect(stderr.at(-1)).toMatch(/SERVICE_NAMES is "a b", .* Correct it or pass argument \[services\.\.\.\]\.$/);
  expect(code).toBe(2);
  const { SERVICE_NAMES: _, ...others } = env;
  const child = useChild(program, { args: ['consume', 'shop', ...UNREACHABLE], env: others });
  await child.waitForLine(/CONSUMER_BATCH_SIZE is "-3", expected .*; 5000 is used instead\. Correct it\.$/);
  await child.waitForLine(/LOGHIVE_URL is "http:\/\/h", .* Correct it or pass option --url\.$/);
});

test('loghive consume logs the database from DATABASE_URL, and that it retries', async () => {
  const env = { DATABASE_URL: 'postgres://u:secret@127.0.0.1:1/app' };
  const child = useChild(program, { args: ['consume', 'shop', '--url', 'amqp://127.0.0.1:1'], env, cwd: tmpdir() });
  await child.waitForLine(
    /INFO using the database of environment variable DATABASE_URL: "postgres:\/\/u:\*\*\*@127\.0\.0\.1:1\/app"\.$/,
  );
  await child.waitForLine(/WARNING storage is not available yet: .* Loghive tries again, at least every 30 s\.$/);
});

test('without a command it prints help and exits with 2', async () => {
  const { code, stdout, stderr } = await loghive([]);
  expect(stderr.join('\n')).toMatch(/Usage: loghive [\s\S]*consume[\s\S]*migrate/);
  expect(stdout).toEqual([]);
  expect(code).toBe(2);
});

test('help and version are printed to stdout with exit code 0', async () => {
  const help = await loghive(['--help']);
  expect(help.stdout.join('\n')).toMatch(/Usage: loghive [\s\S]*consume .* store log[\s\S]*migrate .* update the/);
  expect([help.code, help.stderr]).toEqual([0, []]);
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  expect(await loghive(['--version'])).toEqual({ code: 0, stdout: [version], stderr: [] });
});

test.each([
  [
    'consume',
    [
      '[services...]',
      'SERVICE_NAMES',
      'every service',
      '--url',
      'LOGHIVE_URL',
      '--database-url',
      '--schema',
      'Examples:',
    ],
  ],
  ['migrate', ['--database-url', 'LOGHIVE_DATABASE_URL', 'POSTGRES_DB_HOST', 'DATABASE_URL', '--schema']],
])('the help of %s names every option, its default and the exit codes', async (command, parts) => {
  const { code, stdout, stderr } = await loghive([command, '--help']);
  for (const part of [...parts, 'config.env', 'Exit codes:', '2  usage error'])
    expect(stdout.join('\n')).toContain(part);
  expect(stdout.filter((line) => line.length > 82)).toEqual([]);
  expect([code, stderr]).toEqual([0, []]);
});
