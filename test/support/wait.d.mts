export interface EventuallyOptions {
  /** Deadline in milliseconds, default 10000. */
  withinMs?: number;
  /** Pause between two attempts in milliseconds, default 25. */
  everyMs?: number;
  /** Description of the condition for the error message: "the queue is empty". */
  what?: string;
}

/**
 * A condition that returns undefined while it does not hold would pass immediately; this type makes the compiler reject
 * it.
 */
type Condition<T> = [undefined] extends [T]
  ? // biome-ignore lint/suspicious/noConfusingVoidType: the difference between void and undefined is the point
    [void] extends [T]
    ? unknown
    : 'while it does not hold, a condition throws or returns null or false, never undefined'
  : unknown;

/**
 * Polls `fn` until it returns something truthy without throwing, and resolves with that. A function that only asserts
 * (returns nothing) holds when it does not throw. Rejects at the deadline with the last failure in the message and as
 * `cause`.
 */
export function eventually<T>(fn: (() => T | Promise<T>) & Condition<T>, options?: EventuallyOptions): Promise<T>;

/** Waits by a timer. For the duration of a fault, never to wait for something to happen. */
export function sleep(ms: number): Promise<void>;
