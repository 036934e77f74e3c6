/** Consumers of a queue, served round-robin. A consumer without capacity is skipped until it wakes the queue. */
import type { Entry } from './ready-list.js';

export interface Consumer {
  readonly noAck: boolean;
  readonly exclusive: boolean;
  /** Whether it can accept one more message now. If not, it calls `wake` of its queue when that changes. */
  hasCapacity(): boolean;
  deliver(entry: Entry): void;
  /** Its queue was deleted. */
  cancelled(): void;
}

export class Consumers {
  readonly #all = new Set<Consumer>();
  /** Consumers that may have capacity, in turn order. */
  readonly #active = new Set<Consumer>();

  get count(): number {
    return this.#all.size;
  }

  get hasExclusive(): boolean {
    for (const consumer of this.#all) if (consumer.exclusive) return true;
    return false;
  }

  add(consumer: Consumer): void {
    this.#all.add(consumer);
    this.#active.add(consumer);
  }

  remove(consumer: Consumer): boolean {
    this.#active.delete(consumer);
    return this.#all.delete(consumer);
  }

  wake(consumer: Consumer): void {
    if (this.#all.has(consumer)) this.#active.add(consumer);
  }

  /** Returns the consumer whose turn it is; its next turn comes after all others. */
  next(): Consumer | undefined {
    for (const consumer of this.#active) {
      if (!consumer.hasCapacity()) {
        this.#active.delete(consumer);
        continue;
      }
      if (this.#active.size > 1) {
        this.#active.delete(consumer);
        this.#active.add(consumer);
      }
      return consumer;
    }
    return undefined;
  }

  takeAll(): Consumer[] {
    const all = [...this.#all];
    this.#all.clear();
    this.#active.clear();
    return all;
  }
}
