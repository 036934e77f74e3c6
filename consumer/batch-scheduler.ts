/**
 * Schedules batches. Queues share batches. A queue whose messages are slow to store gets separate batches, which
 * alternate with the shared ones. So between two shared batches, each such queue stores one batch at most (or 250 ms of
 * messages that are handled alone), however many of its messages wait.
 *
 *            a message that is handled alone or exceeds a batch; records that cannot be parsed or are refused
 *   shared ───────────────────────────────────────────────────────────────────────────────────────▶ separate
 *          ◀───────────────────────────────────────────────────────────────────────────────────────
 *            no message of it waits, and its batches have grown back to full size
 *
 * Finding and storing bad records takes longer than storing good ones. So a queue with bad records gets batches that
 * are small enough to finish soon. They grow with each batch that has none.
 */
import { Batcher, type BatchLimits, canShare } from './batch.js';
import type { Delivery } from './delivery.js';
import type { ParsedDelivery } from './parse-delivery.js';

/** Target duration of a batch with bad records, in milliseconds. */
const TARGET_MS = 250;
/** The initial batch size for that, in records, before it was measured. */
const INITIAL_RECORDS = 250;
/** Smallest batch, in records: part of the time does not depend on their number. */
const MIN_RECORDS = 25;

/** A queue with separate batches. */
interface SeparateQueue {
  readonly batcher: Batcher;
  readonly limits: { -readonly [Name in keyof BatchLimits]: BatchLimits[Name] };
}

export class BatchScheduler {
  readonly #limits: BatchLimits;
  readonly #parse: (delivery: Delivery) => ParsedDelivery;
  readonly #onDue: () => void;
  readonly #shared: Batcher;
  /** By the name of the queue. */
  readonly #separate = new Map<string, SeparateQueue>();
  /** The least recently used one comes first. */
  #order: Batcher[];
  /** The current turn, if it consists of messages that are handled alone. */
  #turn: { readonly batcher: Batcher; readonly endsMs: number } | undefined;

  /** @param onDue called when a batch becomes due. `take()` may be called then or later. */
  constructor(limits: BatchLimits, parse: (delivery: Delivery) => ParsedDelivery, onDue: () => void) {
    this.#limits = limits;
    this.#parse = parse;
    this.#onDue = onDue;
    this.#shared = new Batcher(limits, parse, onDue);
    this.#order = [this.#shared];
  }

  /** @returns the number of records in the delivery, if already known. */
  add(delivery: Delivery): number | undefined {
    const { queue } = delivery;
    const separate =
      this.#separate.get(queue) ?? (canShare(delivery, this.#limits) ? undefined : this.#separateQueue(queue));
    return (separate?.batcher ?? this.#shared).add(delivery);
  }

  /** Makes everything that waits due now. */
  flush(): void {
    for (const batcher of [...this.#order]) batcher.flush();
  }

  take(): ParsedDelivery[] | undefined {
    for (const batcher of this.#order) {
      const batch = batcher.take();
      if (batch === undefined) continue;
      if (!this.#keepsItsTurn(batcher, batch)) {
        this.#order = [...this.#order.filter((other) => other !== batcher), batcher];
      }
      this.#rejoin(batch[0]!.queue);
      return batch;
    }
    return undefined;
  }

  /**
   * A message that is handled alone is a batch of its own and takes milliseconds. With one of them in each turn, the
   * retry queue would be emptied more slowly than batches with bad records fill it.
   */
  #keepsItsTurn(batcher: Batcher, [first]: readonly ParsedDelivery[]): boolean {
    const nowMs = performance.now();
    if (!first?.alone) return false;
    if (this.#turn?.batcher !== batcher) this.#turn = { batcher, endsMs: nowMs + TARGET_MS };
    const isOver = nowMs >= this.#turn.endsMs;
    if (isOver) this.#turn = undefined;
    return !isOver;
  }

  /**
   * Whether searching this batch for bad records would take long, so that splitting it is faster: see `BatchRefused`.
   */
  isWholeOrNothing(batch: readonly ParsedDelivery[]): boolean {
    const [first, second] = batch;
    if (first === undefined || second === undefined || recordsOf(batch) <= INITIAL_RECORDS) return false;
    const limit = this.#separate.get(first.queue)?.limits.records ?? Number.POSITIVE_INFINITY;
    return limit > INITIAL_RECORDS;
  }

  /**
   * PostgreSQL refused this batch because of some records, and stored nothing of it. Queues the deliveries again, in
   * smaller batches.
   */
  split(batch: readonly ParsedDelivery[]): void {
    for (const queue of new Set(batch.map((delivery) => delivery.queue))) {
      const again = batch.filter((delivery) => delivery.queue === queue);
      const { batcher, limits } = this.#separate.get(queue) ?? this.#separateQueue(queue);
      limits.records = Math.min(limits.records, INITIAL_RECORDS);
      batcher.prepend(again);
    }
    this.#onDue();
  }

  /**
   * This batch was stored, except for its bad records.
   *
   * @param queuesWithBad the queues that the bad records came from.
   */
  stored(batch: readonly ParsedDelivery[], queuesWithBad: ReadonlySet<string>, tookMs: number): void {
    if (this.#separate.size === 0 && queuesWithBad.size === 0) return;
    const target = Math.max(MIN_RECORDS, Math.floor((recordsOf(batch) * TARGET_MS) / Math.max(1, tookMs)));
    for (const queue of new Set(batch.map((delivery) => delivery.queue))) {
      const hasBad = queuesWithBad.has(queue);
      const separate = this.#separate.get(queue) ?? (hasBad ? this.#separateQueue(queue) : undefined);
      if (separate === undefined) continue;
      separate.limits.records = Math.min(this.#limits.records, hasBad ? target : separate.limits.records * 2);
      this.#rejoin(queue);
    }
    this.#onDue();
  }

  /** Discards everything: the channel that delivered it is gone. */
  clear(): void {
    for (const batcher of this.#order) batcher.clear();
    for (const queue of [...this.#separate.keys()]) this.#rejoin(queue);
  }

  #separateQueue(queue: string): SeparateQueue {
    const limits = { ...this.#limits };
    const batcher = new Batcher(limits, this.#parse, this.#onDue, { isAhead: false });
    const separate = { batcher, limits };
    this.#separate.set(queue, separate);
    this.#order.push(batcher);
    batcher.prepend(this.#shared.withdraw((delivery) => delivery.queue === queue));
    return separate;
  }

  #rejoin(queue: string): void {
    const separate = this.#separate.get(queue);
    if (separate === undefined || separate.batcher.size > 0 || separate.limits.records < this.#limits.records) return;
    this.#separate.delete(queue);
    this.#order = this.#order.filter((other) => other !== separate.batcher);
  }
}

function recordsOf(batch: readonly ParsedDelivery[]): number {
  return batch.reduce((sum, { records }) => sum + records, 0);
}
