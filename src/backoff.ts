/** How long to wait before attempt number `attempt`: exponential growth, full jitter. Pure. */
export interface BackoffPolicy {
  /** Upper bound of the first delay, in milliseconds. */
  readonly firstMs: number;
  /** Upper bound of every delay, in milliseconds. */
  readonly maxMs: number;
}

/** Reconnecting to a server: 1 s → 30 s, the Python package's values. */
export const RECONNECT: BackoffPolicy = { firstMs: 1000, maxMs: 30_000 };

/** A lane whose publishes are refused (nack): 100 ms → 5 s. */
export const REFUSED: BackoffPolicy = { firstMs: 100, maxMs: 5000 };

/**
 * Full jitter spreads a fleet that lost its server at the same moment evenly over the interval
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 *
 * @param attempt 1 for the first delay after a failure.
 * @param random a number in [0, 1), passed in so that tests can fix it.
 */
export function backoffMs(attempt: number, policy: BackoffPolicy, random: number = Math.random()): number {
  const ceiling = Math.min(policy.maxMs, policy.firstMs * 2 ** Math.min(attempt - 1, 30));
  return Math.ceil(ceiling * random);
}
