/** The PostgreSQL server process: its pid file, start and shutdown. */
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, openSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { exists, identityOf, isRunning, procText } from '../process-identity.js';
import { readTrustedFile } from '../trusted-file.js';
import { SERVER_ENVIRONMENT } from './cluster.js';
import type { ServerUser } from './server-user.js';

const POLL_MS = 20;
/** A fast shutdown writes all dirty pages to disk. */
const FAST_SHUTDOWN_MS = 10_000;
/** After five seconds of immediate shutdown, PostgreSQL kills remaining child processes itself. */
const IMMEDIATE_SHUTDOWN_MS = 10_000;

/** Contents of `postmaster.pid`. Source: src/include/utils/pidfile.h. */
export interface PidFile {
  readonly pid: number;
  readonly port: number;
  readonly status: string;
}

export function readPidFile(cluster: string): PidFile | undefined {
  const lines = readTrustedFile(path.join(cluster, 'postmaster.pid'))?.text.split('\n');
  const [pid, port] = [Number(lines?.[0]), Number(lines?.[3])];
  // A single-user server writes a negative pid; a file still being written lacks lines.
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  return { pid, port, status: lines?.[7]?.trim() ?? '' };
}

/**
 * Whether the process is the server of this cluster, judged by its command line (Linux). 'unknown': a PostgreSQL
 * started in another way, or a system that does not show command lines.
 */
export function classifyProcess(pid: number, cluster: string): 'this server' | 'another program' | 'unknown' {
  const words = procText(pid, 'cmdline')?.split('\0');
  if (words === undefined || words[0] === '') return 'unknown';
  const program = path.basename(words[0] ?? '');
  if (words.includes(cluster) && program === 'postgres') return 'this server';
  return /^post(gres|master)/.test(program) ? 'unknown' : 'another program';
}

/**
 * Removes a pid file whose pid belongs to another program, or to a server that has exited but was not reaped, as after
 * a restart of the machine or container. PostgreSQL would take either for a running server forever.
 */
export function removeStalePidFile(cluster: string): void {
  const found = readPidFile(cluster);
  // If the process no longer exists, PostgreSQL itself checks that its child processes have ended, for which it needs
  // the file.
  if (found === undefined || !exists(found.pid)) return;
  if (isRunning(identityOf(found.pid)) && classifyProcess(found.pid, cluster) !== 'another program') return;
  rmSync(path.join(cluster, 'postmaster.pid'), { force: true });
}

export interface Postmaster {
  readonly pid: number;
  /** False once the server has exited. */
  isRunning(): boolean;
  /** Fast shutdown, escalating if it takes too long. Resolves when the process is gone. */
  end(): Promise<void>;
  /** Kills the server without touching its data, which another process now uses. */
  kill(): Promise<void>;
}

export function postmasterOf(pid: number, binDir: string): Postmaster {
  const identity = identityOf(pid);
  return endable(pid, () => isRunning(identity), binDir);
}

/**
 * Runs in its own session: Ctrl-C reaches the whole process group, and the server must outlive the consumer that still
 * writes to it. Its output goes to a file because it may outlive this process.
 */
export function spawnPostmaster(
  { binDir, cluster, port, log }: { binDir: string; cluster: string; port: number; log: string },
  user: ServerUser | undefined,
): Promise<Postmaster> {
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    // Shared memory in files of the data directory: a container's /dev/shm is often too small for parallel queries.
    ...(process.platform !== 'win32' && { dynamic_shared_memory_type: 'mmap' }),
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW = 0 } = constants;
  const output = openSync(log, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
  const child = spawn(path.join(binDir, 'postgres'), ['-D', cluster, '-p', String(port), ...flags], {
    ...user,
    env: SERVER_ENVIRONMENT,
    cwd: '/',
    detached: true,
    windowsHide: true,
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  child.unref();
  let running = true;
  // Not by probing the pid: the process is fully gone only when its parent (this process) has reaped it.
  child.once('exit', () => {
    running = false;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('spawn', () => resolve(endable(child.pid ?? 0, () => running, binDir)));
  });
}

function endable(pid: number, running: () => boolean, binDir: string): Postmaster {
  let ending: Promise<void> | undefined;

  async function goneWithin(ms: number): Promise<boolean> {
    for (const begun = performance.now(); performance.now() - begun < ms; ) {
      if (!running()) return true;
      await delay(POLL_MS);
    }
    return !running();
  }

  async function kill(): Promise<void> {
    signal('SIGKILL');
    while (running()) await delay(POLL_MS);
  }

  async function end(): Promise<void> {
    signal('SIGINT');
    // A stopped process handles signals only after it continues.
    if (process.platform !== 'win32') signal('SIGCONT');
    if (await goneWithin(FAST_SHUTDOWN_MS)) return;
    signal('SIGQUIT');
    if (!(await goneWithin(IMMEDIATE_SHUTDOWN_MS))) await kill();
  }

  function signal(name: NodeJS.Signals): void {
    if (!running()) return;
    try {
      if (process.platform !== 'win32' || name === 'SIGKILL') process.kill(pid, name);
      // Windows has no signals; PostgreSQL listens for them on a named pipe there.
      else execFileSync(path.join(binDir, 'pg_ctl.exe'), ['kill', name.slice(3), String(pid)]);
    } catch (error) {
      // The process has just exited.
      if (running()) throw error;
    }
  }

  return {
    pid,
    isRunning: running,
    end() {
      ending ??= end();
      return ending;
    },
    kill,
  };
}
