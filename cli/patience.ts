/** Repeats work of a command while the database is away for a while. */
import { backoffMs, RECONNECT } from '../src/backoff.js';
import { LoghiveError } from '../src/errors.js';
import { sleep } from '../src/time/time-limit.js';

export interface Patience {
  /**
   * Runs the work, and again if the database went away: it must be idempotent.
   *
   * @throws the error of the work: if the database has never answered, if waiting does not help, or when it has been
   *   away for ten minutes.
   */
  run<T>(work: () => Promise<T>): Promise<T>;
}

const MAX_AWAY_MS = 10 * 60_000;

/** @param report receives one sentence when the database goes away, and one when it is back. */
export function createPatience(report: (sentence: string) => void, signal: AbortSignal): Patience {
  let hasAnswered = false;
  return {
    async run(work) {
      let awaySinceMs: number | undefined;
      for (let failures = 0; ; ) {
        try {
          const result = await work();
          if (failures > 0) report('connected again.');
          hasAnswered = true;
          return result;
        } catch (error) {
          signal.throwIfAborted();
          awaySinceMs ??= performance.now();
          if (!hasAnswered || !mayComeBack(error) || performance.now() - awaySinceMs > MAX_AWAY_MS) throw error;
          failures += 1;
          if (failures === 1) report(`${error.message} Reconnecting.`);
          await sleep(backoffMs(failures, RECONNECT), signal);
          signal.throwIfAborted();
        }
      }
    },
  };
}

/** Refused logins, a missing database, and missing tables or rights: the user has to do something first. */
const PERMANENT = /^(?:28|3D|3F|42)/;

function mayComeBack(error: unknown): error is LoghiveError {
  if (!(error instanceof LoghiveError) || error.code !== 'LOGHIVE_STORAGE_UNAVAILABLE') return false;
  return !PERMANENT.test((error as { sqlstate?: string }).sqlstate ?? '');
}
