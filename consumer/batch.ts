/** Collects deliveries into batches by count, bytes and time, and parses them. */
import { isCompressed } from './content.js';
import type { Delivery } from './delivery.js';
import type { ParsedDelivery } from './parse-delivery.js';

export interface BatchLimits {
  readonly records: number;
  readonly bytes: number;
  readonly lingerMs: number;
}

/** Whether a batch may contain the delivery together with others. */
export function canShare({ alone, message }: Delivery, limits: BatchLimits): boolean {
  return !alone && message.content.length <= limits.bytes;
}

/**
 * Deliveries in order of arrival. `take()` returns the next batch when one is due: it is full, it has lingered, or the
 * next delivery cannot be part of it.
 *
 * A parsed message can take a hundred times the memory of its bytes. While one batch is being written, only the next
 * one is parsed, and only messages that are sure to fit. A message that is too large, may become so (it is compressed),
 * or must be handled alone stays unparsed until it is taken.
 */
export class Batcher {
  readonly #limits: BatchLimits;
  readonly #parse: (delivery: Delivery) => ParsedDelivery;
  readonly #onDue: () => void;
  readonly #isAhead: boolean;
  /** The next batch. */
  #parsed: ParsedDelivery[] = [];
  #records = 0;
  #bytes = 0;
  /** The queues with messages in the next batch. */
  readonly #queues = new Set<string>();
  /** Deliveries after the next batch. */
  #waiting: Delivery[] = [];
  #timer: NodeJS.Timeout | undefined;
  #lingered = false;

  /**
   * @param limits read for each batch, so they may change.
   * @param onDue called when a batch becomes due. `take()` may be called then or later.
   * @param isAhead false: messages are parsed only when taken, and a batch is due as soon as there is a delivery.
   */
  constructor(
    limits: BatchLimits,
    parse: (delivery: Delivery) => ParsedDelivery,
    onDue: () => void,
    { isAhead = true }: { isAhead?: boolean } = {},
  ) {
    this.#limits = limits;
    this.#parse = parse;
    this.#onDue = onDue;
    this.#isAhead = isAhead;
  }

  get size(): number {
    return this.#parsed.length + this.#waiting.length;
  }

  /** @returns the number of records in the delivery, if already known. */
  add(delivery: Delivery): number | undefined {
    if (this.#isFirstOfQueue(delivery) && this.#fits(delivery, 2 * this.#limits.bytes)) this.#include(delivery);
    else this.#waiting.push(delivery);
    this.#parseAhead();
    if (this.#isDue()) this.#onDue();
    else this.#linger();
    const last = this.#parsed.at(-1);
    return last?.queue === delivery.queue && last.tag === delivery.tag ? last.records : undefined;
  }

  #linger(): void {
    this.#timer ??= setTimeout(() => this.flush(), this.#limits.lingerMs);
  }

  /** Makes everything that waits due now. */
  flush(): void {
    this.#lingered = this.size > 0;
    if (this.#lingered) this.#onDue();
  }

  take(): ParsedDelivery[] | undefined {
    this.#parseAhead();
    if (!this.#isDue()) return undefined;
    // Deliveries that were not sure to fit: take one alone, or as many as fill the batch.
    if (this.#parsed.length === 0) this.#parseNext();
    while (!this.#parsed[0]?.alone && !this.#isFull() && this.#nextCanShare()) this.#parseNext();
    const batch = this.#parsed;
    this.#begin();
    if (this.#waiting.length === 0) this.#reset();
    else {
      this.#linger();
      setImmediate(() => this.#parseAhead());
    }
    return batch;
  }

  /**
   * Removes and returns the matching deliveries, in order of arrival. The others become due when they would have
   * anyway.
   */
  withdraw(matches: (delivery: Delivery) => boolean): Delivery[] {
    const withdrawn = [...this.#parsed, ...this.#waiting].filter(matches);
    if (withdrawn.length === 0) return withdrawn;
    const left = this.#parsed.filter((delivery) => !matches(delivery));
    this.#waiting = this.#waiting.filter((delivery) => !matches(delivery));
    this.#begin();
    for (const parsed of left) this.#append(parsed);
    this.#parseAhead();
    if (this.size === 0) this.#reset();
    // It may have been due because of a delivery that is now removed, without a timer.
    else if (!this.#isDue()) this.#linger();
    return withdrawn;
  }

  /** Inserts deliveries before all others. `onDue` is not called, although a batch may be due. */
  prepend(deliveries: readonly Delivery[]): void {
    if (deliveries.length === 0) return;
    this.#waiting = [...deliveries, ...this.#parsed, ...this.#waiting];
    this.#begin();
    this.#linger();
  }

  /** Discards everything: the channel that delivered it is gone. */
  clear(): void {
    this.#waiting = [];
    this.#begin();
    this.#reset();
  }

  #isDue(): boolean {
    return this.#lingered || this.#isFull() || this.#waiting.length > 0;
  }

  #isFull(): boolean {
    return this.#records >= this.#limits.records || this.#bytes >= this.#limits.bytes;
  }

  /**
   * The first message of a queue joins the next batch even if that is full, so that no queue has to wait for another.
   */
  #isFirstOfQueue({ queue }: Delivery): boolean {
    return this.#isFull() && !this.#queues.has(queue) && !this.#waiting.some((delivery) => delivery.queue === queue);
  }

  #nextCanShare(): boolean {
    const [next] = this.#waiting;
    return next !== undefined && canShare(next, this.#limits);
  }

  #parseAhead(): void {
    if (!this.#isAhead) return;
    for (
      let [next] = this.#waiting;
      !this.#isFull() && next && this.#fits(next, this.#limits.bytes);
      [next] = this.#waiting
    ) {
      this.#parseNext();
    }
  }

  /** Whether the unparsed delivery is sure to fit into the next batch. */
  #fits(delivery: Delivery, bytes: number): boolean {
    const { content, properties } = delivery.message;
    return canShare(delivery, this.#limits) && !isCompressed(properties) && this.#bytes + content.length <= bytes;
  }

  #parseNext(): void {
    this.#include(this.#waiting.shift()!);
  }

  #include(delivery: Delivery): void {
    this.#append(this.#parse(delivery));
  }

  #append(parsed: ParsedDelivery): void {
    this.#parsed.push(parsed);
    this.#queues.add(parsed.queue);
    this.#records += parsed.records;
    this.#bytes += parsed.bytes;
  }

  /** Starts a new batch. */
  #begin(): void {
    this.#parsed = [];
    this.#queues.clear();
    this.#records = 0;
    this.#bytes = 0;
  }

  #reset(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#lingered = false;
  }
}
