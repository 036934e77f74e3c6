/** Unacknowledged deliveries of a channel, by delivery tag. */
import { preconditionFailed } from '../amqp-error.js';
import type { Consumer } from '../queues/consumers.js';
import type { Queue } from '../queues/queue.js';
import type { Entry } from '../queues/ready-list.js';

export interface Delivery {
  readonly queue: Queue;
  readonly entry: Entry;
  /** Undefined for basic.get. */
  readonly subscription: Subscription | undefined;
}

export class Deliveries {
  #lastTag = 0;
  /** Tags increase, so the oldest delivery comes first. */
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
   * Removes one delivery, or with `multiple` all up to the tag; tag 0 then means all.
   *
   * @throws AmqpError 406 for an unknown tag.
   */
  take(tag: number, multiple: boolean): Delivery[] {
    if (multiple && tag === 0) return this.takeAll();
    const delivery = this.#open.get(tag);
    if (delivery === undefined) throw preconditionFailed(`unknown delivery tag ${tag}`);
    if (!multiple) {
      this.#open.delete(tag);
      return [delivery];
    }
    const taken: Delivery[] = [];
    for (const [each, open] of this.#open) {
      if (each > tag) break;
      this.#open.delete(each);
      taken.push(open);
    }
    return taken;
  }

  takeAll(): Delivery[] {
    const all = [...this.#open.values()];
    this.#open.clear();
    return all;
  }
}

// A consumer of a channel, as its queue sees it.

/** The consumer's channel. */
export interface SubscriptionChannel {
  /** Whether the client reads and the channel's prefetch limit is not reached. */
  hasCapacity(noAck: boolean): boolean;
  deliver(subscription: Subscription, entry: Entry): void;
  lost(subscription: Subscription): void;
}

export interface SubscriptionOptions {
  readonly tag: string;
  readonly queue: Queue;
  readonly noAck: boolean;
  readonly exclusive: boolean;
  /** 0: no limit. */
  readonly prefetch: number;
}

export class Subscription implements Consumer {
  readonly tag: string;
  readonly queue: Queue;
  readonly noAck: boolean;
  readonly exclusive: boolean;
  readonly #prefetch: number;
  readonly #channel: SubscriptionChannel;
  #unacked = 0;

  constructor(channel: SubscriptionChannel, { tag, queue, noAck, exclusive, prefetch }: SubscriptionOptions) {
    this.#channel = channel;
    this.tag = tag;
    this.queue = queue;
    this.noAck = noAck;
    this.exclusive = exclusive;
    this.#prefetch = prefetch;
  }

  hasCapacity(): boolean {
    const own = this.noAck || this.#prefetch === 0 || this.#unacked < this.#prefetch;
    return own && this.#channel.hasCapacity(this.noAck);
  }

  deliver(entry: Entry): void {
    if (!this.noAck) this.#unacked++;
    this.#channel.deliver(this, entry);
  }

  released(): void {
    this.#unacked--;
  }

  cancelled(): void {
    this.#channel.lost(this);
  }

  wake(): void {
    this.queue.wake(this);
  }

  end(): void {
    this.queue.unsubscribe(this);
  }
}
