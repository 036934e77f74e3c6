/**
 * Tracks which records were in flight when the connection was lost. A record that ends its session each time (it
 * crashes the backend, or a trigger terminates it) is found by sending fewer and fewer records together, until one has
 * done it three times alone. A loss counts only after the server was seen to work, so that an outage blames no record.
 *
 *   write ──▶ nextPart() ──▶ sent ──▶ stored or rejected: resolved()
 *                ▲            │
 *                │            └────▶ connection lost: recordLoss()
 *                │                          │ a probe succeeds: confirmLoss()
 *                └──────────────────────────┘
 */
import { createHash } from 'node:crypto';
import type { StoreItem } from './batch.js';

/** Losses allowed to a record together with others, and again alone. */
const MAX_LOSSES = 3;
/** Number of parts that a lost part is split into. Each loss costs a connection, and perhaps a server recovery. */
const PARTS = 16;
/** Records to remember. The oldest entries, of records requeued meanwhile, are dropped above this. */
const MAX_TRACKED = 100_000;

interface Losses {
  readonly count: number;
  readonly alone: number;
  /** How many of the records lost together may be sent together. */
  readonly together: number;
  /** The last error. */
  readonly error?: unknown;
}

const NONE: Losses = { count: 0, alone: 0, together: Number.POSITIVE_INFINITY };

export class LossTracker {
  readonly #losses = new Map<string, Losses>();
  readonly #keys = new WeakMap<StoreItem, string>();
  #unconfirmed: readonly StoreItem[] = [];
  #error: unknown;

  /** The records to send together now: all without losses, otherwise the first few of the others. */
  nextPart(items: readonly StoreItem[]): readonly StoreItem[] {
    if (this.#losses.size === 0 || items.length === 0) return items;
    const together = Math.max(...new Set(items.map((item) => this.#of(item).together)));
    return items.filter((item) => this.#of(item).together === together).slice(0, together);
  }

  /** These records were in flight when the connection was lost. */
  recordLoss(items: readonly StoreItem[], error: unknown): void {
    this.#unconfirmed = items;
    this.#error = error;
  }

  /** The server works, so the loss was not an outage. */
  confirmLoss(): void {
    const items = this.#unconfirmed;
    this.#unconfirmed = [];
    // The same record may occur twice in a batch.
    const lost = new Map(items.map((each) => [this.#keyOf(each), each]));
    this.#forgetOthers(lost);
    for (const [key, item] of lost) {
      const { count, alone, together } = this.#of(item);
      this.#losses.set(key, {
        count: count + 1,
        alone: items.length === 1 ? alone + 1 : alone,
        together: count + 1 < MAX_LOSSES ? together : Math.ceil(items.length / PARTS),
        error: this.#error,
      });
    }
  }

  /** Oldest first, and never a record of the current loss. */
  #forgetOthers(lost: ReadonlyMap<string, StoreItem>): void {
    for (const key of this.#losses.keys()) {
      if (this.#losses.size + lost.size <= MAX_TRACKED) return;
      if (!lost.has(key)) this.#losses.delete(key);
    }
  }

  /** Highest number of losses of any of these records. */
  maxLossCount(items: readonly StoreItem[]): number {
    return Math.max(0, ...new Set(items.map((item) => this.#of(item).count)));
  }

  /** Records that were lost alone so often that nothing else can be the cause, each with its last error. */
  culprits(items: readonly StoreItem[]): { item: StoreItem; error: unknown }[] {
    if (this.#losses.size === 0) return [];
    return items
      .filter((item) => this.#of(item).alone >= MAX_LOSSES)
      .map((item) => ({ item, error: this.#of(item).error }));
  }

  /** The outcome of these records is known. */
  resolved(items: readonly StoreItem[]): void {
    this.#unconfirmed = [];
    if (this.#losses.size === 0) return;
    for (const item of items) this.#losses.delete(this.#keyOf(item));
  }

  #of(item: StoreItem): Losses {
    return this.#losses.get(this.#keyOf(item)) ?? NONE;
  }

  /** By bytes: a record without an id gets a new one at each redelivery. */
  #keyOf(item: StoreItem): string {
    const known = this.#keys.get(item);
    if (known !== undefined) return known;
    const key = createHash('sha1').update(item.raw).digest('base64');
    this.#keys.set(item, key);
    return key;
  }
}
