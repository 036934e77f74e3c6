/** Flushes that wait for as long as it takes, unless they are given a time limit. Those that follow each other without a record between them are one. */
import { within } from '../time/time-limit.js';
import { keepingAlive, LONGEST_MS } from './keep-alive.js';
import type { TimedFlush } from './timed-flush.js';

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
  /** Resolves when everything that was accepted until now is confirmed or shed. */
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
