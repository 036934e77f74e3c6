/** Tries again and again, with full-jitter exponential backoff, until it works. */
import { type BackoffPolicy, backoffMs, RECONNECT } from '../src/backoff.js';
import { LoghiveError } from '../src/errors.js';
import { asSentence } from '../src/sentence.js';
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

/**
 * Tries until PostgreSQL works.
 *
 * @param onUnavailable takes why it does not, in words, after each attempt.
 * @throws what the attempt throws when waiting alone would not mend it.
 */
export function untilStorageWorks<T>(
  attempt: () => Promise<T>,
  signal: AbortSignal,
  onUnavailable: (reason: string) => void,
): Promise<T | undefined> {
  return retry(attempt, {
    policy: RECONNECT,
    signal,
    isPassing: (error) => error instanceof LoghiveError && error.code === 'LOGHIVE_STORAGE_UNAVAILABLE',
    onFailure: ({ message }) => onUnavailable(message),
  });
}

/** What is logged meanwhile: what does not work, why, and that nobody has to start it again. */
export function unavailable(what: string, reason: string): string {
  return `${what}: ${asSentence(reason)} Loghive tries again, at least every ${RECONNECT.maxMs / 1000} s.`;
}
