export interface EventuallyOptions {
  /** Deadline, default 10000. */
  withinMs?: number;
  /** Pause between two attempts, default 25. */
  everyMs?: number;
  /** What is waited for, for the error's text: "the queue is empty". */
  what?: string;
}

/**
 * Polls `fn` until it returns something truthy (or undefined) without throwing, and resolves with that value.
 * At the deadline it rejects; the error's text holds the last failure, `cause` is that failure.
 */
export function eventually<T>(fn: () => T | Promise<T>, options?: EventuallyOptions): Promise<T>;
export function sleep(ms: number): Promise<void>;
