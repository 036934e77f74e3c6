/**
 * DDL on the records table, and backoff after it fails. It needs a lock that the open transaction of a reader can hold
 * for long, and every later lock request waits behind ours. So we request the lock briefly, a few times, and then defer
 * the work.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { errorAction } from './error-action.js';

export const LOCK_TIMEOUT_MS = 200;
/** Total time for attempts that belong together. */
export const LOCK_BUDGET_MS = 2000;

/**
 * @param deadline in terms of `performance.now()`.
 * @returns undefined on success, otherwise the error that defers the work.
 * @throws the server error if it affects storing too, and the socket error.
 */
export async function attemptDdl(work: () => Promise<unknown>, deadline: number): Promise<unknown> {
  for (;;) {
    try {
      await work();
      return undefined;
    } catch (error) {
      const code = (error as { code?: string }).code;
      const next = errorAction({ code, phase: 'ddl' });
      if (next !== 'defer' && next !== 'retry-transaction') throw error;
      const again = next === 'retry-transaction' || code === '55P03';
      if (!again || performance.now() >= deadline) return error;
      await delay(20 + Math.random() * 80);
    }
  }
}

// Work that is skipped for a while, because it was locked or failed.

/** After a failure other than a lock, in milliseconds. */
const FAILED_BACKOFF_MS = 600_000;
/** After a lock timeout, by number in a row, in milliseconds. */
const LOCKED_BACKOFF_MS = [60_000, 120_000, 300_000, 600_000] as const;

/** Keyed by any number, such as an oid. */
export class Cooldowns {
  readonly #now: () => number;
  /** Epoch milliseconds. */
  readonly #untilMs = new Map<number, number>();
  /** Lock timeouts in a row. */
  readonly #locked = new Map<number, number>();

  /** @param now epoch milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  has(key: number): boolean {
    return (this.#untilMs.get(key) ?? 0) > this.#now();
  }

  failed(key: number): void {
    this.#untilMs.set(key, this.#now() + FAILED_BACKOFF_MS);
  }

  locked(key: number): void {
    const times = this.#locked.get(key) ?? 0;
    this.#locked.set(key, times + 1);
    this.#untilMs.set(key, this.#now() + LOCKED_BACKOFF_MS[Math.min(times, LOCKED_BACKOFF_MS.length - 1)]!);
  }

  /** @returns whether it was locked before. */
  succeeded(key: number): boolean {
    return this.#locked.delete(key);
  }

  /** Drops expired entries, and lock counts of keys that are not known. */
  prune(known: ReadonlySet<number>): void {
    for (const key of this.#locked.keys()) if (!known.has(key)) this.#locked.delete(key);
    for (const [key, untilMs] of this.#untilMs) if (untilMs <= this.#now()) this.#untilMs.delete(key);
  }
}
