/** Rate of a counter over the last minute. Pure: the clock is passed in. */

const WINDOW_MS = 60_000;

interface Reading {
  readonly atMs: number;
  readonly count: number;
}

export class Rate {
  /** Oldest first. The first one is the latest that is older than the window. */
  #readings: Reading[] = [];

  /** Call this every few seconds. */
  read(count: number, atMs: number): void {
    this.#readings.push({ atMs, count });
    const first = this.#readings.findLastIndex((reading) => reading.atMs <= atMs - WINDOW_MS);
    if (first > 0) this.#readings.splice(0, first);
  }

  /** Events per second over about the last minute, or since the first reading if that is later. */
  perSecond(count: number, atMs: number): number {
    const [first] = this.#readings;
    if (!first || atMs <= first.atMs) return 0;
    return ((count - first.count) * 1000) / (atMs - first.atMs);
  }
}
