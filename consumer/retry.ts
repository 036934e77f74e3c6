/** Tries again and again, with full-jitter exponential backoff, until it works. */
import { type BackoffPolicy, backoffMs } from '../src/backoff.js';
import { sleep } from '../src/time/time-limit.js';

export interface RetryOptions {
  readonly policy: BackoffPolicy;
  /** Ends the trying. */
  readonly signal: AbortSignal;
  /** Whether waiting may mend it. Default: always. */
  readonly isPassing?: (error: Error) => boolean;
  /** Called after each failure that may pass, before the delay. */
  readonly onFailure?: (error: Error) => void;
}

/**
 * @returns what the attempt resolves to; undefined where the signal has ended the trying.
 * @throws what the attempt throws when that does not pass.
 */
export async function retry<T>(
  attempt: () => Promise<T>,
  { policy, signal, isPassing = () => true, onFailure }: RetryOptions,
): Promise<T | undefined> {
  // Import-only: a `require` of its default export, as the CommonJS build would make of a static import, finds none.
  const { default: pRetry } = await import('p-retry');
  try {
    return await pRetry(attempt, {
      retries: Number.POSITIVE_INFINITY,
      // Its own delays have no full jitter.
      minTimeout: 0,
      signal,
      shouldRetry: ({ error }) => isPassing(error),
      onFailedAttempt: async ({ error, attemptNumber }) => {
        if (!isPassing(error)) return;
        onFailure?.(error);
        await sleep(backoffMs(attemptNumber, policy), signal);
      },
    });
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}
