/** A rate over the last minute, from a count that only grows. Pure: the clock is passed in. */

const WINDOW_MS = 60_000;

interface Reading {
  readonly atMs: number;
  readonly count: number;
}

export class Rate {
  /** The oldest first; the first one is the last that is older than the window. */
  #readings: Reading[] = [];

  /** To be called every few seconds. */
  read(count: number, atMs: number): void {
    this.#readings.push({ atMs, count });
    const first = this.#readings.findLastIndex((reading) => reading.atMs <= atMs - WINDOW_MS);
    if (first > 0) this.#readings.splice(0, first);
  }

  /** A second, since about a minute ago, or since the first reading where that is later. */
  perSecond(count: number, atMs: number): number {
    const [first] = this.#readings;
    if (!first || atMs <= first.atMs) return 0;
    return ((count - first.count) * 1000) / (atMs - first.atMs);
  }
}
