/** The process of a PostgreSQL server: its pid file, its beginning and its end. */
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, openSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { exists, identityOf, isRunning, procText } from '../process-identity.js';
import { readTrustedFile } from '../trusted-file.js';
import { SERVER_ENVIRONMENT } from './cluster.js';
import type { ServerUser } from './server-user.js';

const POLL_MS = 20;
/** A fast shutdown writes what is dirty to the disk. */
const FAST_SHUTDOWN_MS = 10_000;
/** After five seconds of it PostgreSQL itself kills the children that have not ended. */
const IMMEDIATE_SHUTDOWN_MS = 10_000;

/** What `postmaster.pid` says. Source: src/include/utils/pidfile.h. */
export interface PidFile {
  readonly pid: number;
  readonly port: number;
  readonly status: string;
}

export function readPidFile(cluster: string): PidFile | undefined {
  const lines = readTrustedFile(path.join(cluster, 'postmaster.pid'))?.text.split('\n');
  const [pid, port] = [Number(lines?.[0]), Number(lines?.[3])];
  // A single-user server has a negative number there; one that is being written has less than all lines.
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  return { pid, port, status: lines?.[7]?.trim() ?? '' };
}

/**
 * Whether the process is the server of this cluster: by its command line, where the system shows it (Linux).
 * 'unknown': a PostgreSQL that was started in another way, or a system that does not tell.
 */
export function classifyProcess(pid: number, cluster: string): 'this server' | 'another program' | 'unknown' {
  const words = procText(pid, 'cmdline')?.split('\0');
  if (words === undefined || words[0] === '') return 'unknown';
  const program = path.basename(words[0] ?? '');
  if (words.includes(cluster) && program === 'postgres') return 'this server';
  return /^post(gres|master)/.test(program) ? 'unknown' : 'another program';
}

/**
 * After a start of the machine or container the number in the pid file may belong to another program, or to a server that
 * has ended and that nobody waits for. PostgreSQL would take either for a running server, for ever.
 */
export function removeStalePidFile(cluster: string): void {
  const found = readPidFile(cluster);
  // Of one that is altogether gone PostgreSQL makes sure itself that its children are gone as well: leave it the file.
  if (found === undefined || !exists(found.pid)) return;
  if (isRunning(identityOf(found.pid)) && classifyProcess(found.pid, cluster) !== 'another program') return;
  rmSync(path.join(cluster, 'postmaster.pid'), { force: true });
}

export interface Postmaster {
  readonly pid: number;
  /** False once it has ended. */
  isRunning(): boolean;
  /** Fast shutdown, and harder where that does not help. Resolves when the process is gone. */
  end(): Promise<void>;
  /** At once, and without another look at its data, which belong to somebody else by now. */
  kill(): Promise<void>;
}

export function postmasterOf(pid: number, binDir: string): Postmaster {
  const identity = identityOf(pid);
  return endable(pid, () => isRunning(identity), binDir);
}

/**
 * In a session of its own: Ctrl-C in a terminal goes to every process of the group, and the server has to outlive the one
 * that still writes to it. Its output goes to a file for the same reason: it may outlive us.
 */
export function spawnPostmaster(
  { binDir, cluster, port, log }: { binDir: string; cluster: string; port: number; log: string },
  user: ServerUser | undefined,
): Promise<Postmaster> {
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    // In files of the data folder: the /dev/shm of a container is often too small for a parallel query.
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
  // Not by looking for the process: it is gone for good only when its parent, which we are, has taken its status.
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
    // One that was stopped takes signals only when it runs again.
    if (process.platform !== 'win32') signal('SIGCONT');
    if (await goneWithin(FAST_SHUTDOWN_MS)) return;
    signal('SIGQUIT');
    if (!(await goneWithin(IMMEDIATE_SHUTDOWN_MS))) await kill();
  }

  function signal(name: NodeJS.Signals): void {
    if (!running()) return;
    try {
      if (process.platform !== 'win32' || name === 'SIGKILL') process.kill(pid, name);
      // Windows has no signals; there PostgreSQL listens for them on a pipe.
      else execFileSync(path.join(binDir, 'pg_ctl.exe'), ['kill', name.slice(3), String(pid)]);
    } catch (error) {
      // It ended just now.
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
