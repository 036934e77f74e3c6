/** Collects deliveries into batches by count, bytes and time, and has them parsed when their turn comes. */
import { isCompressed } from './content.js';
import type { Delivery } from './delivery.js';
import type { ParsedDelivery } from './parse-delivery.js';

export interface BatchLimits {
  readonly records: number;
  readonly bytes: number;
  readonly lingerMs: number;
}

/** Whether a batch may hold it together with others. */
export function canShare({ alone, message }: Delivery, limits: BatchLimits): boolean {
  return !alone && message.content.length <= limits.bytes;
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
  readonly #isAhead: boolean;
  /** The next batch, so far. */
  #parsed: ParsedDelivery[] = [];
  #records = 0;
  #bytes = 0;
  /** The queues that it has messages of. */
  readonly #queues = new Set<string>();
  /** What comes behind it. */
  #waiting: Delivery[] = [];
  #timer: NodeJS.Timeout | undefined;
  #lingered = false;

  /**
   * @param limits looked at for each batch: they may change.
   * @param onDue called when a batch has become due; `take()` may be called then or later.
   * @param isAhead false: a message is parsed when it is taken, and a batch is due as soon as anything is there.
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

  /** @returns how many records it holds, where that is known already. */
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

  /** Removes and returns the deliveries that match, in order of arrival. When the others are due does not change. */
  withdraw(matches: (delivery: Delivery) => boolean): Delivery[] {
    const withdrawn = [...this.#parsed, ...this.#waiting].filter(matches);
    if (withdrawn.length === 0) return withdrawn;
    const left = this.#parsed.filter((delivery) => !matches(delivery));
    this.#waiting = this.#waiting.filter((delivery) => !matches(delivery));
    this.#begin();
    for (const parsed of left) this.#append(parsed);
    this.#parseAhead();
    if (this.size === 0) this.#reset();
    // It may have been due from the first message on, for those that are gone.
    else if (!this.#isDue()) this.#linger();
    return withdrawn;
  }

  /** Puts these before all others. Nobody is told, although they may be due. */
  prepend(deliveries: readonly Delivery[]): void {
    if (deliveries.length === 0) return;
    this.#waiting = [...deliveries, ...this.#parsed, ...this.#waiting];
    this.#begin();
    this.#linger();
  }

  /** Forgets everything: the channel that it came from is gone. */
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

  /** The first message of a queue joins the next batch even if that is full, so that no queue waits for another. */
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

  /** Whether it surely fits into the next batch, before it is parsed. */
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

  /** Another batch. */
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
