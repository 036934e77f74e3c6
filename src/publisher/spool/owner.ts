/**
 * Which process a segment belongs to, and whether that process is gone. The name of a segment carries its owner:
 *
 *   3f2-5s1k9-1b6f0c2e-t4c1q-x7qd
 *   pid, time of its start, boot id, pid namespace, publisher
 *
 * A pid alone says little: another process gets it later, and each container counts from 1.
 */
import { randomInt } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';

export interface Owner {
  readonly pid: number;
  /** When the process started, in ticks since the boot; '0' if it is not known. */
  readonly started: string;
  /** '0' if it is not known. */
  readonly boot: string;
  readonly namespace: string;
  /** One process may have several publishers, also in its worker threads. */
  readonly publisher: string;
}

/** In the place of an owner: the segment was left to the next process that starts. */
export const NOBODY = 'free';

/**
 * An owner that cannot be asked for, because it runs in another container or on another machine, is gone if it has not
 * touched its segments for this long, in milliseconds.
 */
export const GONE_AFTER_MS = 60_000;
/** How often an owner touches its segments, in milliseconds. */
export const TOUCH_EVERY_MS = 20_000;

/** A new owner in this process. */
export function newOwner(): Owner {
  return { ...thisProcess(), publisher: randomInt(36 ** 3, 36 ** 4).toString(36) };
}

let known: Omit<Owner, 'publisher'> | undefined;

function thisProcess(): Omit<Owner, 'publisher'> {
  known ??= {
    pid: process.pid,
    started: startOf(process.pid) ?? '0',
    boot: read(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').slice(0, 8)),
    namespace: read(() => Number(/\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0]).toString(36)),
  };
  return known;
}

function read(value: () => string): string {
  try {
    return value();
  } catch {
    return '0';
  }
}

/** Undefined if no such process runs, or there is no /proc. */
export function startOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name of the program is in parentheses, and may contain spaces and parentheses itself.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    // It has ended, and its parent has not asked for its exit status.
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return Number(fields[19]).toString(36);
  } catch {
    return undefined;
  }
}

export function formatOwner({ pid, started, boot, namespace, publisher }: Owner): string {
  return [pid.toString(36), started, boot, namespace, publisher].join('-');
}

export function parseOwner(text: string): Owner | undefined {
  const [pid, started, boot, namespace, publisher, ...rest] = text.split('-');
  if (publisher === undefined || rest.length > 0 || !/^[0-9a-z-]+$/.test(text)) return undefined;
  return { pid: Number.parseInt(pid!, 36), started: started!, boot: boot!, namespace: namespace!, publisher };
}

/**
 * @param self this process.
 * @param untouchedMs how long ago the owner last touched its segments, in milliseconds.
 * @param startedAt finds out when a process of this namespace started.
 */
export function isGone(owner: Owner, self: Owner, untouchedMs: number, startedAt = startOf): boolean {
  const isNear = owner.boot === self.boot && owner.namespace === self.namespace && owner.started !== '0';
  // A thread of this process may have been terminated.
  const isThisProcess = isNear && owner.pid === self.pid && owner.started === self.started;
  if (!isNear || isThisProcess) return untouchedMs >= GONE_AFTER_MS;
  return startedAt(owner.pid) !== owner.started;
}

/**
 * Whether the next process may take a segment.
 *
 * @param owner as in its name.
 */
export function isFree(owner: string, self: Owner, untouchedMs: number): boolean {
  if (owner === NOBODY) return true;
  const known = parseOwner(owner);
  return known !== undefined && isGone(known, self, untouchedMs);
}
