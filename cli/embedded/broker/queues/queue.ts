/**
 * A classic or quorum queue: ready and unacknowledged messages, length limits and expiry.
 *
 *   publish ──> ready ──deliver, get──> unacknowledged ──ack──> gone
 *                │  ^                        │    │
 *                │  └──────requeue───────────┘    └─reject─┐
 *                └─expired, over the length limit──────────┴──> dead-lettered, or gone ──refused──> undelivered ──> retry
 *
 * Only a queue with at-least-once dead-lettering has undelivered messages. Nothing survives the process.
 */
import type { FieldTable } from '../wire/field-table.js';
import { type Consumer, Consumers } from './consumers.js';
import type { DeathReason } from './dead-letter.js';
import type { MemoryAccount, Message, MessageCounts } from './message.js';
import type { QueueSettings } from './queue-arguments.js';
import { type Entry, ReadyList } from './ready-list.js';
import { type DeadLetter, Undelivered } from './undelivered.js';

/** What a queue needs from its virtual host. */
export interface QueueContext {
  readonly memory: MemoryAccount;
  readonly counts: MessageCounts;
  /** Returns false if at least one queue refused the message, or it was not routed. */
  deadLetter(queue: Queue, message: Message, reason: DeathReason): boolean;
  /** The queue has expired, or its last consumer has gone. */
  remove(queue: Queue): void;
}

export interface QueueIdentity {
  readonly name: string;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  /** The connection that owns an exclusive queue; undefined: not exclusive. */
  readonly owner: object | undefined;
  readonly arguments: FieldTable;
}

/** A full quorum queue accepts messages again below this share of its limits. */
const QUORUM_RELIEF = 0.8;
/** Maximum delay of setTimeout. */
const MAX_TIMER_MS = 0x7fff_ffff;

export class Queue {
  readonly identity: QueueIdentity;
  readonly settings: QueueSettings;
  readonly #context: QueueContext;
  readonly #ready = new ReadyList();
  #readyBytes = 0;
  readonly #unacked = new Set<Entry>();
  readonly #consumers = new Consumers();
  #positions = 0;
  /** Quorum queues: over the limits, and not yet below them by the required margin. */
  #refuses = false;
  readonly #undelivered = new Undelivered((letter) => this.#sendDead(letter));
  #expiryTimer: NodeJS.Timeout | undefined;
  #expiryTimerAtMs = Number.POSITIVE_INFINITY;
  #unusedTimer: NodeJS.Timeout | undefined;
  #isGone = false;

  constructor(identity: QueueIdentity, settings: QueueSettings, context: QueueContext) {
    this.identity = identity;
    this.settings = settings;
    this.#context = context;
    this.used();
  }

  get name(): string {
    return this.identity.name;
  }

  get readyCount(): number {
    return this.#ready.length;
  }

  get unackedCount(): number {
    return this.#unacked.size;
  }

  get consumerCount(): number {
    return this.#consumers.count;
  }

  get hasExclusiveConsumer(): boolean {
    return this.#consumers.hasExclusive;
  }

  /** @returns false if the message is refused, because the queue is full and does not drop others. */
  publish(message: Message): boolean {
    if (this.settings.overflow === 'reject-publish' && this.#isFullFor(message)) return false;
    const ttlMs = this.#ttlOf(message);
    const entry: Entry = {
      message,
      position: ++this.#positions,
      expiresAtMs: ttlMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + ttlMs,
      redelivered: false,
      deliveryCount: 0,
    };
    this.#context.memory.hold(message);
    if (this.#ready.length === 0) {
      const consumer = this.#consumers.next();
      if (consumer) {
        // Even a message that expires immediately is delivered if a consumer is ready.
        this.#hand(entry, consumer);
        return true;
      }
    }
    this.#ready.append(entry);
    this.#readyBytes += message.body.length;
    this.#dropExcess();
    if (ttlMs !== undefined) this.#armExpiry();
    this.#refuses ||= this.settings.type === 'quorum' && this.#isOver(0, 0, 1);
    return true;
  }

  #ttlOf({ properties: { expiration } }: Message): number | undefined {
    const { ttlMs } = this.settings;
    if (expiration === undefined) return ttlMs;
    return Math.min(Number(expiration.text), ttlMs ?? Number.POSITIVE_INFINITY);
  }

  /**
   * A classic queue refuses the message that would exceed the limit; a quorum queue notices afterwards, as in RabbitMQ
   * 3.10.
   */
  #isFullFor(message: Message): boolean {
    return this.settings.type === 'quorum' ? this.#refuses : this.#isOver(1, message.body.length, 1);
  }

  #isOver(moreMessages: number, moreBytes: number, share: number): boolean {
    const { maxLength, maxBytes } = this.settings;
    return (
      this.#ready.length + this.#undelivered.count + moreMessages > maxLength * share ||
      this.#readyBytes + this.#undelivered.bytes + moreBytes > maxBytes * share
    );
  }

  #dropExcess(): void {
    if (this.settings.overflow === 'reject-publish') return;
    while (this.#ready.length > 0 && this.#isOver(0, 0, 1)) this.#discard(this.#takeFirst() as Entry, 'maxlen');
  }

  #takeFirst(): Entry | undefined {
    const entry = this.#ready.takeFirst();
    if (entry === undefined) return undefined;
    this.#readyBytes -= entry.message.body.length;
    if (this.#refuses && !this.#isOver(0, 0, QUORUM_RELIEF)) this.#refuses = false;
    return entry;
  }

  #deliver(): void {
    const first = this.#ready.first();
    if (first === undefined || this.#consumers.count === 0) return;
    this.#expire();
    while (this.#ready.length > 0) {
      const consumer = this.#consumers.next();
      if (consumer === undefined) return;
      this.#hand(this.#takeFirst() as Entry, consumer);
    }
  }

  #hand(entry: Entry, consumer: Consumer): void {
    if (!consumer.noAck) this.#unacked.add(entry);
    consumer.deliver(entry);
    if (consumer.noAck) this.#context.memory.release(entry.message);
  }

  /** basic.get: takes the first message. */
  get(noAck: boolean): Entry | undefined {
    this.used();
    this.#expire();
    const entry = this.#takeFirst();
    if (entry === undefined) return undefined;
    // Expire messages behind it as well, so that the reported count is right.
    this.#expire();
    if (noAck) this.#context.memory.release(entry.message);
    else this.#unacked.add(entry);
    return entry;
  }

  acknowledge(entry: Entry): void {
    if (this.#unacked.delete(entry)) this.#context.memory.release(entry.message);
  }

  /** basic.reject and basic.nack without requeue. */
  reject(entry: Entry): void {
    if (this.#unacked.delete(entry)) this.#discard(entry, 'rejected');
  }

  /**
   * Requeues a message. A classic queue restores its position. A quorum queue, as in RabbitMQ 3.10, puts it before all
   * messages never delivered; or, if a consumer requested it and there is no delivery limit, at the end. Call `deliver`
   * after requeueing all messages.
   */
  requeue(entry: Entry, { byConsumer }: { byConsumer: boolean }): void {
    if (!this.#unacked.delete(entry)) return;
    const { type, deliveryLimit } = this.settings;
    entry.redelivered = true;
    entry.deliveryCount++;
    if (deliveryLimit !== undefined && entry.deliveryCount > deliveryLimit) {
      this.#discard(entry, 'delivery_limit');
      return;
    }
    this.#readyBytes += entry.message.body.length;
    if (type === 'quorum') entry.position = ++this.#positions;
    if (byConsumer && type === 'quorum' && deliveryLimit === undefined) this.#ready.append(entry);
    else this.#ready.requeue(entry);
    this.#armExpiry();
  }

  /** Delivers what can be delivered, after messages were requeued or a consumer may have capacity again. */
  deliver(): void {
    this.#dropExcess();
    this.#deliver();
  }

  subscribe(consumer: Consumer): void {
    this.#consumers.add(consumer);
    clearTimeout(this.#unusedTimer);
    this.#deliver();
  }

  wake(consumer: Consumer): void {
    this.#consumers.wake(consumer);
    this.#deliver();
  }

  unsubscribe(consumer: Consumer): void {
    if (!this.#consumers.remove(consumer) || this.#consumers.count > 0) return;
    if (this.identity.autoDelete) this.#context.remove(this);
    else this.used();
  }

  /** Restarts the expiry timer of an unused queue. */
  used(): void {
    const { expiresMs } = this.settings;
    if (expiresMs === undefined || this.#consumers.count > 0 || this.#isGone) return;
    clearTimeout(this.#unusedTimer);
    this.#unusedTimer = setTimeout(() => this.#context.remove(this), Math.min(expiresMs, MAX_TIMER_MS)).unref();
  }

  #expire(): void {
    let first = this.#ready.first();
    if (first === undefined || first.expiresAtMs === Number.POSITIVE_INFINITY) return;
    const nowMs = performance.now();
    while (first !== undefined && first.expiresAtMs <= nowMs) {
      this.#discard(this.#takeFirst() as Entry, 'expired');
      first = this.#ready.first();
    }
  }

  /** As in RabbitMQ, a message expires when it reaches the head of the queue. */
  #armExpiry(): void {
    const atMs = this.#ready.first()?.expiresAtMs ?? Number.POSITIVE_INFINITY;
    if (atMs >= this.#expiryTimerAtMs || this.#isGone) return;
    clearTimeout(this.#expiryTimer);
    this.#expiryTimerAtMs = atMs;
    const delayMs = Math.min(Math.max(Math.ceil(atMs - performance.now()), 0), MAX_TIMER_MS);
    this.#expiryTimer = setTimeout(() => {
      this.#expiryTimerAtMs = Number.POSITIVE_INFINITY;
      this.#expire();
      this.#armExpiry();
    }, delayMs).unref();
  }

  /** The message leaves the queue for the given reason. */
  #discard({ message }: Entry, reason: DeathReason): void {
    if (reason === 'maxlen') this.#context.counts.overLength++;
    if (reason === 'delivery_limit') this.#context.counts.overDeliveryLimit++;
    this.#sendDead({ message, reason });
  }

  /** Publishes to the dead-letter exchange, if there is one. */
  #sendDead(letter: DeadLetter): void {
    const { deadLetter } = this.settings;
    const { message, reason } = letter;
    const isOver = deadLetter === undefined || this.#context.deadLetter(this, message, reason);
    if (isOver || !deadLetter.atLeastOnce) this.#context.memory.release(message);
    else this.#undelivered.keep(letter);
  }

  /** @returns the number of ready messages. */
  purge(): number {
    const entries = this.#ready.takeAll();
    this.#readyBytes = 0;
    this.#refuses = false;
    for (const { message } of entries) this.#context.memory.release(message);
    return entries.length;
  }

  /**
   * Call this after the queue was deleted: it releases all messages, including unacknowledged ones, and cancels the
   * consumers.
   *
   * @returns the number of ready messages.
   */
  end(): number {
    this.#isGone = true;
    clearTimeout(this.#expiryTimer);
    clearTimeout(this.#unusedTimer);
    for (const { message } of this.#unacked) this.#context.memory.release(message);
    this.#unacked.clear();
    for (const { message } of this.#undelivered.takeAll()) this.#context.memory.release(message);
    const purged = this.purge();
    for (const consumer of this.#consumers.takeAll()) consumer.cancelled();
    return purged;
  }
}
