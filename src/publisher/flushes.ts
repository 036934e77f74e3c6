/** Flushes, with and without a time limit. Consecutive flushes without a record between them are one. */
import { sleep, within } from '../time/time-limit.js';

/** How long a flush waits for the answer to an announcement once all records are confirmed, in milliseconds. */
const ANNOUNCEMENT_MS = 1000;

export interface FlushOptions {
  /**
   * How long to wait at most, in milliseconds. Records that are not confirmed by then stay pending. Anything but a
   * positive number counts as 0. Default: no limit.
   */
  timeoutMs?: number | undefined;
}

export interface CloseOptions {
  /**
   * How long to wait for publisher confirms at most, in milliseconds. Records that are not confirmed by then are
   * dropped and counted. Anything but a positive number counts as 0. Default: `exitTimeoutMs`.
   */
  timeoutMs?: number | undefined;
}

/** A time limit that a caller passed, in milliseconds, as a timer accepts it. */
export function timeLimit(timeoutMs: number): number {
  return timeoutMs > 0 ? Math.min(timeoutMs, LONGEST_MS) : 0;
}

/** What a flush works on. */
export interface Flushed {
  /** Number of records accepted so far. */
  accepted(): number;
  /** Sends everything without waiting for `lingerMs`. */
  hurry(): void;
  /** Resolves when everything accepted until now is confirmed or dropped. */
  settled(): Promise<void>;
  /** Resolves when the broker has answered all announcements. */
  announced(): Promise<unknown>;
}

export class Flushes {
  readonly #target: Flushed;
  readonly #timed: TimedFlush;
  /** The last flush: callers may ask again and again while the broker is unreachable. */
  #last: { readonly accepted: number; readonly all: Promise<void>; awaited?: Promise<void> } | undefined;

  constructor(target: Flushed, timed: TimedFlush) {
    this.#target = target;
    this.#timed = timed;
  }

  flush(): Promise<void> {
    return this.#flush().all;
  }

  /** The same, and keeps the process running until then. */
  awaitFlush({ timeoutMs = Number.POSITIVE_INFINITY }: FlushOptions = {}): Promise<void> {
    // NaN counts as 0: waiting forever would be worse.
    if (!(timeoutMs > LONGEST_MS)) return this.#timed.once(timeLimit(timeoutMs));
    const last = this.#flush();
    last.awaited ??= keepingAlive(last.all);
    return last.awaited;
  }

  #flush() {
    const accepted = this.#target.accepted();
    if (this.#last?.accepted !== accepted) this.#last = { accepted, all: this.#flushAll() };
    this.#target.hurry();
    return this.#last;
  }

  /** Consumers could not find a new service if the process ended before it is announced. */
  async #flushAll(): Promise<void> {
    await this.#target.settled();
    await within(ANNOUNCEMENT_MS, this.#target.announced());
  }
}

/** Callers that wait until the first `upTo` records of a lane are confirmed or dropped. */
interface Waiter {
  readonly upTo: number;
  readonly done: (() => void)[];
}

/**
 * Which records of a lane are confirmed or dropped, and who waits for them. Records have the numbers 0, 1, 2 … in the
 * order of the calls. Pure.
 */
export class FlushTracker {
  /** All records with lower numbers are settled. */
  #settled = 0;
  /** Ranges of settled records after the first one that is not: from their start to their end, and back. */
  readonly #ends = new Map<number, number>();
  readonly #starts = new Map<number, number>();
  /** In the order of `upTo`. */
  #waiting: Waiter[] = [];
  /** The waiters before this index are done. */
  #first = 0;

  /** @param upTo number of records to wait for, not lower than in the calls before. */
  add(upTo: number, done: () => void): void {
    const last = this.#waiting.at(-1);
    if (last && last.upTo >= upTo) last.done.push(done);
    else this.#waiting.push({ upTo, done: [done] });
    this.#resolve();
  }

  /** Records from number `from` on are confirmed or dropped. Frames are settled in any order, but each only once. */
  settled(from: number, records: number): void {
    if (this.isFinished) return;
    const start = this.#starts.get(from) ?? from;
    const end = this.#ends.get(from + records) ?? from + records;
    this.#starts.delete(from);
    this.#ends.delete(start);
    this.#ends.delete(from + records);
    this.#starts.delete(end);
    if (start > this.#settled) {
      this.#ends.set(start, end);
      this.#starts.set(end, start);
      return;
    }
    this.#settled = end;
    this.#resolve();
  }

  /** Nothing is waited for any more: what is left is on disk, for the next process. */
  finish(): void {
    this.#settled = Number.POSITIVE_INFINITY;
    this.#resolve();
  }

  get isFinished(): boolean {
    return this.#settled === Number.POSITIVE_INFINITY;
  }

  #resolve(): void {
    while (this.#waiting[this.#first] && this.#waiting[this.#first]!.upTo <= this.#settled) {
      const { done } = this.#waiting[this.#first]!;
      this.#first++;
      for (const each of done) each();
    }
    if (this.#first * 2 < this.#waiting.length) return;
    this.#waiting = this.#waiting.slice(this.#first);
    this.#first = 0;
  }
}

// Flushes with a time limit, which a second signal can cut short.

/** What a flush works on. */
export interface Flushable {
  flush(): Promise<void>;
  /** Reconnects immediately instead of after the rest of the delay. */
  hurry(): void;
  isIdle(): boolean;
  /** Number of records confirmed or dropped so far. */
  settled(): number;
}

/**
 * How often to try to reconnect meanwhile, in milliseconds. By the backoff alone the next attempt may be half a minute
 * away.
 */
const HURRY_EVERY_MS = 250;

/** How often to ask whether waiting is in vain, in milliseconds. */
const ASK_EVERY_MS = 20;

export class TimedFlush {
  readonly #target: Flushable;
  /** One function for each flush that waits: stops waiting. */
  readonly #cuts = new Set<() => void>();
  #hurrying: NodeJS.Timeout | undefined;
  #hurriedAtMs = Number.NEGATIVE_INFINITY;
  /** The flush that the latest `once()` began, until it is done, and the one that follows it. */
  #current: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(target: Flushable) {
    this.#target = target;
  }

  /**
   * Flushes at the end of the process, or at a close: reconnects immediately, and includes what is logged meanwhile.
   *
   * @param isInVain whether to stop waiting, asked from time to time.
   * @param isIdle whether nothing is left. Default: nothing at all is pending.
   * @returns whether nothing was left at some moment.
   */
  async within(timeoutMs: number, isInVain = () => false, isIdle = () => this.#target.isIdle()): Promise<boolean> {
    let wasIdle = false;
    const over = new AbortController();
    if (isInVain()) return isIdle();
    this.#hurriedAtMs = Number.NEGATIVE_INFINITY;
    let stop = () => {};
    const stopped = new Promise<void>((resolve) => {
      stop = resolve;
    });
    const asking = setInterval(() => isInVain() && stop(), ASK_EVERY_MS).unref();
    await this.#limited(timeoutMs, async () => {
      const idle = this.#untilIdle(isIdle, over.signal).then((is) => {
        wasIdle = is;
      });
      await Promise.race([idle, stopped]);
    });
    clearInterval(asking);
    over.abort();
    return wasIdle;
  }

  /** Flushes what was accepted until now. May be called for each request while the broker is unreachable. */
  async once(timeoutMs: number): Promise<void> {
    await this.#limited(timeoutMs, () => this.#shared());
  }

  /**
   * However many callers wait, there are two flushes: the current one, and one for all calls that came after it began.
   */
  #shared(): Promise<void> {
    if (!this.#current) return this.#begin();
    this.#next ??= this.#current.then(() => {
      this.#next = undefined;
      return this.#begin();
    });
    return this.#next;
  }

  #begin(): Promise<void> {
    const flushed = this.#target.flush().finally(() => {
      if (this.#current === flushed) this.#current = undefined;
    });
    this.#current = flushed;
    return flushed;
  }

  async #limited(timeoutMs: number, flush: () => Promise<void>): Promise<void> {
    // All waiting callers together try to reconnect no more often than one of them would.
    if (performance.now() - this.#hurriedAtMs >= HURRY_EVERY_MS) this.#hurry();
    this.#hurrying ??= setInterval(() => this.#hurry(), HURRY_EVERY_MS).unref();
    const flushed = flush();
    let cut = () => {};
    const wasCut = new Promise<void>((resolve) => {
      cut = resolve;
    });
    this.#cuts.add(cut);
    await within(timeoutMs, Promise.race([flushed, wasCut]));
    this.#cuts.delete(cut);
    if (this.#cuts.size > 0) return;
    clearInterval(this.#hurrying);
    this.#hurrying = undefined;
  }

  #hurry(): void {
    this.#hurriedAtMs = performance.now();
    this.#target.hurry();
  }

  /** Makes all flushes stop waiting. */
  cut(): void {
    for (const cut of this.#cuts) cut();
  }

  async #untilIdle(isIdle: () => boolean, over: AbortSignal): Promise<boolean> {
    const { flush, settled } = this.#target;
    while (!isIdle() && !over.aborted) {
      const before = settled();
      await flush();
      // Only records of earlier processes are left, for which a flush does not wait.
      if (!isIdle() && before === settled()) await sleep(ASK_EVERY_MS, over);
    }
    return isIdle();
  }
}

// Keeps the process running while something is awaited, even if nothing else is left to do.

/** Longest delay of a Node timer, in milliseconds. */
export const LONGEST_MS = 2 ** 31 - 1;

/** AWS Lambda's runtime treats an empty event loop as a handler that will never answer. */
export async function keepingAlive<T>(work: Promise<T>): Promise<T> {
  const timer = setInterval(() => {}, LONGEST_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}
