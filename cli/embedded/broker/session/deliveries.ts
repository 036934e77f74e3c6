/** What a channel has in hand: delivered and neither acknowledged nor given back, by delivery tag. */
import { preconditionFailed } from '../amqp-error.js';
import type { Queue } from '../queues/queue.js';
import type { Entry } from '../queues/ready-list.js';
import type { Subscription } from './subscription.js';

export interface Delivery {
  readonly queue: Queue;
  readonly entry: Entry;
  /** undefined: it was asked for by basic.get. */
  readonly subscription: Subscription | undefined;
}

export class Deliveries {
  #lastTag = 0;
  /** Tags only grow, so the oldest delivery is the first one. */
  readonly #open = new Map<number, Delivery>();

  get count(): number {
    return this.#open.size;
  }

  nextTag(): number {
    return ++this.#lastTag;
  }

  keep(tag: number, delivery: Delivery): void {
    this.#open.set(tag, delivery);
  }

  /**
   * Takes out one, or with `multiple` all up to it; tag 0 then means all.
   *
   * @throws AmqpError 406 for a tag that is not in hand
   */
  settle(tag: number, multiple: boolean): Delivery[] {
    if (multiple && tag === 0) return this.takeAll();
    const delivery = this.#open.get(tag);
    if (delivery === undefined) throw preconditionFailed(`unknown delivery tag ${tag}`);
    if (!multiple) {
      this.#open.delete(tag);
      return [delivery];
    }
    const settled: Delivery[] = [];
    for (const [each, open] of this.#open) {
      if (each > tag) break;
      this.#open.delete(each);
      settled.push(open);
    }
    return settled;
  }

  takeAll(): Delivery[] {
    const all = [...this.#open.values()];
    this.#open.clear();
    return all;
  }
}
