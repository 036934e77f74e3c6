/** The reader of a command's output may close it or stop reading at any time. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { LoghiveTransport } from '../../transports/winston.js';
import { onEnd, uniqueName, useBroker, useDatabase } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';
import { useTerminal } from './dev-terminal.js';

const program = path.resolve(import.meta.dirname, '../../dist/esm/cli/main.js');
const broker = await useBroker();
const database = await useDatabase();
const servers = ['--url', broker.url, '--database-url', database.url];
const stored = (service: string) => async () =>
  (await database.query('select 1 from logs.records where service = $1', [service])).length > 0;

/** Logs until one record is stored. */
async function logUntilStored(service: string): Promise<void> {
  const transport = new LoghiveTransport({ service, url: broker.url });
  onEnd(() => transport.close());
  transport.log({ level: 'info', message: 'a record' }, () => {});
  await eventually(() => stored(service)().catch(() => false), { withinMs: 20_000 });
}

type Name = 'stdout' | 'stderr';

/** Runs a command whose readers have gone before it writes anything. */
function unread(args: string[], gone: Name[]) {
  const child = spawn(process.execPath, [program, ...args], { cwd: tmpdir(), stdio: ['pipe', 'pipe', 'pipe'] });
  onEnd(() => child.kill('SIGKILL'));
  const output: Record<Name, string> = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    if (gone.includes(name)) child[name].destroy();
    else child[name].on('data', (bytes) => (output[name] += bytes));
  }
  return { child, output, exited: once(child, 'exit') };
}

test.each<[string, string[], Name[], number]>([
  ['its help', ['--help'], ['stdout'], 0],
  ['the help of a command', ['dev', '--help'], ['stdout'], 0],
  ['its version', ['--version'], ['stdout'], 0],
  ['a wrong use', ['drink'], ['stderr'], 2],
  ['a wrong use', ['consume', '--ulr', 'x'], ['stdout', 'stderr'], 2],
  ['that a setting is missing', ['migrate'], ['stderr'], 2],
  ['that a server is missing', ['migrate', '--database-url', 'postgres://u@127.0.0.1:1/d'], ['stderr'], 1],
  ['what it did', ['migrate', '--database-url', database.url], ['stdout'], 0],
  ['what it did', ['migrate', '--database-url', database.url], ['stdout', 'stderr'], 0],
])('%s has no reader: loghive %j exits as usual', async (_what, args, gone, code) => {
  const { exited, output } = unread(args, gone);
  expect(await exited).toEqual([code, null]);
  expect(output.stderr).not.toMatch(/EPIPE|node:|\n +at /);
});

test('a consumer keeps storing after the reader of its messages has gone', async () => {
  const service = uniqueName('svc');
  const { child, exited } = unread(['consume', service, ...servers], ['stdout', 'stderr']);
  await logUntilStored(service);
  child.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
});

test('pipe records everything after the readers of its output and messages have gone', async () => {
  const service = uniqueName('svc');
  const { child: consumer } = unread(['consume', service, ...servers], []);
  const { child, exited } = unread(['pipe', '--service', service, '--url', broker.url], ['stdout', 'stderr']);
  child.stdin.end('one\ntwo\n');
  expect(await exited).toEqual([0, null]);
  await eventually(stored(service), { withinMs: 20_000 });
  consumer.kill('SIGTERM');
});

test('a suspended terminal (Ctrl-S) does not block a consumer, and gets the rest later', async () => {
  const service = uniqueName('svc');
  const terminal = useTerminal(`${process.execPath} ${program} consume ${service} ${servers.join(' ')}`, {
    cwd: tmpdir(),
    env: { LOG_LEVEL: 'DEBUG' },
  });
  await terminal.started;
  terminal.type('\x13');
  await logUntilStored(service);
  expect(terminal.text()).not.toContain(`consuming messages of ${service}`);
  terminal.type('\x11');
  await terminal.shows(new RegExp(`consuming messages of ${service}`));
  terminal.type('\x03');
  expect(await terminal.ended).toBe(0);
});

test('a consumer stops gracefully when its terminal hangs up; one without a terminal keeps running', async () => {
  const service = uniqueName('svc');
  const { child, exited, output } = unread(['consume', service, ...servers], ['stdout']);
  await logUntilStored(service);
  child.kill('SIGHUP');
  await eventually(() => output.stderr.includes('SIGHUP ignored: there is no terminal'));
  child.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);

  const log = path.join(tmpdir(), `${uniqueName('hangup')}.log`);
  onEnd(() => rmSync(log, { force: true }));
  const terminal = useTerminal(`${process.execPath} ${program} consume ${service} ${servers.join(' ')} 2>${log}`, {
    cwd: tmpdir(),
  });
  await eventually(() => readFileSync(log, 'utf8').includes('consuming messages'), { withinMs: 20_000 });
  terminal.hangUp();
  await eventually(() => /SIGHUP: finishing[\s\S]*stopped: 0 records stored/.test(readFileSync(log, 'utf8')), {
    withinMs: 20_000,
  });
});
