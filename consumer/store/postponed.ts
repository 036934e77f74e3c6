/** What is left alone for a while, because it was locked or could not be done. Pure but for the clock it is given. */

/** What failed for another reason than a lock, in milliseconds. */
const FAILED_MS = 600_000;
/** What was locked, the more often in a row the longer. */
const LOCKED_MS = [60_000, 120_000, 300_000, 600_000] as const;

/** By a number of the caller's own, such as an oid. */
export class Postponed {
  readonly #now: () => number;
  /** Epoch milliseconds. */
  readonly #untilMs = new Map<number, number>();
  /** How often in a row it was locked. */
  readonly #locked = new Map<number, number>();

  /** @param now epoch milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  has(key: number): boolean {
    return (this.#untilMs.get(key) ?? 0) > this.#now();
  }

  failed(key: number): void {
    this.#untilMs.set(key, this.#now() + FAILED_MS);
  }

  locked(key: number): void {
    const times = this.#locked.get(key) ?? 0;
    this.#locked.set(key, times + 1);
    this.#untilMs.set(key, this.#now() + LOCKED_MS[Math.min(times, LOCKED_MS.length - 1)]!);
  }

  /** It could be done. @returns whether it was locked before. */
  done(key: number): boolean {
    return this.#locked.delete(key);
  }

  /** Forgets what is over, and the locks of all others than these. */
  prune(known: ReadonlySet<number>): void {
    for (const key of this.#locked.keys()) if (!known.has(key)) this.#locked.delete(key);
    for (const [key, untilMs] of this.#untilMs) if (untilMs <= this.#now()) this.#untilMs.delete(key);
  }
}
