/**
 * Consumes messages on one channel and acknowledges them. Delivery tags are valid only on their channel, so each
 * channel has its own `IntakeChannel`, and acknowledgements for a closed one are ignored.
 */
import type { Channel, ConsumeMessage } from 'amqplib';
import { messageOf, weightOf } from '../../src/amqp/amqplib-internals.js';
import { isInternalError, isRefusedConsume } from '../../src/amqp/broker-reply.js';
import type { OpenConnection } from '../../src/amqp/open-connection.js';
import type { Topology } from '../../src/amqp/topology.js';
import { LoghiveError } from '../../src/errors.js';
import type { QueueDeclaration } from '../../src/wire.js';
import { publishedAtMs } from '../delivery.js';
import type { UnacknowledgedInQueue } from '../metrics/snapshot.js';
import { AckLedger } from './acks.js';
import type { Subscription } from './subscription.js';
import { Subscriptions, type SubscriptionsOptions } from './subscriptions.js';

export interface IntakeChannelOptions {
  readonly prefetchBytes: number;
  readonly batchRecords: number;
  /** Queues that have a reserved share of the budget. */
  readonly isSevere: (queue: string) => boolean;
  /** A message was delivered. Returns the number of its records, if already known. */
  readonly onMessage: (channel: IntakeChannel, queue: string, message: ConsumeMessage) => number | undefined;
  /** A problem with a queue that needs attention; undefined: none. */
  readonly onHazard: (queue: string, sentence: string | undefined) => void;
  /** The broker refuses this queue. If it closed the channel or the connection over it, `onLost` follows. */
  readonly onRefused: SubscriptionsOptions['onRefused'];
  readonly answerMs?: number;
  /**
   * The channel was closed unexpectedly. The broker requeues everything unacknowledged.
   *
   * @param refused whether it was closed because of a queue that was passed to `onRefused`.
   */
  readonly onLost: (channel: IntakeChannel, error: Error, refused: boolean) => void;
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
  readonly #readPause: ReadPause;
  /** Unacknowledged messages by delivery tag, in order of delivery. */
  readonly #unacknowledged = new Map<number, HeldMessage>();
  readonly #subscriptions: Subscriptions;
  #busyQueues = 0;
  #channel: Channel | undefined;
  #state: 'open' | 'draining' | 'ended' = 'open';

  /** @param declarations in the order in which to subscribe. */
  constructor(
    connection: OpenConnection,
    topology: Topology,
    declarations: readonly QueueDeclaration[],
    options: IntakeChannelOptions,
  ) {
    this.connection = connection;
    this.#options = options;
    this.#readPause = new ReadPause(connection, options.prefetchBytes);
    const { prefetchBytes: bytes, batchRecords, isSevere, onHazard, onRefused, answerMs } = options;
    this.#subscriptions = new Subscriptions({
      connection,
      topology,
      isOpen: () => this.#state === 'open',
      budget: () => ({ bytes, batchRecords, busyQueues: this.#busyQueues }),
      isSevere,
      onMessage: (subscription, message) => this.#receive(subscription, message),
      onHazard,
      onRefused,
      answerMs,
    });
    this.#subscriptions.add(declarations, 0);
  }

  get isEnded(): boolean {
    return this.#state === 'ended';
  }

  /** Queues that are consumed. */
  get queues(): readonly string[] {
    return this.#state === 'open' ? this.#subscriptions.granted : [];
  }

  /** Number of unacknowledged messages. */
  get unacknowledged(): number {
    return this.#ledger.unfinished;
  }

  /** Unacknowledged messages, by queue. */
  unacknowledgedByQueue(): Map<string, UnacknowledgedInQueue> {
    const held = new Map<string, UnacknowledgedInQueue>();
    for (const { subscription, publishedAtMs: oldestMs } of this.#unacknowledged.values()) {
      // A queue delivers in order: the first message of each is its oldest.
      if (held.size === this.#busyQueues) break;
      const { queue, meanBodyBytes: meanBytes } = subscription;
      if (!held.has(queue)) held.set(queue, { oldestMs, meanBytes });
    }
    return held;
  }

  /** Declares and subscribes to every queue. Never rejects: failures are reported by `onLost` and `onRefused`. */
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
   * Consumes from these queues as well.
   *
   * @param rank queues with a higher rank are subscribed to first; the initial ones have 0.
   */
  add(declarations: readonly QueueDeclaration[], rank = 0): void {
    if (this.#state === 'open') this.#subscriptions.add(declarations, rank);
  }

  /** Acknowledges these messages. All their records must be safe. */
  acknowledge(tags: readonly number[]): void {
    if (this.#state === 'ended') return;
    for (const tag of tags) this.#release(tag);
    try {
      for (const { tag, multiple } of this.#ledger.finished(tags)) this.#channel!.ack(messageOf(tag), multiple);
    } catch (error) {
      // Stored but not acknowledged: the broker redelivers it, and its records are dropped by their keys.
      this.lose(error as Error);
    }
  }

  /** Returns one message to its queue. The broker redelivers it immediately. */
  requeue(tag: number): void {
    if (this.#state === 'ended') return;
    this.#release(tag);
    this.#ledger.finished([tag]);
    try {
      this.#channel!.nack(messageOf(tag), false, true);
    } catch (error) {
      this.lose(error as Error);
    }
  }

  /** Cancels the subscriptions. Delivered messages can still be acknowledged. */
  async drain(): Promise<void> {
    if (this.#state !== 'open') return;
    this.#state = 'draining';
    this.#readPause.release();
    await this.#subscriptions.cancel();
  }

  /** Closes the channel. The broker requeues everything unacknowledged. */
  async end(): Promise<void> {
    if (this.#state === 'ended') return;
    this.#finish();
    if (this.#channel) await closed(this.#channel);
  }

  #finish(): void {
    this.#state = 'ended';
    this.#readPause.release();
    this.#subscriptions.stop();
  }

  /**
   * The channel was closed unexpectedly. The owner of the connection calls this too when it is lost: a channel that is
   * closed at the moment it is opened has emitted its event before a listener could be attached.
   */
  lose(error: Error): void {
    if (this.#state === 'ended') return;
    this.#finish();
    // The channel may have been closed for another reason, such as an acknowledgement timeout.
    const cause = error instanceof LoghiveError ? error.cause : error;
    const closesConnection = isInternalError(cause);
    const refused = closesConnection || isRefusedConsume(cause) ? this.#subscriptions.asked : undefined;
    if (refused) this.#options.onRefused(refused, cause as Error, closesConnection);
    this.#options.onLost(this, error, refused !== undefined);
  }

  #receive(subscription: Subscription, message: ConsumeMessage): void {
    if (this.#state === 'ended') return;
    const tag = message.fields.deliveryTag;
    const bytes = weightOf(message);
    this.#ledger.delivered(tag);
    this.#unacknowledged.set(tag, { subscription, bytes, publishedAtMs: publishedAtMs(message, Date.now()) });
    if (!subscription.isBusy) this.#busyQueues++;
    subscription.delivered(bytes, message.content.length);
    this.#readPause.delivered(bytes);
    const records = this.#options.onMessage(this, subscription.queue, message);
    if (records !== undefined) subscription.counted(records);
    this.#subscriptions.review(subscription);
  }

  #release(tag: number): void {
    const message = this.#unacknowledged.get(tag);
    if (!message) return;
    const { subscription, bytes } = message;
    this.#unacknowledged.delete(tag);
    subscription.finished(bytes);
    if (!subscription.isBusy) this.#busyQueues--;
    this.#readPause.finished(bytes);
  }
}

/**
 * Resolves when the channel is closed, for any reason. amqplib resolves `close()` only on the broker's answer, never if
 * the connection is lost first; then only the event is emitted.
 */
function closed(channel: Channel): Promise<void> {
  return new Promise((resolve) => {
    channel.once('close', resolve);
    channel.close().then(resolve, () => resolve());
  });
}

/** Used instead of the heartbeat interval if heartbeats are off, in milliseconds. */
const DEFAULT_HEARTBEAT_MS = 60_000;

/**
 * Keeps unacknowledged messages within a budget in bytes. AMQP has no prefetch in bytes, and messages in flight still
 * arrive when messages become larger. Above the budget the socket is not read, so TCP backpressure stops the broker.
 */
export class ReadPause {
  readonly #openConnection: OpenConnection;
  readonly #budgetBytes: number;
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(connection: OpenConnection, budgetBytes: number) {
    this.#openConnection = connection;
    this.#budgetBytes = budgetBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  delivered(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes <= this.#budgetBytes || this.#timer) return;
    this.#openConnection.pauseReading();
    // The broker's heartbeats are not read either, and without them the connection would be considered dead.
    this.#timer = setTimeout(() => this.release(), (this.#openConnection.heartbeatMs || DEFAULT_HEARTBEAT_MS) / 2);
  }

  finished(bytes: number): void {
    this.#bytes -= bytes;
    if (this.#bytes <= this.#budgetBytes) this.release();
  }

  /** Resumes reading until the budget is exceeded again. */
  release(): void {
    if (!this.#timer) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#openConnection.resumeReading();
  }
}
