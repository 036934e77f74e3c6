/**
 * Takes messages from the queues over one channel, and acknowledges them. A channel's delivery tags die with it, so each
 * channel is a `IntakeChannel` of its own and an acknowledgement for an ended one is passed over.
 */

import type { Channel, ConsumeMessage } from 'amqplib';
import { messageOf, weightOf } from '../../src/amqp/amqplib-internals.js';
import { isRefusedConsume } from '../../src/amqp/broker-reply.js';
import type { OpenConnection } from '../../src/amqp/open-connection.js';
import type { Topology } from '../../src/amqp/topology.js';
import type { QueueDeclaration } from '../../src/wire.js';
import { publishedAtMs } from '../delivery.js';
import type { HeldOfQueue } from '../metrics/snapshot.js';
import { AckLedger } from './acks.js';
import { ReadPause } from './read-pause.js';
import type { Subscription } from './subscription.js';
import { Subscriptions } from './subscriptions.js';

export interface IntakeChannelOptions {
  readonly prefetchBytes: number;
  readonly batchRecords: number;
  /** Queues that keep a share of the budget for themselves. */
  readonly isSevere: (queue: string) => boolean;
  /** A message has come. Returns how many records it holds, where that is known already. */
  readonly onMessage: (session: IntakeChannel, queue: string, message: ConsumeMessage) => number | undefined;
  /** What a person should know of a queue; undefined: nothing. */
  readonly onHazard: (queue: string, sentence: string | undefined) => void;
  /** No messages can be taken from this queue. When the broker closed the channel over it, `onLost` follows. */
  readonly onRefused: (declaration: QueueDeclaration, error: Error) => void;
  /**
   * The channel ended without our doing: everything that it delivered goes back to the queues.
   *
   * @param refused it ended over a queue that `onRefused` was told of.
   */
  readonly onLost: (session: IntakeChannel, error: Error, refused: boolean) => void;
}

interface HeldMessage {
  readonly subscription: Subscription;
  readonly bytes: number;
  readonly publishedAtMs: number;
}

export class IntakeChannel {
  readonly connection: OpenConnection;
  readonly #options: IntakeChannelOptions;
  readonly #ledger = new AckLedger();
  readonly #backPressure: ReadPause;
  /** In the order in which they came. */
  readonly #inHand = new Map<number, HeldMessage>();
  readonly #subscriptions: Subscriptions;
  #busyQueues = 0;
  #channel: Channel | undefined;
  #state: 'open' | 'draining' | 'ended' = 'open';

  /** @param declarations in the order in which they are subscribed to. */
  constructor(
    connection: OpenConnection,
    topology: Topology,
    declarations: readonly QueueDeclaration[],
    options: IntakeChannelOptions,
  ) {
    this.connection = connection;
    this.#options = options;
    this.#backPressure = new ReadPause(connection, options.prefetchBytes);
    const { prefetchBytes: bytes, batchRecords, isSevere, onHazard, onRefused } = options;
    this.#subscriptions = new Subscriptions({
      connection,
      topology,
      isOpen: () => this.#state === 'open',
      budget: () => ({ bytes, batchRecords, busyQueues: this.#busyQueues }),
      isSevere,
      onMessage: (subscription, message) => this.#take(subscription, message),
      onHazard,
      onRefused,
    });
    this.#subscriptions.add(declarations, 0);
  }

  get isEnded(): boolean {
    return this.#state === 'ended';
  }

  /** Queues that it takes messages from. */
  get queues(): readonly string[] {
    return this.#state === 'open' ? this.#subscriptions.granted : [];
  }

  /** Messages that are delivered and not acknowledged. */
  get unacknowledged(): number {
    return this.#ledger.unfinished;
  }

  /** By the name of the queue: of those with messages that are delivered and not acknowledged. */
  heldByQueue(): Map<string, HeldOfQueue> {
    const held = new Map<string, HeldOfQueue>();
    for (const { subscription, publishedAtMs: oldestMs } of this.#inHand.values()) {
      // A queue gives its messages in their order: the first of each is its oldest.
      if (held.size === this.#busyQueues) break;
      const { queue, meanBodyBytes: meanBytes } = subscription;
      if (!held.has(queue)) held.set(queue, { oldestMs, meanBytes });
    }
    return held;
  }

  /** Declares and subscribes to every queue. Never rejects: what goes wrong is told by `onLost` and `onRefused`. */
  async open(): Promise<void> {
    let channel: Channel;
    try {
      channel = await this.connection.model.createChannel();
    } catch (error) {
      this.lose(error as Error);
      return;
    }
    channel.on('error', (error) => this.lose(error));
    channel.on('close', () => this.lose(new Error('the channel was closed')));
    if (this.#state === 'ended') return closed(channel);
    this.#channel = channel;
    await this.#subscriptions.begin(channel);
  }

  /**
   * Takes from these queues as well.
   *
   * @param rank those of a higher rank are subscribed to before those of a lower one; the first ones have 0.
   */
  add(declarations: readonly QueueDeclaration[], rank = 0): void {
    if (this.#state === 'open') this.#subscriptions.add(declarations, rank);
  }

  /** Everything of these messages is safe: acknowledge them. */
  acknowledge(tags: readonly number[]): void {
    if (this.#state === 'ended') return;
    for (const tag of tags) this.#release(tag);
    try {
      for (const { tag, multiple } of this.#ledger.finished(tags)) this.#channel!.ack(messageOf(tag), multiple);
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
      this.#channel!.nack(messageOf(tag), false, true);
    } catch (error) {
      this.lose(error as Error);
    }
  }

  /** No new messages from now on; what was delivered can still be acknowledged. */
  async drain(): Promise<void> {
    if (this.#state !== 'open') return;
    this.#state = 'draining';
    this.#backPressure.release();
    await this.#subscriptions.cancel();
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
    this.#subscriptions.stop();
  }

  /**
   * The channel ended without our doing. Whoever owns the connection says so as well when that is lost: a channel that ends
   * in the moment in which it was opened has told it before anybody could listen.
   */
  lose(error: Error): void {
    if (this.#state === 'ended') return;
    this.#finish();
    // Meanwhile it may have ended over something else: an acknowledgement, a message that was kept for too long.
    const refused = isRefusedConsume(error) ? this.#subscriptions.asked : undefined;
    if (refused) this.#options.onRefused(refused, error);
    this.#options.onLost(this, error, refused !== undefined);
  }

  #take(subscription: Subscription, message: ConsumeMessage): void {
    if (this.#state === 'ended') return;
    const tag = message.fields.deliveryTag;
    const bytes = weightOf(message);
    this.#ledger.delivered(tag);
    this.#inHand.set(tag, { subscription, bytes, publishedAtMs: publishedAtMs(message, Date.now()) });
    if (!subscription.isBusy) this.#busyQueues++;
    subscription.delivered(bytes, message.content.length);
    this.#backPressure.delivered(bytes);
    const records = this.#options.onMessage(this, subscription.queue, message);
    if (records !== undefined) subscription.counted(records);
    this.#subscriptions.review(subscription);
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
