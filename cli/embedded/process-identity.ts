/**
 * Which process is meant, and whether it still runs. Its number alone does not tell: numbers are used again, and in a
 * container, where each start counts from 1, within minutes.
 */
import { readFileSync } from 'node:fs';
import os from 'node:os';

export interface ProcessIdentity {
  readonly pid: number;
  /** Boot id and start time in ticks, from Linux; '' where the system does not tell without a program of its own. */
  readonly start: string;
  /** Epoch milliseconds when this was written down. */
  readonly seenAt: number;
}

/** The machine's clock and the time of its start are not read at the same moment. */
const BOOT_SLACK_MS = 60_000;

export function identityOf(pid: number): ProcessIdentity {
  return { pid, start: startOf(pid)?.start ?? '', seenAt: Date.now() };
}

export function isRunning({ pid, start, seenAt }: ProcessIdentity): boolean {
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

/** Undefined where there is no /proc, or no right to read it. */
function startOf(pid: number): { start: string; ended: boolean } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in parentheses, may itself hold spaces and parentheses. Source: proc(5), fields 3 and 22.
    const [state = '', ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return { start: `${bootId} ${fields[18]}`, ended: state === 'Z' || state === 'X' };
  } catch {
    return undefined;
  }
}
