/** Flushes that have a time limit, and that a second signal may cut short. */
import { within } from '../time/time-limit.js';

/** What is flushed. */
export interface Flushable {
  flush(): Promise<void>;
  isIdle(): boolean;
  /** Records that were confirmed or shed so far. */
  settled(): number;
}

export class TimedFlush {
  readonly #target: Flushable;
  /** Each ends the waiting of one flush. */
  readonly #cuts = new Set<() => void>();

  constructor(target: Flushable) {
    this.#target = target;
  }

  /**
   * What is logged meanwhile is flushed as well.
   *
   * @returns whether there was a moment at which nothing was left.
   */
  async within(timeoutMs: number): Promise<boolean> {
    let wasIdle = false;
    const flushed = this.#untilIdle().then((isIdle) => {
      wasIdle = isIdle;
    });
    let cut = () => {};
    const wasCut = new Promise<void>((resolve) => {
      cut = resolve;
    });
    this.#cuts.add(cut);
    await within(timeoutMs, Promise.race([flushed, wasCut]));
    this.#cuts.delete(cut);
    return wasIdle;
  }

  /** Ends the waiting of all of them. */
  cut(): void {
    for (const cut of this.#cuts) cut();
  }

  async #untilIdle(): Promise<boolean> {
    const { flush, isIdle, settled } = this.#target;
    let before = -1;
    // A round that settled nothing would be followed by the same for ever, without an end to the turn of the event loop.
    while (!isIdle() && before !== settled()) {
      before = settled();
      await flush();
    }
    return isIdle();
  }
}
