/** Flushes that wait for as long as it takes, unless they are given a time limit. Those that follow each other without a record between them are one. */
import { within } from '../time/time-limit.js';

/** How long a flush waits for the broker's answer to an announcement, once all records are confirmed. */
const ANNOUNCEMENT_MS = 1000;

export interface FlushOptions {
  /**
   * How long it waits at most, in milliseconds; nothing is given up then. What is not a positive number counts as 0. Default:
   * until a broker that is away is back.
   */
  timeoutMs?: number;
}

/** What is flushed. */
export interface Flushed {
  /** Records so far. */
  accepted(): number;
  /** Sends what waits for company. */
  hurry(): void;
  /** Resolves when everything that was accepted until now is confirmed or dropped. */
  settled(): Promise<void>;
  /** Resolves when the broker has answered to all announcements. */
  said(): Promise<unknown>;
}

export class Flushes {
  readonly #target: Flushed;
  readonly #timed: TimedFlush;
  /** While the broker is away somebody may ask again and again. */
  #last: { readonly accepted: number; readonly all: Promise<void>; awaited?: Promise<void> } | undefined;

  constructor(target: Flushed, timed: TimedFlush) {
    this.#target = target;
    this.#timed = timed;
  }

  flush(): Promise<void> {
    return this.#flush().all;
  }

  /** The same; until then the process does not end by itself. */
  awaitFlush({ timeoutMs = Number.POSITIVE_INFINITY }: FlushOptions = {}): Promise<void> {
    // What is no number at all counts as 0: waiting for ever would be worse.
    if (!(timeoutMs > LONGEST_MS)) return this.#timed.once(timeoutMs > 0 ? timeoutMs : 0);
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

  /** Nobody finds records of a service that was never announced, where the process ends right after this. */
  async #flushAll(): Promise<void> {
    await this.#target.settled();
    await within(ANNOUNCEMENT_MS, this.#target.said());
  }
}

/**
 * Who waits until the frames of a lane that were there are settled, in the order in which they came. Each one counts only
 * the frames behind those of the one before: a frame that settles costs one step, however many wait. Pure.
 */
interface Waiter {
  /** The last frame that it waits for. */
  readonly upTo: number;
  /** Unsettled frames behind those of the waiter before. */
  left: number;
  readonly done: (() => void)[];
}

export class FlushTracker {
  #waiting: Waiter[] = [];
  /** Those before this one have been told. */
  #first = 0;
  #left = 0;

  /**
   * @param upTo sequence of the last frame there is.
   * @param unsettled how many frames up to it are not settled.
   */
  add(upTo: number, unsettled: number, done: () => void): void {
    const last = this.#waiting.at(-1);
    if (last && last.upTo >= upTo) {
      last.done.push(done);
      return;
    }
    const left = unsettled - this.#left;
    this.#waiting.push({ upTo, left, done: [done] });
    this.#left += left;
  }

  settled(sequence: number): void {
    const waiter = this.#waiting[this.#indexOf(sequence)];
    if (!waiter) return;
    waiter.left--;
    this.#left--;
    this.#tell();
  }

  /** The frame is now as many as `parts`, each of which settles under its number. */
  split(sequence: number, parts: number): void {
    const waiter = this.#waiting[this.#indexOf(sequence)];
    if (!waiter) return;
    waiter.left += parts - 1;
    this.#left += parts - 1;
  }

  /** Nothing more will settle. */
  clear(): void {
    for (const waiter of this.#waiting) waiter.left = 0;
    this.#left = 0;
    this.#tell();
  }

  #tell(): void {
    while (this.#waiting[this.#first]?.left === 0) {
      const { done } = this.#waiting[this.#first]!;
      this.#first++;
      for (const each of done) each();
    }
    if (this.#first * 2 < this.#waiting.length) return;
    this.#waiting = this.#waiting.slice(this.#first);
    this.#first = 0;
  }

  /** The first one that waits for this frame, or one behind the last. */
  #indexOf(sequence: number): number {
    let low = this.#first;
    let high = this.#waiting.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#waiting[middle]!.upTo < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

// Flushes that have a time limit, and that a second signal may cut short.

/** What is flushed. */
export interface Flushable {
  flush(): Promise<void>;
  /** Tries a broker that is away now, and not after the rest of its delay. */
  hurry(): void;
  isIdle(): boolean;
  /** Records that were confirmed or dropped so far. */
  settled(): number;
}

/** How often a broker that is away is tried meanwhile: by its backoff the next attempt may be half a minute away. */
const HURRY_EVERY_MS = 250;

export class TimedFlush {
  readonly #target: Flushable;
  /** Each ends the waiting of one flush. */
  readonly #cuts = new Set<() => void>();
  #hurrying: NodeJS.Timeout | undefined;
  #hurriedAtMs = Number.NEGATIVE_INFINITY;
  /** The flush that the latest `once()` began, while it is not done, and the one that follows it. */
  #current: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(target: Flushable) {
    this.#target = target;
  }

  /**
   * At an end: a broker that is away is tried at once. What is logged meanwhile is flushed as well.
   *
   * @param isIdle whether nothing is left of what is waited for; left out: nothing at all.
   * @returns whether there was a moment at which nothing was left.
   */
  async within(timeoutMs: number, isIdle = () => this.#target.isIdle()): Promise<boolean> {
    let wasIdle = false;
    this.#hurriedAtMs = Number.NEGATIVE_INFINITY;
    await this.#limited(timeoutMs, async () => {
      wasIdle = await this.#untilIdle(isIdle);
    });
    return wasIdle;
  }

  /** What was accepted until now. It may be called for each request, for as long as a broker is away. */
  async once(timeoutMs: number): Promise<void> {
    await this.#limited(timeoutMs, () => this.#shared());
  }

  /** However many wait, two flushes do: the one under way, and one for all that came after it began. */
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
    // All who wait together try a broker that is away no more often than one of them would.
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

  /** Ends the waiting of all of them. */
  cut(): void {
    for (const cut of this.#cuts) cut();
  }

  async #untilIdle(isIdle: () => boolean): Promise<boolean> {
    const { flush, settled } = this.#target;
    let before = -1;
    // A round that settled nothing would be followed by the same for ever, without an end to the turn of the event loop.
    while (!isIdle() && before !== settled()) {
      before = settled();
      await flush();
    }
    return isIdle();
  }
}

// Waiting that keeps the process running: whoever awaits something goes on, though nothing else is left to do.

/** As long as a timer of Node's may take. */
export const LONGEST_MS = 2 ** 31 - 1;

/** AWS Lambda's runtime takes an event loop that has emptied for a handler that will never answer. */
export async function keepingAlive<T>(work: Promise<T>): Promise<T> {
  const timer = setInterval(() => {}, LONGEST_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}
