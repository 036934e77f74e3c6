/**
 * Takes messages from the queues over one channel, and acknowledges them. A channel's delivery tags die with it, so each
 * channel is a `Session` of its own and an acknowledgement for an ended one is passed over.
 */

import type { Channel, ConsumeMessage } from 'amqplib';
import { Mutex } from 'async-mutex';
import type { Link } from '../../src/amqp/link.js';
import { replyCode } from '../../src/amqp/reply.js';
import type { Topology } from '../../src/amqp/topology.js';
import { backoffMs, RECONNECT } from '../../src/backoff.js';
import { reasonOf } from '../../src/errors.js';
import { internalLogger } from '../../src/internal-logger.js';
import type { QueueDeclaration } from '../../src/wire.js';
import { AckLedger } from './acks.js';
import { BackPressure } from './back-pressure.js';
import { adapted, type PrefetchBudget, shrunk, wantsAnother } from './prefetch.js';
import { Subscription } from './subscription.js';

export interface IntakeOptions {
  readonly prefetchBytes: number;
  readonly batchRecords: number;
  /** Queues that keep a share of the budget for themselves. */
  readonly isSevere: (queue: string) => boolean;
  /** A message has come. Returns how many records it holds, where that is known already. */
  readonly onMessage: (session: Session, queue: string, message: ConsumeMessage) => number | undefined;
  /** The broker gives no subscription to this queue. When it closed the channel over it, `onLost` follows. */
  readonly onRefused: (declaration: QueueDeclaration, error: Error) => void;
  /**
   * The channel ended without our doing: everything that it delivered goes back to the queues.
   *
   * @param refused it ended over a queue that `onRefused` was told of.
   */
  readonly onLost: (session: Session, error: Error, refused: boolean) => void;
}

/** How often queues that became idle give their prefetch back. */
const SHRINK_EVERY_MS = 60_000;

export class Session {
  readonly link: Link;
  readonly #options: IntakeOptions;
  readonly #topology: Topology;
  readonly #ledger = new AckLedger();
  readonly #backPressure: BackPressure;
  readonly #inHand = new Map<number, { readonly subscription: Subscription; readonly bytes: number }>();
  /** By the name of the queue. */
  readonly #subscriptions: Map<string, Subscription>;
  /** `basic.qos` applies to the next `basic.consume` of the channel, so the two must not be torn apart. */
  readonly #subscribing = new Mutex();
  readonly #timers = new Set<NodeJS.Timeout>();
  #busyQueues = 0;
  /** The subscription that the broker is asked for at this moment: a channel that ends now, ends over it. */
  #asked: Subscription | undefined;
  #channel: Channel | undefined;
  #state: 'open' | 'draining' | 'ended' = 'open';

  constructor(link: Link, topology: Topology, declarations: readonly QueueDeclaration[], options: IntakeOptions) {
    this.link = link;
    this.#topology = topology;
    this.#options = options;
    this.#backPressure = new BackPressure(link, options.prefetchBytes);
    this.#subscriptions = new Map(
      declarations.map((declaration) => [declaration.queue, this.#subscriptionOf(declaration)]),
    );
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
    for (const subscription of [...this.#subscriptions.values()]) {
      if (this.#state !== 'open') return;
      await this.#subscribe(subscription);
    }
  }

  /** Takes from one queue more, if it does not already. */
  async add(declaration: QueueDeclaration): Promise<void> {
    if (this.#state !== 'open' || this.#subscriptions.has(declaration.queue)) return;
    const subscription = this.#subscriptionOf(declaration);
    this.#subscriptions.set(declaration.queue, subscription);
    // Before the channel is there: then open() comes to it.
    if (this.#channel) await this.#subscribe(subscription);
  }

  /** Everything of these messages is safe: acknowledge them. */
  acknowledge(tags: readonly number[]): void {
    if (this.#state === 'ended') return;
    for (const tag of tags) this.#release(tag);
    try {
      // amqplib reads nothing but the delivery tag from the message.
      for (const { tag, multiple } of this.#ledger.finished(tags)) this.#channel!.ack(byTag(tag), multiple);
    } catch (error) {
      // Stored, and not acknowledged: it comes back, and its key drops it.
      this.lose(error as Error);
    }
  }

  /** Puts one message back into its queue; the broker hands it out again at once. */
  giveBack(tag: number): void {
    if (this.#state === 'ended') return;
    this.#release(tag);
    this.#ledger.finished([tag]);
    try {
      this.#channel!.nack(byTag(tag), false, true);
    } catch (error) {
      this.lose(error as Error);
    }
  }

  /** No new messages from now on; what was delivered can still be acknowledged. */
  async drain(): Promise<void> {
    if (this.#state !== 'open') return;
    this.#state = 'draining';
    this.#backPressure.release();
    await this.#subscribing.runExclusive(async () => {
      for (const subscription of [...this.#subscriptions.values()]) await this.#cancel(subscription);
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
    this.#backPressure.release();
    for (const timer of this.#timers) clearTimeout(timer);
  }

  /**
   * The channel ended without our doing. Whoever owns the connection says so as well when that is lost: a channel that ends
   * in the moment in which it was opened has told it before anybody could listen.
   */
  lose(error: Error): void {
    if (this.#state === 'ended') return;
    this.#finish();
    const refused = replyCode(error) === undefined ? undefined : this.#asked;
    if (refused) this.#options.onRefused(refused.declaration, error);
    this.#options.onLost(this, error, refused !== undefined);
  }

  #subscriptionOf(declaration: QueueDeclaration): Subscription {
    return new Subscription(declaration, this.#options.isSevere(declaration.queue));
  }

  async #subscribe(subscription: Subscription): Promise<void> {
    try {
      await this.#topology.ensure(this.link, subscription.declaration);
    } catch (error) {
      this.#subscriptions.delete(subscription.queue);
      if (this.#state === 'open') this.#options.onRefused(subscription.declaration, error as Error);
      return;
    }
    await this.#subscribing.runExclusive(() => this.#consume(subscription));
  }

  /** Never rejects: a refusal closes the channel, and is told by that. */
  async #consume(subscription: Subscription): Promise<void> {
    if (this.#state !== 'open') return;
    const generation = ++subscription.generation;
    this.#asked = subscription;
    try {
      await this.#channel!.prefetch(subscription.prefetch);
      const { consumerTag } = await this.#channel!.consume(subscription.queue, (message) => {
        if (message !== null) this.#take(subscription, message);
        else if (generation === subscription.generation) this.#cancelled(subscription);
      });
      // It may have been cancelled before this was heard.
      if (generation === subscription.generation) {
        subscription.consumerTag = consumerTag;
        // Messages may have come in one piece with the answer, and no further one does before they are done with.
        this.#review(subscription);
      }
    } catch (error) {
      internalLogger.debug(`no subscription to ${subscription.queue}: ${reasonOf(error)}`);
    }
    this.#asked = undefined;
  }

  async #cancel(subscription: Subscription): Promise<void> {
    const { consumerTag } = subscription;
    if (consumerTag === undefined) return;
    subscription.consumerTag = undefined;
    subscription.generation++;
    // Refused only where the channel is gone, which is told by the channel.
    await this.#channel!.cancel(consumerTag).catch((error) => internalLogger.debug(`cancel: ${reasonOf(error)}`));
  }

  /** The queue was deleted, or its node left: it is declared and subscribed to again. */
  #cancelled(subscription: Subscription): void {
    subscription.consumerTag = undefined;
    subscription.generation++;
    subscription.failures++;
    internalLogger.warning(
      `queue "${subscription.queue}" ended our subscription; it is declared and subscribed to again.`,
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
    const bytes = message.content.length;
    this.#ledger.delivered(tag);
    this.#inHand.set(tag, { subscription, bytes });
    if (!subscription.isBusy) this.#busyQueues++;
    subscription.delivered(bytes);
    this.#backPressure.delivered(bytes);
    const records = this.#options.onMessage(this, subscription.queue, message);
    if (records !== undefined) subscription.counted(records);
    this.#review(subscription);
  }

  /** Whether the queue should have another prefetch now. */
  #review(subscription: Subscription): void {
    const budget = this.#budget();
    const { load } = subscription;
    if (wantsAnother(load, budget)) this.#resize(subscription, adapted(load, budget));
  }

  #release(tag: number): void {
    const message = this.#inHand.get(tag);
    if (!message) return;
    const { subscription, bytes } = message;
    this.#inHand.delete(tag);
    subscription.finished(bytes);
    if (!subscription.isBusy) this.#busyQueues--;
    this.#backPressure.finished(bytes);
  }

  #budget(): PrefetchBudget {
    const { prefetchBytes: bytes, batchRecords } = this.#options;
    return { bytes, batchRecords, busyQueues: this.#busyQueues };
  }

  #shrinkIdle(): void {
    for (const subscription of [...this.#subscriptions.values()]) {
      this.#resize(subscription, shrunk(subscription.load, subscription.takePeak()));
    }
  }

  /** Subscribes again with another prefetch: AMQP cannot change that of a subscription. */
  #resize(subscription: Subscription, prefetch: number): void {
    if (prefetch === subscription.prefetch || subscription.renewing) return;
    if (this.#state !== 'open' || subscription.consumerTag === undefined) return;
    subscription.prefetch = prefetch;
    subscription.renewing = true;
    void this.#subscribing.runExclusive(async () => {
      // Ended by the broker meanwhile: then it is subscribed to again in any case.
      if (this.#state === 'open' && subscription.consumerTag !== undefined) {
        await this.#cancel(subscription);
        await this.#consume(subscription);
      }
      subscription.renewing = false;
      this.#review(subscription);
    });
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

function byTag(deliveryTag: number): ConsumeMessage {
  return { fields: { deliveryTag } } as ConsumeMessage;
}
