/**
 * Which process is meant, and whether it still runs. Its number alone does not tell: numbers are used again, and each pid
 * namespace (a container) and each machine has numbers of its own.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import os from 'node:os';

/** Where a number means the same process. */
export interface ProcessScope {
  /**
   * Of the kernel, since its start: what was seen under another one ran before a restart, or on another machine. Where the
   * system has none (it is no Linux), the name of the machine.
   */
  readonly bootId: string;
  /** `pid:[4026531836]`; '' where there are none. No two that are alive under one kernel have the same. */
  readonly pidNamespace: string;
}

export interface ProcessIdentity extends ProcessScope {
  readonly pid: number;
  /** When it was started, in ticks since the start of the machine; '' where the system does not tell. */
  readonly start: string;
  /** Epoch milliseconds when this was written down. */
  readonly seenAt: number;
}

/** 'foreign': in another container or on another machine, where nobody can look from here. */
export type Liveness = 'running' | 'ended' | 'foreign';

/** The machine's clock and the time of its start are not read at the same moment. */
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

/** Of a process of this machine and namespace. */
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

/** Of a process of this machine and namespace. */
export function isRunning({ pid, start, seenAt }: Omit<ProcessIdentity, keyof ProcessScope>): boolean {
  if (!exists(pid)) return false;
  const now = startOf(pid);
  if (now?.ended) return false;
  if (now !== undefined && start !== '') return now.start === start;
  // A process that was seen before the machine started is another one by now.
  return seenAt > Date.now() - os.uptime() * 1000 - BOOT_SLACK_MS;
}

/** As the system sees it: one that has ended and that nobody has asked for its status yet exists as well. */
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
  // The name, in parentheses, may itself hold spaces and parentheses. Source: proc(5), fields 3 and 22.
  const [state = '', ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { start: fields[18] ?? '', ended: state === 'Z' || state === 'X' };
}

/**
 * What /proc says of a process. Undefined where there is none, no right to read it, or where it is mounted for another
 * namespace, whose numbers mean other processes.
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
