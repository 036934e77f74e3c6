/** Collects deliveries into batches by count, bytes and time. */
import type { Delivery } from './delivery.js';

export interface BatchLimits {
  readonly records: number;
  readonly bytes: number;
  readonly lingerMs: number;
}

/**
 * Deliveries in the order in which they came. `take()` gives the next batch when one is due: full, or lingered, or a
 * delivery that must be handled alone.
 */
export class Batcher {
  readonly #limits: BatchLimits;
  readonly #onDue: () => void;
  #waiting: Delivery[] = [];
  #records = 0;
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #lingered = false;

  /** @param onDue called when a batch has become due; `take()` may be called then or later. */
  constructor(limits: BatchLimits, onDue: () => void) {
    this.#limits = limits;
    this.#onDue = onDue;
  }

  get size(): number {
    return this.#waiting.length;
  }

  add(delivery: Delivery): void {
    this.#waiting.push(delivery);
    this.#records += delivery.records;
    this.#bytes += delivery.bytes;
    if (this.#isFull() || delivery.alone) this.#onDue();
    else this.#linger();
  }

  #linger(): void {
    this.#timer ??= setTimeout(() => this.hurry(), this.#limits.lingerMs);
  }

  /** What waits is due now. */
  hurry(): void {
    this.#lingered = this.#waiting.length > 0;
    if (this.#lingered) this.#onDue();
  }

  take(): Delivery[] | undefined {
    const [first] = this.#waiting;
    if (!first) return undefined;
    const alone = this.#waiting.findIndex((delivery) => delivery.alone);
    if (!this.#lingered && !this.#isFull() && alone < 0) return undefined;
    const batch = this.#waiting.splice(0, this.#countToTake(alone));
    for (const delivery of batch) {
      this.#records -= delivery.records;
      this.#bytes -= delivery.bytes;
    }
    if (this.#waiting.length === 0) this.#reset();
    else this.#linger();
    return batch;
  }

  /** Forgets everything: the channel that it came from is gone. */
  clear(): void {
    this.#waiting = [];
    this.#records = 0;
    this.#bytes = 0;
    this.#reset();
  }

  #isFull(): boolean {
    return this.#records >= this.#limits.records || this.#bytes >= this.#limits.bytes;
  }

  #countToTake(alone: number): number {
    if (alone === 0) return 1;
    const end = alone < 0 ? this.#waiting.length : alone;
    let records = 0;
    let bytes = 0;
    let count = 0;
    while (count < end && records < this.#limits.records && bytes < this.#limits.bytes) {
      records += this.#waiting[count]!.records;
      bytes += this.#waiting[count]!.bytes;
      count++;
    }
    return count;
  }

  #reset(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#lingered = false;
  }
}
