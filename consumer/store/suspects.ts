/**
 * Which records were on their way when the connection was lost. A record that ends its session each time (it crashes the
 * backend, a trigger terminates it) is found by sending fewer and fewer together, until one that is alone has done it
 * three times. A loss counts only once the server was seen to work afterwards, so that an outage blames no record.
 *
 *   write ──▶ next() ──▶ sent ──▶ stored or rejected: settled()
 *               ▲          │
 *               │          └────▶ connection lost: lost()
 *               │                        │ a probe succeeds: confirm()
 *               └────────────────────────┘
 */
import { createHash } from 'node:crypto';
import type { StoreItem } from './batch.js';

/** So often a record may be lost with all others of its batch, and so often alone. */
const MOST_LOSSES = 3;
/** A part that was lost is sent in so many parts: each loss costs a connection, and perhaps the server a recovery. */
const PARTS = 16;
/** Records that were given back to the broker meanwhile are forgotten when there are more. */
const MOST_REMEMBERED = 100_000;

interface Losses {
  readonly count: number;
  readonly alone: number;
  /** How many of those that were lost together may be sent together. */
  readonly together: number;
  /** What the connection ended with the last time. */
  readonly error?: unknown;
}

const NONE: Losses = { count: 0, alone: 0, together: Number.POSITIVE_INFINITY };

export class Suspects {
  readonly #losses = new Map<string, Losses>();
  readonly #keys = new WeakMap<StoreItem, string>();
  #unconfirmed: readonly StoreItem[] = [];
  #error: unknown;

  /** Those that may be sent together now: all that are above suspicion, else the first few of the others. */
  next(items: readonly StoreItem[]): readonly StoreItem[] {
    if (this.#losses.size === 0 || items.length === 0) return items;
    const together = Math.max(...new Set(items.map((item) => this.#of(item).together)));
    return items.filter((item) => this.#of(item).together === together).slice(0, together);
  }

  /** These were on their way when the connection was lost, with this error. */
  lost(items: readonly StoreItem[], error: unknown): void {
    this.#unconfirmed = items;
    this.#error = error;
  }

  /** The server works: the connection was not lost because it was away. */
  confirm(): void {
    const items = this.#unconfirmed;
    this.#unconfirmed = [];
    // The same record may stand twice in a batch.
    const lost = new Map(items.map((each) => [this.#keyOf(each), each]));
    this.#forgetOthers(lost);
    for (const [key, item] of lost) {
      const { count, alone, together } = this.#of(item);
      this.#losses.set(key, {
        count: count + 1,
        alone: items.length === 1 ? alone + 1 : alone,
        together: count + 1 < MOST_LOSSES ? together : Math.ceil(items.length / PARTS),
        error: this.#error,
      });
    }
  }

  /** The oldest first, and never one of those at hand, however many these are: it would not be found any more. */
  #forgetOthers(lost: ReadonlyMap<string, StoreItem>): void {
    for (const key of this.#losses.keys()) {
      if (this.#losses.size + lost.size <= MOST_REMEMBERED) return;
      if (!lost.has(key)) this.#losses.delete(key);
    }
  }

  /** How often they were lost, the one most often. */
  lossesOf(items: readonly StoreItem[]): number {
    return Math.max(0, ...new Set(items.map((item) => this.#of(item).count)));
  }

  /** Those that were lost alone so often that nothing else can be the cause, each with its last error. */
  guilty(items: readonly StoreItem[]): { item: StoreItem; error: unknown }[] {
    if (this.#losses.size === 0) return [];
    return items
      .filter((item) => this.#of(item).alone >= MOST_LOSSES)
      .map((item) => ({ item, error: this.#of(item).error }));
  }

  /** What has become of these is certain. */
  settled(items: readonly StoreItem[]): void {
    this.#unconfirmed = [];
    if (this.#losses.size === 0) return;
    for (const item of items) this.#losses.delete(this.#keyOf(item));
  }

  #of(item: StoreItem): Losses {
    return this.#losses.get(this.#keyOf(item)) ?? NONE;
  }

  /** By its bytes: a record that came without an id has another one when it comes again. */
  #keyOf(item: StoreItem): string {
    const known = this.#keys.get(item);
    if (known !== undefined) return known;
    const key = createHash('sha1').update(item.raw).digest('base64');
    this.#keys.set(item, key);
    return key;
  }
}
