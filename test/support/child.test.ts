import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { onEnd, useChild } from './use-servers.js';
import { eventually } from './wait.mjs';

function program(source: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'loghive-child-'));
  onEnd(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, 'program.mjs');
  writeFileSync(file, source);
  return file;
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('a child exposes its lines, its exit status and its messages', async () => {
  const child = useChild(
    program(`console.log('args', process.argv[2], process.env.X, process.env.VITEST);
    console.error('to stderr');
    process.on('message', (m) => { process.send({ got: m }); console.log('port 1234'); process.exit(7); });`),
    {
      args: ['one'],
      env: { X: 'two' },
    },
  );
  await child.waitForLine(/to stderr/);
  await child.send('hello');
  expect((await child.waitForLine(/port (\d+)/))[1]).toBe('1234');
  expect(await child.waitForMessage()).toEqual({ got: 'hello' });
  expect(await child.exited).toEqual({ code: 7, signal: null });
  expect(child.stdout).toEqual(['args one two undefined', 'port 1234']);
  const followed: string[] = [];
  for await (const line of child) followed.push(line);
  expect(followed).toEqual(child.lines);
});

test('waiting for a line rejects when the child exits, with its output', async () => {
  const child = useChild(program(`console.log('no such luck');`));
  await expect(child.waitForLine(/ready/)).rejects.toThrow(/before it ended.*\nno such luck/);
});

test('kill works on a stopped child and returns the signal', async () => {
  const child = useChild(program('setInterval(() => {}, 1000); console.log("up");'));
  await child.waitForLine(/up/);
  await child.kill('SIGSTOP');
  expect(await child.kill('SIGTERM')).toEqual({ code: null, signal: 'SIGTERM' });
});

test('a child is gone when the process that started it was killed', async () => {
  const inner = program('setInterval(() => {}, 1000); console.log("up");');
  const outer = useChild(
    program(`import { startChild } from ${JSON.stringify(join(import.meta.dirname, 'child.mjs'))};
      const child = startChild(${JSON.stringify(inner)});
      await child.waitForLine(/up/);
      console.log('pid ' + child.pid);
      setInterval(() => {}, 1000);`),
  );
  const pid = Number((await outer.waitForLine(/pid (\d+)/))[1]);
  expect(alive(pid)).toBe(true);
  await outer.kill('SIGKILL');
  await eventually(() => !alive(pid));
});
