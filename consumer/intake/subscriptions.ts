/**
 * The subscriptions of a channel. Declares several queues at a time and subscribes to one after the other; subscribes
 * again if the broker cancels a subscription, or with another prefetch if the load of a queue changes.
 */
import type { Channel, ConsumeMessage } from 'amqplib';
import { Mutex, Semaphore } from 'async-mutex';
import { replyCode } from '../../src/amqp/broker-reply.js';
import type { OpenConnection } from '../../src/amqp/open-connection.js';
import { DECLARATIONS_AT_ONCE, type Topology } from '../../src/amqp/topology.js';
import { backoffMs, RECONNECT } from '../../src/backoff.js';
import { LoghiveError, reasonOf } from '../../src/errors.js';
import { internalLogger } from '../../src/internal-logger.js';
import { counted } from '../../src/sentence.js';
import type { QueueDeclaration } from '../../src/wire.js';
import { adapted, needsReview, type PrefetchBudget, shrunk } from './prefetch.js';
import { declareForConsuming } from './queue-hazards.js';
import { Subscription } from './subscription.js';

export interface SubscriptionsOptions {
  readonly connection: OpenConnection;
  readonly topology: Topology;
  /** False once the channel must not subscribe any more. */
  readonly isOpen: () => boolean;
  readonly budget: () => PrefetchBudget;
  /** Queues that have a reserved share of the budget. */
  readonly isSevere: (queue: string) => boolean;
  readonly onMessage: (subscription: Subscription, message: ConsumeMessage) => void;
  /** A problem with a queue that needs attention; undefined: none. */
  readonly onHazard: (queue: string, sentence: string | undefined) => void;
  /**
   * The broker refuses this queue.
   *
   * @param closesConnection whether the broker closes the whole connection over it.
   */
  readonly onRefused: (declaration: QueueDeclaration, error: Error, closesConnection?: boolean) => void;
  /** Time limit for the broker's answer about one queue, in milliseconds. Default 60000. */
  readonly answerMs?: number | undefined;
}

/** How often the prefetch of idle queues is reduced, in milliseconds. */
const SHRINK_EVERY_MS = 60_000;
const ANSWER_MS = 60_000;
/**
 * Priority of a new subscription. On a slow broker, the busy queues are renewed with a larger prefetch one after the other
 * for minutes, and nothing of the other queues would be read meanwhile.
 */
const BEFORE_RENEWALS = 1;

export class Subscriptions {
  readonly #options: SubscriptionsOptions;
  /** By queue name. */
  readonly #all = new Map<string, Subscription>();
  /** Locked until there is a channel. */
  readonly #declaring = new Semaphore(0);
  /** `basic.qos` applies to the next `basic.consume` of the channel, so nothing may come between the two. */
  readonly #subscribing = new Mutex();
  readonly #timers = new Set<NodeJS.Timeout>();
  #channel: Channel | undefined;
  /** The one whose `basic.consume` is in flight. */
  #asked: Subscription | undefined;

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
  }

  /** The queue over which the channel was closed, if the broker closed it because of a refused subscription. */
  get asked(): QueueDeclaration | undefined {
    return this.#asked?.declaration;
  }

  /** Granted queues, including those being renewed with another prefetch. */
  get granted(): string[] {
    const granted = [...this.#all.values()].filter(
      ({ consumerTag, renewing }) => consumerTag !== undefined || renewing,
    );
    return granted.map(({ queue }) => queue);
  }

  /** Subscribes to the added queues. Resolves when none are pending; never rejects. */
  async begin(channel: Channel): Promise<void> {
    this.#channel = channel;
    this.#timers.add(setInterval(() => this.#shrinkIdle(), SHRINK_EVERY_MS));
    this.#declaring.setValue(DECLARATIONS_AT_ONCE);
    await this.#declaring.waitForUnlock(DECLARATIONS_AT_ONCE, Number.NEGATIVE_INFINITY);
  }

  /**
   * Adds these queues, in this order. Those already present stay unchanged.
   *
   * @param rank queues with a higher rank are subscribed to first.
   */
  add(declarations: readonly QueueDeclaration[], rank: number): void {
    const added: Subscription[] = [];
    for (const declaration of declarations) {
      const { queue } = declaration;
      if (this.#all.has(queue)) continue;
      const subscription = new Subscription(declaration, this.#options.isSevere(queue));
      this.#all.set(queue, subscription);
      added.push(subscription);
    }
    this.#enqueue(added, rank);
  }

  /** Cancels all subscriptions. */
  async cancel(): Promise<void> {
    await this.#subscribing.runExclusive(async () => {
      for (const subscription of [...this.#all.values()]) await this.#cancel(subscription);
    });
  }

  /** Clears all timers. */
  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  /** Changes the prefetch of the queue if necessary. */
  review(subscription: Subscription): void {
    const budget = this.#options.budget();
    const { load } = subscription;
    if (needsReview(load, budget)) this.#resize(subscription, adapted(load, budget));
  }

  #enqueue(subscriptions: readonly Subscription[], rank: number): void {
    for (const subscription of subscriptions) {
      void this.#declaring.runExclusive(() => this.#subscribe(subscription), 1, rank);
    }
  }

  async #subscribe(subscription: Subscription): Promise<void> {
    const { connection, topology, isOpen, onHazard, onRefused } = this.#options;
    const { declaration, queue } = subscription;
    if (!isOpen()) return;
    try {
      await this.#answered(declaration, declareForConsuming(topology, connection, declaration, onHazard));
    } catch (error) {
      if (!isOpen()) return;
      if (error instanceof LoghiveError || replyCode(error) !== undefined) {
        this.#all.delete(queue);
        onRefused(declaration, error as Error);
      } else {
        // The broker did not refuse: the connection is closing, or has no free channel at the moment.
        internalLogger.debug(`cannot declare queue "${queue}": ${reasonOf(error)}`);
        this.#subscribeLater(subscription);
      }
      return;
    }
    await this.#subscribing.runExclusive(() => this.#consume(subscription), BEFORE_RENEWALS);
  }

  #subscribeLater(subscription: Subscription): void {
    subscription.failures++;
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        // Highest rank: it was already subscribed to, or about to be.
        this.#enqueue([subscription], Number.POSITIVE_INFINITY);
      },
      backoffMs(subscription.failures, RECONNECT),
    );
    this.#timers.add(timer);
  }

  /** Never rejects: a refusal closes the channel, which is reported there. */
  async #consume(subscription: Subscription): Promise<void> {
    if (!this.#options.isOpen()) return;
    const generation = ++subscription.generation;
    this.#asked = subscription;
    try {
      await this.#answered(subscription.declaration, this.#channel!.prefetch(subscription.prefetch));
      const consumed = this.#channel!.consume(subscription.queue, (message) => {
        if (message !== null) this.#options.onMessage(subscription, message);
        else if (generation === subscription.generation) this.#canceled(subscription);
      });
      const { consumerTag } = await this.#answered(subscription.declaration, consumed);
      // The broker may have canceled it before this answer arrived.
      if (generation === subscription.generation) {
        subscription.consumerTag = consumerTag;
        if (subscription.isInterrupted) internalLogger.info(`consuming from queue "${subscription.queue}" again.`);
        subscription.isInterrupted = false;
        // Messages may have arrived in the same read as the answer, and no more follow until they are acknowledged.
        this.review(subscription);
      }
    } catch (error) {
      internalLogger.debug(`cannot subscribe to queue "${subscription.queue}": ${reasonOf(error)}`);
    }
    this.#asked = undefined;
  }

  /**
   * If the broker does not answer about one queue, the others get a new connection, so that they are consumed
   * nevertheless.
   */
  async #answered<T>(declaration: QueueDeclaration, answer: PromiseLike<T>): Promise<T> {
    const { answerMs = ANSWER_MS, connection, isOpen, onRefused } = this.#options;
    const timer = setTimeout(() => {
      if (!isOpen()) return;
      const words = `cannot consume from queue "${declaration.queue}": the broker did not answer within ${answerMs / 1000} s. Check the nodes that host the queue.`;
      onRefused(declaration, new LoghiveError('LOGHIVE_BROKER_REFUSED', words), true);
      connection.destroy(new Error(`no answer about queue "${declaration.queue}"`));
    }, answerMs);
    this.#timers.add(timer);
    try {
      return await answer;
    } finally {
      clearTimeout(timer);
      this.#timers.delete(timer);
    }
  }

  async #cancel(subscription: Subscription): Promise<void> {
    const { consumerTag } = subscription;
    if (consumerTag === undefined) return;
    subscription.consumerTag = undefined;
    subscription.generation++;
    // Fails only if the channel is gone, which is reported elsewhere.
    await this.#answered(subscription.declaration, this.#channel!.cancel(consumerTag)).catch((error) =>
      internalLogger.debug(`cancel: ${reasonOf(error)}`),
    );
  }

  /**
   * The broker canceled the subscription: the queue was deleted, its node left, or, from RabbitMQ 4.3 on, its messages
   * were unacknowledged for too long and are redelivered. The broker does not say which. So its messages are kept:
   * those of a deleted queue exist nowhere else.
   */
  #canceled(subscription: Subscription): void {
    subscription.consumerTag = undefined;
    subscription.generation++;
    subscription.isInterrupted = true;
    const { queue, outstanding } = subscription;
    const held = `, or ${counted(outstanding, 'message')} of it ${outstanding === 1 ? 'was' : 'were'} unacknowledged for longer than the broker's consumer_timeout`;
    internalLogger.warning(
      `the broker canceled the subscription to queue "${queue}": the queue was deleted, its node left${outstanding > 0 ? held : ''}. Loghive declares it and subscribes again.`,
    );
    this.#options.topology.forget();
    this.#subscribeLater(subscription);
  }

  #shrinkIdle(): void {
    for (const subscription of [...this.#all.values()]) {
      this.#resize(subscription, shrunk(subscription.load, subscription.takePeak()));
    }
  }

  /** Renews the subscription with another prefetch: AMQP cannot change it otherwise. */
  #resize(subscription: Subscription, prefetch: number): void {
    const { isOpen } = this.#options;
    if (prefetch === subscription.prefetch || subscription.renewing) return;
    if (!isOpen() || subscription.consumerTag === undefined) return;
    subscription.prefetch = prefetch;
    subscription.renewing = true;
    void this.#subscribing.runExclusive(async () => {
      // If the broker canceled it meanwhile, it is renewed anyway.
      if (isOpen() && subscription.consumerTag !== undefined) {
        await this.#cancel(subscription);
        await this.#consume(subscription);
      }
      subscription.renewing = false;
      this.review(subscription);
    });
  }
}
