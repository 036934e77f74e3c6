/** A consumer of a channel, as its queue sees it. */
import type { Consumer } from '../queues/consumers.js';
import type { Queue } from '../queues/queue.js';
import type { Entry } from '../queues/ready-list.js';

/** The channel that it belongs to. */
export interface SubscriptionChannel {
  /** Its peer reads, and its limit for all consumers together is not reached. */
  hasRoom(noAck: boolean): boolean;
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
  #inHand = 0;

  constructor(channel: SubscriptionChannel, { tag, queue, noAck, exclusive, prefetch }: SubscriptionOptions) {
    this.#channel = channel;
    this.tag = tag;
    this.queue = queue;
    this.noAck = noAck;
    this.exclusive = exclusive;
    this.#prefetch = prefetch;
  }

  hasRoom(): boolean {
    const own = this.noAck || this.#prefetch === 0 || this.#inHand < this.#prefetch;
    return own && this.#channel.hasRoom(this.noAck);
  }

  deliver(entry: Entry): void {
    if (!this.noAck) this.#inHand++;
    this.#channel.deliver(this, entry);
  }

  settled(): void {
    this.#inHand--;
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
