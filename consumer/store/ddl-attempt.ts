/**
 * DDL on the table of records, which needs a lock that a reader's open transaction can hold for long; everything that
 * comes after us in the lock's queue waits as well. So the lock is asked for briefly, a few times, and then left for later.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { verdict } from './verdict.js';

export const LOCK_TIMEOUT_MS = 200;
/** For all attempts that belong together. */
export const PATIENCE_MS = 2000;

/**
 * @param deadline in the time of `performance.now()`.
 * @returns undefined when it is done, else the error that says why it is left for later.
 * @throws the server's error where that concerns storing as well, and the socket's.
 */
export async function attemptDdl(work: () => Promise<unknown>, deadline: number): Promise<unknown> {
  for (;;) {
    try {
      await work();
      return undefined;
    } catch (error) {
      const code = (error as { code?: string }).code;
      const next = verdict({ code, phase: 'ddl' });
      if (next !== 'later' && next !== 'repeat') throw error;
      const again = next === 'repeat' || code === '55P03';
      if (!again || performance.now() >= deadline) return error;
      await delay(20 + Math.random() * 80);
    }
  }
}
