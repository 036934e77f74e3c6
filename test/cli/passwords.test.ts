/** No output contains a password, whatever is typed or configured. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { onEnd, useBroker, useChild, useDatabase } from '../support/use-servers.js';

const program = path.resolve(import.meta.dirname, '../../dist/esm/cli/main.js');
const database = await useDatabase();

/** A list of hosts, an '@' in the password, and a malformed URL; test/settings/mask-url.test.ts has all kinds. */
const URLS = ['u:hid@den1@127.0.0.1:1,127.0.0.1:2/v', 'u:x/hidden1@127.0.0.1:1', 'u:hidden1'];
const HIDDEN = /hid(?:@|%40)?den|den1/;

const amqp = (put: (url: string) => Call) => URLS.map((url) => put(`amqp://${url}`));
const postgres = (put: (url: string) => Call) => URLS.map((url) => put(`postgres://${url}`));

interface Call {
  args: string[];
  env?: Record<string, string>;
  config?: string;
}

const store = ['--database-url', database.url];
const broker = ['--url', 'amqp://127.0.0.1:1'];

test.each<[string, Call[]]>([
  ['consume --url', amqp((url) => ({ args: ['consume', 'shop', ...store, '--url', url] }))],
  ['dev --url', amqp((url) => ({ args: ['dev', 'shop', ...store, '--url', url] }))],
  ['pipe --url', amqp((url) => ({ args: ['pipe', '--service', 'shop', '--url', url] }))],
  ['LOGHIVE_URL', amqp((url) => ({ args: ['consume', 'shop', ...store], env: { LOGHIVE_URL: url } }))],
  ['AMQP_URL in config.env', amqp((url) => ({ args: ['consume', 'shop', ...store], config: `AMQP_URL="${url}"` }))],
  ['QUEUE_HOST', amqp((url) => ({ args: ['consume', 'shop', ...store], env: { QUEUE_HOST: url } }))],
  ['the names of services', amqp((url) => ({ args: ['consume', ...store, ...broker, url] }))],
  ['SERVICE_NAMES', amqp((url) => ({ args: ['consume', ...store, ...broker], env: { SERVICE_NAMES: url } }))],
  ['pipe --service', amqp((url) => ({ args: ['pipe', ...broker, '--service', url] }))],
  ['a command', amqp((url) => ({ args: [url] }))],
  ['an argument too many', amqp((url) => ({ args: ['migrate', url] }))],
  ['an unknown option', amqp((url) => ({ args: ['consume', `--ulr=${url}`] }))],
  ['dev --port', amqp((url) => ({ args: ['dev', ...store, '--port', url] }))],
  ['LOG_LEVEL', amqp((url) => ({ args: ['migrate', '--database-url', 'x'], env: { LOG_LEVEL: url } }))],
  ['a variable of another name', amqp((url) => ({ args: ['migrate'], env: { LOGHIVE_ULR: url } }))],
  ['consume --database-url', postgres((url) => ({ args: ['consume', 'shop', ...broker, '--database-url', url] }))],
  ['migrate --database-url', postgres((url) => ({ args: ['migrate', '--database-url', url] }))],
  ['migrate --schema', postgres((url) => ({ args: ['migrate', ...store, '--schema', url] }))],
  ['LOGHIVE_DATABASE_URL', postgres((url) => ({ args: ['migrate'], env: { LOGHIVE_DATABASE_URL: url } }))],
  ['DATABASE_URL', postgres((url) => ({ args: ['migrate'], env: { DATABASE_URL: url } }))],
  ['POSTGRES_DB_HOST', postgres((url) => ({ args: ['migrate'], env: { POSTGRES_DB_HOST: url } }))],
  [
    'POSTGRES_DB_PASSWORD',
    postgres((url) => ({ args: ['migrate'], env: { POSTGRES_DB_HOST: '127.0.0.1:1', POSTGRES_DB_PASSWORD: url } })),
  ],
])('%s', { timeout: 60_000 }, async (_place, calls) => {
  const outputs = await Promise.all(calls.map(outputOf));
  for (const [at, output] of outputs.entries()) {
    expect(output.length, JSON.stringify(calls[at])).toBeGreaterThan(0);
    expect(output).not.toMatch(HIDDEN);
  }
});

/** All output until the URL has been reported. */
async function outputOf({ args, env = {}, config }: Call): Promise<string> {
  const cwd = mkdtempSync(path.join(tmpdir(), 'loghive-passwords-'));
  onEnd(() => rmSync(cwd, { recursive: true, force: true }));
  if (config !== undefined) writeFileSync(path.join(cwd, 'config.env'), config);
  const child = useChild(program, { args, env, cwd });
  await Promise.race([child.exited, child.waitForLine(/WARNING|^Records appear/, 30_000)]).catch(() => {});
  await child.kill('SIGINT');
  if (child.running) await child.kill('SIGINT');
  await child.exited;
  return child.lines.join('\n');
}

test('dev shows the URL to paste with the user and without the password', { timeout: 60_000 }, async () => {
  const { host, port, vhost } = await useBroker();
  const child = useChild(program, {
    args: ['dev', 'shop', ...store, '--url', `amqp://guest:guest@${host}:${port},127.0.0.1:1/${vhost}`],
    cwd: tmpdir(),
  });
  await child.waitForLine(/^Records appear/, 30_000);
  expect(child.lines.join('\n')).toContain(`url: 'amqp://guest:***@${host}:${port},127.0.0.1:1/${vhost}'`);
  expect(child.lines.join('\n')).not.toContain('guest:guest');
  await child.kill('SIGINT');
});
