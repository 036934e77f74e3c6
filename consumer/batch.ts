/** Collects deliveries into batches by count, bytes and time, and has them parsed when their turn comes. */
import { isCompressed } from './content.js';
import type { Delivery } from './delivery.js';
import type { ParsedDelivery } from './parse-delivery.js';

export interface BatchLimits {
  readonly records: number;
  readonly bytes: number;
  readonly lingerMs: number;
}

/**
 * Deliveries in the order in which they came. `take()` gives the next batch when one is due: full, or lingered, or when what
 * comes next cannot be part of it.
 *
 * A parsed message may take a hundred times the memory of its bytes. So while a batch is being written only the next one is
 * parsed, and of that only what surely fits into it: a message that is larger, or may be (it is compressed), or that must be
 * handled alone, waits as it came until it is taken.
 */
export class Batcher {
  readonly #limits: BatchLimits;
  readonly #parse: (delivery: Delivery) => ParsedDelivery;
  readonly #onDue: () => void;
  /** The next batch, so far. */
  #parsed: ParsedDelivery[] = [];
  #records = 0;
  #bytes = 0;
  /** What comes behind it. */
  #waiting: Delivery[] = [];
  #timer: NodeJS.Timeout | undefined;
  #lingered = false;

  /** @param onDue called when a batch has become due; `take()` may be called then or later. */
  constructor(limits: BatchLimits, parse: (delivery: Delivery) => ParsedDelivery, onDue: () => void) {
    this.#limits = limits;
    this.#parse = parse;
    this.#onDue = onDue;
  }

  get size(): number {
    return this.#parsed.length + this.#waiting.length;
  }

  /** @returns how many records it holds, where that is known already. */
  add(delivery: Delivery): number | undefined {
    this.#waiting.push(delivery);
    this.#parseAhead();
    if (this.#isDue()) this.#onDue();
    else this.#linger();
    return this.#waiting.length === 0 ? this.#parsed.at(-1)?.records : undefined;
  }

  #linger(): void {
    this.#timer ??= setTimeout(() => this.hurry(), this.#limits.lingerMs);
  }

  /** What waits is due now. */
  hurry(): void {
    this.#lingered = this.size > 0;
    if (this.#lingered) this.#onDue();
  }

  take(): ParsedDelivery[] | undefined {
    this.#parseAhead();
    if (!this.#isDue()) return undefined;
    // What did not fit surely is taken now: alone, or until there is enough.
    if (this.#parsed.length === 0) this.#parseNext();
    while (!this.#parsed[0]?.alone && !this.#isFull() && this.#canJoin(this.#waiting[0])) this.#parseNext();
    const batch = this.#parsed;
    this.#parsed = [];
    this.#records = 0;
    this.#bytes = 0;
    if (this.#waiting.length === 0) this.#reset();
    else {
      this.#linger();
      setImmediate(() => this.#parseAhead());
    }
    return batch;
  }

  /** Forgets everything: the channel that it came from is gone. */
  clear(): void {
    this.#parsed = [];
    this.#waiting = [];
    this.#records = 0;
    this.#bytes = 0;
    this.#reset();
  }

  #isDue(): boolean {
    return this.#lingered || this.#isFull() || this.#waiting.length > 0;
  }

  #isFull(): boolean {
    return this.#records >= this.#limits.records || this.#bytes >= this.#limits.bytes;
  }

  #canJoin(next: Delivery | undefined): next is Delivery {
    return next !== undefined && !next.alone && next.message.content.length <= this.#limits.bytes;
  }

  #parseAhead(): void {
    for (let [next] = this.#waiting; !this.#isFull() && this.#canJoin(next); [next] = this.#waiting) {
      const { content, properties } = next.message;
      if (isCompressed(properties) || this.#bytes + content.length > this.#limits.bytes) return;
      this.#parseNext();
    }
  }

  #parseNext(): void {
    const delivery = this.#parse(this.#waiting.shift()!);
    this.#parsed.push(delivery);
    this.#records += delivery.records;
    this.#bytes += delivery.bytes;
  }

  #reset(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#lingered = false;
  }
}
