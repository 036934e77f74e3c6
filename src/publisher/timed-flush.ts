/** Flushes that have a time limit, and that a second signal may cut short. */
import { within } from '../time/time-limit.js';

/** What is flushed. */
export interface Flushable {
  flush(): Promise<void>;
  /** Tries a broker that is away now, and not after the rest of its delay. */
  hurry(): void;
  isIdle(): boolean;
  /** Records that were confirmed or shed so far. */
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
