import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { identityOf, isRunning, livenessOf } from '../../../cli/embedded/process-identity.js';
import { onEnd } from '../../support/use-servers.js';

const here = identityOf(process.pid);

test('this process runs', () => {
  expect(livenessOf(here)).toBe('running');
});

test('one that has ended has ended, also while nobody has asked for its status', async () => {
  // The shell never waits for its child.
  const shell = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
  onEnd(() => shell.kill('SIGKILL'));
  const [line] = await once(shell.stdout, 'data');
  const child = Number(String(line));
  await expect.poll(() => livenessOf({ ...here, pid: child, start: '' })).toBe('ended');
  const identity = identityOf(shell.pid!);
  expect(livenessOf(identity)).toBe('running');
  shell.kill('SIGKILL');
  await once(shell, 'exit');
  expect(livenessOf(identity)).toBe('ended');
});

test('another process with the same number is another one', () => {
  expect(livenessOf({ ...here, start: '1' })).toBe('ended');
});

test.each([
  ['another container', { pidNamespace: 'pid:[1]' }],
  ['another machine', { bootId: 'another' }],
  ['an older version of this program', { bootId: undefined, pidNamespace: undefined }],
])('of %s nobody can tell', (_where, scope) => {
  expect(livenessOf({ ...here, ...scope } as typeof here)).toBe('foreign');
});

test('in a container whose /proc shows the processes of another, numbers are not looked up there', () => {
  // Only root can make one.
  if (process.getuid?.() !== 0) return;
  const module = new URL('../../../dist/esm/cli/embedded/process-identity.js', import.meta.url).href;
  const script = `import(${JSON.stringify(module)}).then(({ identityOf, livenessOf, isRunning }) => {
    const own = identityOf(process.pid);
    console.log(JSON.stringify({ pid: own.pid, start: own.start, own: livenessOf(own), namespace: own.pidNamespace }));
  })`;
  const told = execFileSync('unshare', ['--pid', '--fork', process.execPath, '-e', script], { encoding: 'utf8' });
  const { namespace, ...rest } = JSON.parse(told);
  expect(rest).toEqual({ pid: 1, start: '', own: 'running' });
  expect(namespace).not.toBe(here.pidNamespace);
});

test('where the system does not tell when a process was started, one that was seen before the machine was is another', () => {
  expect(isRunning({ pid: process.pid, start: '', seenAt: Date.now() })).toBe(true);
  expect(isRunning({ pid: process.pid, start: '', seenAt: 0 })).toBe(false);
});
