/**
 * Identifies a process and checks whether it is still running. A pid alone is not enough: pids are reused, and each pid
 * namespace (container) and each machine has its own.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import os from 'node:os';

/** Where a pid refers to the same process. */
export interface ProcessScope {
  /**
   * The kernel's boot id: a process seen under another boot id ran before a reboot, or on another machine. On systems
   * without one (not Linux), the host name.
   */
  readonly bootId: string;
  /** For example `pid:[4026531836]`; '' if there are no namespaces. Unique among the live namespaces of a kernel. */
  readonly pidNamespace: string;
}

export interface ProcessIdentity extends ProcessScope {
  readonly pid: number;
  /** Start time in clock ticks since boot; '' if the system does not provide it. */
  readonly start: string;
  /** When this was recorded, in epoch milliseconds. */
  readonly seenAt: number;
}

/** 'foreign': in another container or on another machine, so it cannot be checked. */
export type Liveness = 'running' | 'ended' | 'foreign';

/** Tolerance, because the clock and the boot time are not read at the same moment. */
const BOOT_SLACK_MS = 60_000;

export function ownScope(): ProcessScope {
  return { bootId: textOf('/proc/sys/kernel/random/boot_id') ?? os.hostname(), pidNamespace: ownPidNamespace() };
}

function ownPidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

/** The process must be on this machine, in this namespace. */
export function identityOf(pid: number): ProcessIdentity {
  return { ...ownScope(), pid, start: startOf(pid)?.start ?? '', seenAt: Date.now() };
}

export function isOwnScope({ bootId, pidNamespace }: ProcessScope, own: ProcessScope = ownScope()): boolean {
  return bootId === own.bootId && pidNamespace === own.pidNamespace;
}

export function livenessOf(identity: ProcessIdentity): Liveness {
  if (!isOwnScope(identity)) return 'foreign';
  return isRunning(identity) ? 'running' : 'ended';
}

/** The process must be on this machine, in this namespace. */
export function isRunning({ pid, start, seenAt }: Omit<ProcessIdentity, keyof ProcessScope>): boolean {
  if (!exists(pid)) return false;
  const now = startOf(pid);
  if (now?.ended) return false;
  if (now !== undefined && start !== '') return now.start === start;
  // A process recorded before this machine booted is a different one now.
  return seenAt > Date.now() - os.uptime() * 1000 - BOOT_SLACK_MS;
}

/** Whether the pid exists, including zombies. */
export function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function startOf(pid: number): { start: string; ended: boolean } | undefined {
  const stat = procText(pid, 'stat');
  if (stat === undefined) return undefined;
  // The name is in parentheses and may contain spaces and parentheses. Source: proc(5), fields 3 and 22.
  const [state = '', ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { start: fields[18] ?? '', ended: state === 'Z' || state === 'X' };
}

/**
 * Reads a file of /proc. Undefined if there is no /proc or no permission, or if /proc is mounted for another namespace,
 * whose pids refer to other processes.
 */
export function procText(pid: number, name: 'stat' | 'cmdline'): string | undefined {
  try {
    return readlinkSync('/proc/self') === String(process.pid) ? textOf(`/proc/${pid}/${name}`) : undefined;
  } catch {
    return undefined;
  }
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
