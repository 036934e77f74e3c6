/** Waits for PostgreSQL: again and again, with full-jitter exponential backoff, until it can take records. */
import { backoffMs, RECONNECT } from '../src/backoff.js';
import type { LoghiveError } from '../src/errors.js';
import { sleep } from '../src/time/time-limit.js';

/**
 * @param attempt what must succeed: the migrations, the probe.
 * @param onFailure told after each failure, before the delay.
 * @param signal ends the waiting; then this resolves without success.
 * @throws what the attempt throws when that is not LOGHIVE_STORAGE_UNAVAILABLE: waiting alone would not mend it.
 */
export async function untilStorageWorks(
  attempt: () => Promise<unknown>,
  onFailure: (reason: string) => void,
  signal: AbortSignal,
): Promise<void> {
  // Import-only: a `require` of its default export, as the CommonJS build would make of a static import, finds none.
  const { default: pRetry } = await import('p-retry');
  const isOutage = (error: unknown) => (error as LoghiveError).code === 'LOGHIVE_STORAGE_UNAVAILABLE';
  try {
    await pRetry(attempt, {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: 0,
      signal,
      shouldRetry: ({ error }) => isOutage(error),
      onFailedAttempt: async ({ error, attemptNumber }) => {
        if (!isOutage(error)) return;
        onFailure(error.message);
        await sleep(backoffMs(attemptNumber, RECONNECT), signal);
      },
    });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
