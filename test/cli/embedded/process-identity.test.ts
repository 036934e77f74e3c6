import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { identityOf, isRunning, livenessOf } from '../../../cli/embedded/process-identity.js';
import { onEnd } from '../../support/use-servers.js';

const here = identityOf(process.pid);

test('this process runs', () => {
  expect(livenessOf(here)).toBe('running');
});

test('a process that has exited has ended, even as a zombie', async () => {
  // The shell never reaps its child.
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

test('another process with the same pid is a different one', () => {
  expect(livenessOf({ ...here, start: '1' })).toBe('ended');
});

test.each([
  ['another container', { pidNamespace: 'pid:[1]' }],
  ['another machine', { bootId: 'another' }],
  ['an older version of this program', { bootId: undefined, pidNamespace: undefined }],
])('of %s cannot be checked', (_where, scope) => {
  expect(livenessOf({ ...here, ...scope } as typeof here)).toBe('foreign');
});

test('a container whose /proc belongs to another namespace does not look up pids there', () => {
  // Only root can create a namespace.
  if (process.getuid?.() !== 0) return;
  const module = new URL('../../../dist/esm/cli/embedded/process-identity.js', import.meta.url).href;
  const script = `import(${JSON.stringify(module)}).then(({ identityOf, livenessOf, isRunning }) => {
    const own = identityOf(process.pid);
    console.log(JSON.stringify({ pid: own.pid, start: own.start, own: livenessOf(own), namespace: own.pidNamespace }));
  })`;
  const output = execFileSync('unshare', ['--pid', '--fork', process.execPath, '-e', script], { encoding: 'utf8' });
  const { namespace, ...rest } = JSON.parse(output);
  expect(rest).toEqual({ pid: 1, start: '', own: 'running' });
  expect(namespace).not.toBe(here.pidNamespace);
});

test('without start times, a process recorded before the machine booted is a different one', () => {
  expect(isRunning({ pid: process.pid, start: '', seenAt: Date.now() })).toBe(true);
  expect(isRunning({ pid: process.pid, start: '', seenAt: 0 })).toBe(false);
});
