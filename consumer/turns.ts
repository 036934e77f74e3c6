/**
 * Which batch is stored next. Queues share their batches; one whose messages are slow to store has batches of its own, and
 * these and the shared ones take turns: so nobody waits for longer than one batch of each such queue takes, however much
 * lies in it.
 *
 *            a message that is handled alone, or larger than a batch; records that cannot be read or are refused
 *   shared ───────────────────────────────────────────────────────────────────────────────────────────▶ apart
 *          ◀───────────────────────────────────────────────────────────────────────────────────────────
 *            nothing of it waits; where records were bad, its batches are as large again as they may be
 *
 * To find bad records and to keep them takes longer than to store good ones. So of a queue that has some the batches are so
 * small that each is done soon, and become larger with each one that has none.
 */
import { Batcher, type BatchLimits, canShare } from './batch.js';
import type { Delivery } from './delivery.js';
import type { ParsedDelivery } from './parse-delivery.js';

/** How long a batch with bad records should take, in milliseconds. */
const SOON_MS = 250;
/** The same in records, as long as nobody knows. */
const SOON_RECORDS = 250;
/** Some of the time does not depend on how many there are. */
const LEAST_RECORDS = 25;

/** One queue. */
interface Apart {
  readonly batcher: Batcher;
  readonly limits: { -readonly [Name in keyof BatchLimits]: BatchLimits[Name] };
}

export class Turns {
  readonly #limits: BatchLimits;
  readonly #parse: (delivery: Delivery) => ParsedDelivery;
  readonly #onDue: () => void;
  readonly #shared: Batcher;
  /** By the name of the queue. */
  readonly #apart = new Map<string, Apart>();
  /** The one whose turn is the longest ago comes first. */
  #order: Batcher[];

  /** @param onDue called when a batch has become due; `take()` may be called then or later. */
  constructor(limits: BatchLimits, parse: (delivery: Delivery) => ParsedDelivery, onDue: () => void) {
    this.#limits = limits;
    this.#parse = parse;
    this.#onDue = onDue;
    this.#shared = new Batcher(limits, parse, onDue);
    this.#order = [this.#shared];
  }

  /** @returns how many records it holds, where that is known already. */
  add(delivery: Delivery): number | undefined {
    const { queue } = delivery;
    const apart = this.#apart.get(queue) ?? (canShare(delivery, this.#limits) ? undefined : this.#setApart(queue));
    return (apart?.batcher ?? this.#shared).add(delivery);
  }

  /** What waits is due now. */
  hurry(): void {
    for (const batcher of [...this.#order]) batcher.hurry();
  }

  take(): ParsedDelivery[] | undefined {
    for (const batcher of this.#order) {
      const batch = batcher.take();
      if (batch === undefined) continue;
      this.#order = [...this.#order.filter((other) => other !== batcher), batcher];
      this.#rejoin(batch[0]!.queue);
      return batch;
    }
    return undefined;
  }

  /** Whether it takes long to find bad records in this batch, and less where it is cut: see `BatchRefused`. */
  isWholeOrNothing(batch: readonly ParsedDelivery[]): boolean {
    const [first, second] = batch;
    if (first === undefined || second === undefined || recordsOf(batch) <= SOON_RECORDS) return false;
    const limit = this.#apart.get(first.queue)?.limits.records ?? Number.POSITIVE_INFINITY;
    return limit > SOON_RECORDS;
  }

  /** PostgreSQL has refused this batch for some of its records, and nothing of it is stored: they come again, fewer at a time. */
  cut(batch: readonly ParsedDelivery[]): void {
    for (const queue of new Set(batch.map((delivery) => delivery.queue))) {
      const again = batch.filter((delivery) => delivery.queue === queue);
      const { batcher, limits } = this.#apart.get(queue) ?? this.#setApart(queue);
      limits.records = Math.min(limits.records, SOON_RECORDS);
      batcher.prepend(again);
    }
    this.#onDue();
  }

  /**
   * This batch is stored, less its bad records.
   *
   * @param queuesWithBad the queues that these came from.
   */
  stored(batch: readonly ParsedDelivery[], queuesWithBad: ReadonlySet<string>, tookMs: number): void {
    if (this.#apart.size === 0 && queuesWithBad.size === 0) return;
    const soon = Math.max(LEAST_RECORDS, Math.floor((recordsOf(batch) * SOON_MS) / Math.max(1, tookMs)));
    for (const queue of new Set(batch.map((delivery) => delivery.queue))) {
      const hasBad = queuesWithBad.has(queue);
      const apart = this.#apart.get(queue) ?? (hasBad ? this.#setApart(queue) : undefined);
      if (apart === undefined) continue;
      apart.limits.records = Math.min(this.#limits.records, hasBad ? soon : apart.limits.records * 2);
      this.#rejoin(queue);
    }
    this.#onDue();
  }

  /** Forgets everything: the channel that it came from is gone. */
  clear(): void {
    for (const batcher of this.#order) batcher.clear();
    for (const queue of [...this.#apart.keys()]) this.#rejoin(queue);
  }

  #setApart(queue: string): Apart {
    const limits = { ...this.#limits };
    const batcher = new Batcher(limits, this.#parse, this.#onDue, { isAhead: false });
    const apart = { batcher, limits };
    this.#apart.set(queue, apart);
    this.#order.push(batcher);
    batcher.prepend(this.#shared.withdraw((delivery) => delivery.queue === queue));
    return apart;
  }

  #rejoin(queue: string): void {
    const apart = this.#apart.get(queue);
    if (apart === undefined || apart.batcher.size > 0 || apart.limits.records < this.#limits.records) return;
    this.#apart.delete(queue);
    this.#order = this.#order.filter((other) => other !== apart.batcher);
  }
}

function recordsOf(batch: readonly ParsedDelivery[]): number {
  return batch.reduce((sum, { records }) => sum + records, 0);
}
