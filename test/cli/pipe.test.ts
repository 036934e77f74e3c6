import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { onEnd, useChild, useProxy } from '../support/use-servers.js';
import { useStack } from '../support/use-stack.js';
import { eventually } from '../support/wait.mjs';

const program = path.resolve(import.meta.dirname, '../../dist/esm/cli/main.js');
const stack = await useStack(10);

function usePipe(env: Record<string, string> = {}, url = stack.broker.url) {
  const service = stack.service();
  return {
    service,
    child: useChild(program, { args: ['pipe', '--service', service, '--url', url], env, cwd: tmpdir() }),
  };
}

const INPUT = [
  '{"level":40,"time":1769855445123,"pid":7,"hostname":"elsewhere","order":7,"msg":"by pino"}',
  '{"name":"till","hostname":"h","pid":1,"level":50,"err":{"name":"TypeError","message":"no"},"msg":"by bunyan","time":"2026-01-31T10:30:45.124Z","v":0}',
  '{"level":"warn","message":"by winston","timestamp":"2026-01-31T10:30:45.125Z","order":8}',
  'time=2026-01-31T10:30:45.126Z level=error msg="by logfmt" ms=12',
  'plain text, with a=1 in it',
  '',
  '{"level":"debug","message":"last"}',
];

test('loghive pipe records the output of other loggers and passes it through unchanged', async () => {
  const { service, child } = usePipe();
  child.stdin.end(INPUT.join('\n'));
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(child.stdout).toEqual(INPUT);
  expect(child.stderr).toEqual([]);
  const rows = await stack.rows(service, 6);
  const byMessage = Object.fromEntries(rows.map(({ message, ...row }) => [message, row]));
  expect(byMessage).toMatchObject({
    'by pino': {
      level: 'WARNING',
      ts: '2026-01-31 10:30:45.123000',
      information: { order: 7, pid: 7, hostname: 'elsewhere' },
    },
    'by bunyan': {
      level: 'ERROR',
      ts: '2026-01-31 10:30:45.124000',
      information: { name: 'till', error: { name: 'TypeError' } },
    },
    'by winston': { level: 'WARNING', ts: '2026-01-31 10:30:45.125000', information: { order: 8 } },
    'by logfmt': { level: 'ERROR', ts: '2026-01-31 10:30:45.126000', information: { ms: 12 } },
    'plain text, with a=1 in it': { level: 'INFO' },
    last: { level: 'DEBUG' },
  });
  expect(byMessage['plain text, with a=1 in it']!.information).toEqual({ hostname: expect.stringMatching(/./) });
});

test('loghive pipe passes all bytes through, including those that are not text', async () => {
  const { child } = usePipe();
  const bytes = Buffer.from([0xff, 0x00, 0x0d, 0x0a, 0xe2, 0x82]);
  const given: Buffer[] = [];
  const spawned = spawn(process.execPath, [program, 'pipe', '--service', 'bytes', '--url', stack.broker.url]);
  onEnd(() => spawned.kill('SIGKILL'));
  spawned.stdout.on('data', (chunk: Buffer) => given.push(chunk));
  spawned.stdin.end(bytes);
  await once(spawned, 'close');
  expect(Buffer.concat(given)).toEqual(bytes);
  child.stdin.end();
  expect(await child.exited).toEqual({ code: 0, signal: null });
});

test('loghive pipe records a file of 200,000 lines in order, however fast the broker confirms', {
  timeout: 60_000,
}, async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'loghive-pipe-'));
  onEnd(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'old.log');
  const lines = Array.from(
    { length: 200_000 },
    (_, n) => `{"level":30,"time":${1769855445000 + n},"n":${n},"msg":"m"}\n`,
  );
  writeFileSync(file, lines.join(''));
  const service = stack.service();
  const pipe = spawn(process.execPath, [program, 'pipe', '--service', service, '--url', stack.broker.url], {
    stdio: [openSync(file, 'r'), 'ignore', 'inherit'],
  });
  expect(await once(pipe, 'exit')).toEqual([0, null]);
  const count = async () =>
    (
      await stack.database.query(
        'SELECT count(*)::int AS rows, count(DISTINCT information->>$2)::int AS numbers FROM logs.records WHERE service = $1',
        [service, 'n'],
      )
    )[0];
  await stack.rows(service, 200_000);
  expect(await count()).toEqual({ rows: 200_000, numbers: 200_000 });
});

test('while the broker is down, loghive pipe passes input through, and reports at the end that it waits for confirms', {
  timeout: 60_000,
}, async () => {
  const proxy = await useProxy(stack.broker.url);
  await proxy.refuse();
  const { service, child } = usePipe({}, proxy.url(stack.broker.url));
  child.stdin.end('one\ntwo\n');
  await child.waitForLine(/^two$/);
  await child.waitForLine(
    /INFO end of input; waiting for the broker to confirm 2 records\. Press Ctrl-C to stop waiting\.$/,
  );
  await proxy.heal();
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect((await stack.rows(service, 2)).map(({ message }) => message)).toEqual(['one', 'two']);
});

test.each([
  ['a signal ends the waiting after a time limit', 1],
  ['a second signal ends it immediately', 2],
])('while the broker is down, %s, and the records left on disk are reported', async (_, signals) => {
  const { child } = usePipe({}, 'amqp://127.0.0.1:1');
  child.stdin.end('one\n');
  await child.waitForLine(/waiting for the broker to confirm 1 record/);
  void child.kill('SIGTERM');
  await child.waitForLine(/SIGTERM: publishing the records read so far/);
  if (signals === 2) {
    // A second signal sent too early would count as an echo of the first.
    await eventually(() => {
      void child.kill('SIGTERM');
      return child.lines.some((line) => line.includes('SIGTERM again: stopping now'));
    });
  }
  expect(await child.exited).toEqual({ code: 1, signal: null });
  const output = child.stderr.join('\n');
  expect(output).toMatch(/WARNING 1 record left on disk in /);
  expect(output.match(/left on disk/g)).toHaveLength(1);
  // Advice for code does not help on the command line.
  expect(output).not.toContain('close()');
});

test('on Ctrl-C, loghive pipe still records what the upstream program logs while exiting', async () => {
  const { service, child } = usePipe();
  child.stdin.write('before\n');
  await child.waitForLine(/^before$/);
  void child.kill('SIGINT');
  await child.waitForLine(/INFO SIGINT: publishing the records read so far\.$/);
  child.stdin.end('after\n');
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect((await stack.rows(service, 2)).map(({ message }) => message)).toEqual(['before', 'after']);
});

test('loghive pipe that is cut off by a signal records what it has read, reports that, and exits with 1', {
  timeout: 60_000,
}, async () => {
  const service = stack.service();
  // Its output is not read and fills up.
  const child = spawn(process.execPath, [program, 'pipe', '--service', service, '--url', stack.broker.url]);
  onEnd(() => child.kill('SIGKILL'));
  child.stdin.on('error', () => {});
  let output = '';
  child.stderr.on('data', (bytes: Buffer) => {
    output += bytes;
  });
  for (let n = 0; n < 1000; n++) child.stdin.write(`${JSON.stringify({ level: 30, n, msg: 'x'.repeat(1000) })}\n`);
  const before = (await stack.rows(service, 60)).length;
  child.kill('SIGTERM');
  // Its output is closed with it.
  const [code] = await once(child, 'exit');
  expect(code).toBe(1);
  expect(output).toMatch(/input cut off by the signal/);
  const numbers = (await stack.rows(service, before + 1)).map(({ information }) => information.n);
  // The last line may be incomplete.
  expect(numbers.slice(0, -1)).toEqual(Array.from({ length: numbers.length - 1 }, (_, n) => n));
});

test('loghive pipe keeps recording after the reader of its output has gone', async () => {
  const service = stack.service();
  const pipe = spawn(process.execPath, [program, 'pipe', '--service', service, '--url', stack.broker.url], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onEnd(() => pipe.kill('SIGKILL'));
  pipe.stdin!.write('one\n');
  await once(pipe.stdout!, 'data');
  pipe.stdout!.destroy();
  for (let n = 0; n < 20; n++) pipe.stdin!.write(`${'x'.repeat(10_000)}\n`);
  pipe.stdin!.end('last\n');
  expect(await once(pipe, 'exit')).toEqual([0, null]);
  expect((await stack.rows(service, 22)).at(-1)?.message).toBe('last');
});

test('loghive pipe without a service name reports how to set one', async () => {
  const child = useChild(program, { args: ['pipe'], cwd: tmpdir() });
  expect(await child.exited).toEqual({ code: 2, signal: null });
  expect(child.stderr).toEqual(['loghive: no service name: pass --service, or set LOGHIVE_SERVICE.']);
});
