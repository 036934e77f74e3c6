/** Delay before a retry: exponential growth with full jitter. Pure. */
export interface BackoffPolicy {
  /** Upper bound of the first delay, in milliseconds. */
  readonly firstMs: number;
  /** Upper bound of every delay, in milliseconds. */
  readonly maxMs: number;
}

/** Reconnecting to a server: 1 s to 30 s, as in the Python package. */
export const RECONNECT: BackoffPolicy = { firstMs: 1000, maxMs: 30_000 };

/** Republishing after nacks: 100 ms to 5 s. */
export const REFUSED: BackoffPolicy = { firstMs: 100, maxMs: 5000 };

/**
 * Full jitter spreads clients that lost their server at the same moment evenly over the interval
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 *
 * @param attempt 1 for the first delay after a failure.
 * @param random a number in [0, 1), a parameter so that tests can fix it.
 */
export function backoffMs(attempt: number, policy: BackoffPolicy, random: number = Math.random()): number {
  const ceiling = Math.min(policy.maxMs, policy.firstMs * 2 ** Math.min(attempt - 1, 30));
  return Math.ceil(ceiling * random);
}
