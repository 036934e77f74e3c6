/** Frames in the order of their sequence, first in, first out; also where they were put in out of order. Pure. */
export interface Sequenced {
  readonly sequence: number;
}

/** What was taken is cut off in pieces: moving the rest for each one would cost as much as the queue is long. */
const CUT_FROM = 1024;

export class FrameQueue<F extends Sequenced> implements Iterable<F> {
  #frames: (F | undefined)[] = [];
  /** Where the first one stands. */
  #head = 0;
  #sorted = true;

  get length(): number {
    return this.#frames.length - this.#head;
  }

  *[Symbol.iterator](): Iterator<F> {
    this.#sort();
    for (let index = this.#head; index < this.#frames.length; index++) yield this.#frames[index]!;
  }

  push(frame: F): void {
    const last = this.length === 0 ? undefined : this.#frames.at(-1);
    this.#frames.push(frame);
    // Sorted once, before the next one is taken: a lost connection gives thousands back in one turn of the event loop.
    if (last && last.sequence > frame.sequence) this.#sorted = false;
  }

  /** The first one, left where it is. */
  get first(): F | undefined {
    this.#sort();
    return this.#frames[this.#head];
  }

  /** The first one, taken out. */
  shift(): F | undefined {
    this.#sort();
    const frame = this.#frames[this.#head];
    if (!frame) return undefined;
    // Its memory is not held any longer.
    this.#frames[this.#head] = undefined;
    this.#head++;
    if (this.length === 0) this.clear();
    else if (this.#head >= CUT_FROM && this.#head >= this.length) this.#cutOff();
    return frame;
  }

  clear(): void {
    this.#frames = [];
    this.#head = 0;
    this.#sorted = true;
  }

  #sort(): void {
    if (this.#sorted) return;
    this.#cutOff();
    this.#frames.sort((a, b) => a!.sequence - b!.sequence);
    this.#sorted = true;
  }

  #cutOff(): void {
    this.#frames = this.#frames.slice(this.#head);
    this.#head = 0;
  }
}
