/**
 * Takes messages from the queues over one channel, and acknowledges them. A channel's delivery tags die with it, so each
 * channel is a `Session` of its own and an acknowledgement for an ended one is passed over.
 */

import type { Channel, ConsumeMessage } from 'amqplib';
import { Mutex } from 'async-mutex';
import type { Link } from '../src/amqp/link.js';
import type { Topology } from '../src/amqp/topology.js';
import { backoffMs, RECONNECT } from '../src/backoff.js';
import { reasonOf } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import type { QueueDeclaration } from '../src/wire.js';
import { AckLedger } from './acks.js';
import { FLOOR, grown, isFilled, type QueueLoad, shrunk } from './prefetch.js';

export interface IntakeOptions {
  readonly prefetchBytes: number;
  readonly batchRecords: number;
  /** Queues that keep a share of the budget for themselves. */
  readonly isSevere: (queue: string) => boolean;
  /** A message has come. Returns how many records it holds. */
  readonly onMessage: (session: Session, queue: string, message: ConsumeMessage) => number;
  /** The broker does not let this user read the queue. */
  readonly onRefused: (queue: string, reason: string) => void;
  /** The channel ended without our doing: everything that it delivered goes back to the queues. */
  readonly onLost: (session: Session, error: Error) => void;
}

/** AMQP reply code. */
const ACCESS_REFUSED = 403;

/** How often queues that became idle give their prefetch back. */
const SHRINK_EVERY_MS = 60_000;

interface Subscription {
  readonly declaration: QueueDeclaration;
  consumerTag: string | undefined;
  prefetch: number;
  outstanding: number;
  /** The most that was outstanding since it was looked at last. */
  peak: number;
  meanBytes: number;
  meanRecords: number;
  renewing: boolean;
  failures: number;
}

export class Session {
  readonly link: Link;
  readonly #options: IntakeOptions;
  readonly #topology: Topology;
  readonly #ledger = new AckLedger();
  readonly #queueOfTag = new Map<number, Subscription>();
  readonly #subscriptions: Subscription[];
  /** `basic.qos` applies to the next `basic.consume` of the channel, so the two must not be torn apart. */
  readonly #subscribing = new Mutex();
  readonly #timers = new Set<NodeJS.Timeout>();
  #channel: Channel | undefined;
  #state: 'open' | 'draining' | 'ended' = 'open';

  constructor(link: Link, topology: Topology, declarations: readonly QueueDeclaration[], options: IntakeOptions) {
    this.link = link;
    this.#topology = topology;
    this.#options = options;
    this.#subscriptions = declarations.map((declaration) => ({
      declaration,
      consumerTag: undefined,
      prefetch: FLOOR,
      outstanding: 0,
      peak: 0,
      meanBytes: 0,
      meanRecords: 0,
      renewing: false,
      failures: 0,
    }));
  }

  get isEnded(): boolean {
    return this.#state === 'ended';
  }

  /** Messages that are delivered and not acknowledged. */
  get unacknowledged(): number {
    return this.#ledger.unfinished;
  }

  /** Declares and subscribes to every queue. Never rejects: what goes wrong is told by `onLost` and `onRefused`. */
  async open(): Promise<void> {
    let channel: Channel;
    try {
      channel = await this.link.model.createChannel();
    } catch (error) {
      this.lose(error as Error);
      return;
    }
    channel.on('error', (error) => this.lose(error));
    channel.on('close', () => this.lose(new Error('the channel was closed')));
    if (this.#state === 'ended') return closed(channel);
    this.#channel = channel;
    this.#timers.add(setInterval(() => this.#shrinkIdle(), SHRINK_EVERY_MS));
    for (const subscription of this.#subscriptions) {
      if (this.#state !== 'open') return;
      await this.#subscribe(subscription);
    }
  }

  /** Everything of these messages is safe: acknowledge them. */
  acknowledge(tags: readonly number[]): void {
    if (this.#state === 'ended') return;
    for (const tag of tags) this.#release(tag);
    // amqplib reads nothing but the delivery tag from the message.
    for (const { tag, multiple } of this.#ledger.finished(tags)) this.#channel!.ack(byTag(tag), multiple);
  }

  /** No new messages from now on; what was delivered can still be acknowledged. */
  async drain(): Promise<void> {
    if (this.#state !== 'open') return;
    this.#state = 'draining';
    await this.#subscribing.runExclusive(async () => {
      for (const subscription of this.#subscriptions) await this.#cancel(subscription);
    });
  }

  /** Ends the channel: whatever is not acknowledged goes back to its queue, once. */
  async end(): Promise<void> {
    if (this.#state === 'ended') return;
    this.#finish();
    if (this.#channel) await closed(this.#channel);
  }

  #finish(): void {
    this.#state = 'ended';
    for (const timer of this.#timers) clearTimeout(timer);
  }

  /**
   * The channel ended without our doing. Whoever owns the connection says so as well when that is lost: a channel that ends
   * in the moment in which it was opened has told it before anybody could listen.
   */
  lose(error: Error): void {
    if (this.#state === 'ended') return;
    this.#finish();
    this.#options.onLost(this, error);
  }

  async #subscribe(subscription: Subscription): Promise<void> {
    const { declaration } = subscription;
    try {
      await this.#topology.ensure(this.link, declaration);
      await this.#subscribing.runExclusive(() => this.#consume(subscription));
    } catch (error) {
      // A refusal closes the channel as well, a lost connection tells itself.
      if ((error as { code?: unknown }).code === ACCESS_REFUSED)
        this.#options.onRefused(declaration.queue, reasonOf(error));
      else internalLogger.debug(`no subscription to ${declaration.queue}: ${reasonOf(error)}`);
    }
  }

  async #consume(subscription: Subscription): Promise<void> {
    if (this.#state !== 'open') return;
    const { queue } = subscription.declaration;
    await this.#channel!.prefetch(subscription.prefetch);
    const { consumerTag } = await this.#channel!.consume(queue, (message) => {
      if (message === null) this.#cancelled(subscription);
      else this.#take(subscription, message);
    });
    subscription.consumerTag = consumerTag;
  }

  async #cancel(subscription: Subscription): Promise<void> {
    const { consumerTag } = subscription;
    if (consumerTag === undefined) return;
    subscription.consumerTag = undefined;
    // Refused only where the channel is gone, which is told by the channel.
    await this.#channel!.cancel(consumerTag).catch((error) => internalLogger.debug(`cancel: ${reasonOf(error)}`));
  }

  /** The queue was deleted, or its node left: it is declared and subscribed to again. */
  #cancelled(subscription: Subscription): void {
    subscription.consumerTag = undefined;
    subscription.failures++;
    internalLogger.warning(
      `queue "${subscription.declaration.queue}" ended our subscription; it is declared and subscribed to again.`,
    );
    this.#topology.forget();
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        void this.#subscribe(subscription);
      },
      backoffMs(subscription.failures, RECONNECT),
    );
    this.#timers.add(timer);
  }

  #take(subscription: Subscription, message: ConsumeMessage): void {
    if (this.#state === 'ended') return;
    const tag = message.fields.deliveryTag;
    this.#ledger.delivered(tag);
    this.#queueOfTag.set(tag, subscription);
    subscription.outstanding++;
    subscription.peak = Math.max(subscription.peak, subscription.outstanding);
    subscription.failures = 0;
    const records = this.#options.onMessage(this, subscription.declaration.queue, message);
    subscription.meanBytes = smoothed(subscription.meanBytes, message.content.length);
    subscription.meanRecords = smoothed(subscription.meanRecords, records);
    this.#grow(subscription);
  }

  #release(tag: number): void {
    const subscription = this.#queueOfTag.get(tag);
    if (!subscription) return;
    this.#queueOfTag.delete(tag);
    subscription.outstanding--;
  }

  /** Subscribes again with more where the queue has as much on its way as it may. */
  #grow(subscription: Subscription): void {
    const load = this.#loadOf(subscription);
    if (!isFilled(load)) return;
    const busyQueues = this.#subscriptions.filter((other) => other.outstanding > 0).length;
    const { prefetchBytes: bytes, batchRecords } = this.#options;
    this.#resize(subscription, grown(load, { bytes, batchRecords, busyQueues }));
  }

  #shrinkIdle(): void {
    for (const subscription of this.#subscriptions) {
      this.#resize(subscription, shrunk(this.#loadOf(subscription), subscription.peak));
      subscription.peak = subscription.outstanding;
    }
  }

  #loadOf(subscription: Subscription): QueueLoad {
    return { ...subscription, severe: this.#options.isSevere(subscription.declaration.queue) };
  }

  #resize(subscription: Subscription, prefetch: number): void {
    if (prefetch === subscription.prefetch || subscription.renewing) return;
    if (this.#state !== 'open' || subscription.consumerTag === undefined) return;
    subscription.prefetch = prefetch;
    subscription.renewing = true;
    void this.#renew(subscription);
  }

  async #renew(subscription: Subscription): Promise<void> {
    try {
      await this.#subscribing.runExclusive(async () => {
        if (this.#state !== 'open') return;
        await this.#cancel(subscription);
        await this.#consume(subscription);
      });
    } catch (error) {
      internalLogger.debug(`no subscription to ${subscription.declaration.queue}: ${reasonOf(error)}`);
    }
    subscription.renewing = false;
  }
}

/**
 * Resolves when the channel has ended, whichever way. amqplib settles the promise of `close()` only by the broker's answer,
 * never when the connection is lost before it; then there is nothing but the event.
 */
function closed(channel: Channel): Promise<void> {
  return new Promise((resolve) => {
    channel.once('close', resolve);
    channel.close().then(resolve, () => resolve());
  });
}

/** A mean over about the last sixteen; the first value counts whole. */
function smoothed(mean: number, value: number): number {
  return mean === 0 ? value : mean + (value - mean) / 16;
}

function byTag(deliveryTag: number): ConsumeMessage {
  return { fields: { deliveryTag } } as ConsumeMessage;
}
