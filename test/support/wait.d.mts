export interface EventuallyOptions {
  /** Deadline, default 10000. */
  withinMs?: number;
  /** Pause between two attempts, default 25. */
  everyMs?: number;
  /** What is waited for, for the error's text: "the queue is empty". */
  what?: string;
}

/** A condition that gives undefined while it does not hold would pass at once; the compiler refuses it. */
type Condition<T> = [undefined] extends [T]
  ? // biome-ignore lint/suspicious/noConfusingVoidType: the difference between void and undefined is the point
    [void] extends [T]
    ? unknown
    : 'while it does not hold a condition throws or gives null or false, never undefined'
  : unknown;

/**
 * Polls `fn` until it gives something truthy without throwing, and resolves with that. A function that only asserts
 * (gives nothing) holds when it does not throw. At the deadline it rejects: the text holds the last failure, and so
 * does `cause`.
 */
export function eventually<T>(fn: (() => T | Promise<T>) & Condition<T>, options?: EventuallyOptions): Promise<T>;

/** Milliseconds from a timer: for the length of a fault, never to wait for something to have happened. */
export function sleep(ms: number): Promise<void>;
