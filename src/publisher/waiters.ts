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

export class Waiters {
  #waiters: Waiter[] = [];
  /** Those before this one have been told. */
  #first = 0;
  #left = 0;

  /**
   * @param upTo sequence of the last frame there is.
   * @param unsettled how many frames up to it are not settled.
   */
  add(upTo: number, unsettled: number, done: () => void): void {
    const last = this.#waiters.at(-1);
    if (last && last.upTo >= upTo) {
      last.done.push(done);
      return;
    }
    const left = unsettled - this.#left;
    this.#waiters.push({ upTo, left, done: [done] });
    this.#left += left;
  }

  settled(sequence: number): void {
    const waiter = this.#waiters[this.#indexOf(sequence)];
    if (!waiter) return;
    waiter.left--;
    this.#left--;
    this.#tell();
  }

  /** The frame is now as many as `parts`, each of which settles under its number. */
  split(sequence: number, parts: number): void {
    const waiter = this.#waiters[this.#indexOf(sequence)];
    if (!waiter) return;
    waiter.left += parts - 1;
    this.#left += parts - 1;
  }

  /** Nothing more will settle. */
  clear(): void {
    for (const waiter of this.#waiters) waiter.left = 0;
    this.#left = 0;
    this.#tell();
  }

  #tell(): void {
    while (this.#waiters[this.#first]?.left === 0) {
      const { done } = this.#waiters[this.#first]!;
      this.#first++;
      for (const each of done) each();
    }
    if (this.#first * 2 < this.#waiters.length) return;
    this.#waiters = this.#waiters.slice(this.#first);
    this.#first = 0;
  }

  /** The first one that waits for this frame, or one behind the last. */
  #indexOf(sequence: number): number {
    let low = this.#first;
    let high = this.#waiters.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#waiters[middle]!.upTo < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
