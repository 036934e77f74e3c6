/** Counters and timers beside those of a console that does not say what it prints of them, as Jest's. */
export class Tally {
  readonly #counts = new Map<string, number>();
  readonly #startedMs = new Map<string, number>();

  count(label: string): number {
    const count = (this.#counts.get(label) ?? 0) + 1;
    this.#counts.set(label, count);
    return count;
  }

  /** Nothing is printed of this, nor of `time()`. */
  countReset(label: string): undefined {
    this.#counts.delete(label);
  }

  /** A timer that runs already goes on, as in Node. */
  time(label: string): undefined {
    if (!this.#startedMs.has(label)) this.#startedMs.set(label, performance.now());
  }

  /** Milliseconds; undefined where no timer runs, for which Node prints nothing. */
  elapsed(label: string): number | undefined {
    const startedMs = this.#startedMs.get(label);
    return startedMs === undefined ? undefined : performance.now() - startedMs;
  }

  timeEnd(label: string): void {
    this.#startedMs.delete(label);
  }
}
