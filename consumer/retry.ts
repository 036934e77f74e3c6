/** Retries with full-jitter exponential backoff until the attempt succeeds. */
import { type BackoffPolicy, backoffMs, RECONNECT } from '../src/backoff.js';
import { LoghiveError } from '../src/errors.js';
import { asSentence } from '../src/sentence.js';
import { sleep } from '../src/time/time-limit.js';

export interface RetryOptions {
  readonly policy: BackoffPolicy;
  /** Stops the retries. */
  readonly signal: AbortSignal;
  /** Whether the error may be temporary. Default: always. */
  readonly isTemporary?: (error: Error) => boolean;
  /** Called after each temporary failure, before the delay. */
  readonly onFailure?: (error: Error) => void;
}

/**
 * @returns the result of the attempt; undefined if the signal stopped the retries.
 * @throws the attempt's error if it is not temporary.
 */
export async function retry<T>(
  attempt: () => Promise<T>,
  { policy, signal, isTemporary = () => true, onFailure }: RetryOptions,
): Promise<T | undefined> {
  // An ESM-only package: `require`, which the CommonJS build makes of a static import, does not find its default
  // export.
  const { default: pRetry } = await import('p-retry');
  try {
    return await pRetry(attempt, {
      retries: Number.POSITIVE_INFINITY,
      // p-retry's own delays have no full jitter.
      minTimeout: 0,
      signal,
      shouldRetry: ({ error }) => isTemporary(error),
      onFailedAttempt: async ({ error, attemptNumber }) => {
        if (!isTemporary(error)) return;
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
 * Retries until PostgreSQL works.
 *
 * @param onUnavailable receives the reason after each failed attempt.
 * @throws the attempt's error if waiting cannot resolve it.
 */
export function untilStorageWorks<T>(
  attempt: () => Promise<T>,
  signal: AbortSignal,
  onUnavailable: (reason: string) => void,
): Promise<T | undefined> {
  return retry(attempt, {
    policy: RECONNECT,
    signal,
    isTemporary: (error) => error instanceof LoghiveError && error.code === 'LOGHIVE_STORAGE_UNAVAILABLE',
    onFailure: ({ message }) => onUnavailable(message),
  });
}

/** The line to log while retrying. */
export function unavailable(what: string, reason: string): string {
  return `${what}: ${asSentence(reason)} Loghive tries again, at least every ${RECONNECT.maxMs / 1000} s.`;
}
