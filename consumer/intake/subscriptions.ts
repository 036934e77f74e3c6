/**
 * Which queues a channel takes messages from: declares and subscribes to one after the other, again where the broker ended
 * a subscription, and with another prefetch where the load of a queue has changed.
 */
import type { Channel, ConsumeMessage } from 'amqplib';
import { Mutex } from 'async-mutex';
import { replyCode } from '../../src/amqp/broker-reply.js';
import type { OpenConnection } from '../../src/amqp/open-connection.js';
import type { Topology } from '../../src/amqp/topology.js';
import { backoffMs, RECONNECT } from '../../src/backoff.js';
import { LoghiveError, reasonOf } from '../../src/errors.js';
import { internalLogger } from '../../src/internal-logger.js';
import { counted } from '../../src/sentence.js';
import type { QueueDeclaration } from '../../src/wire.js';
import { adapted, type PrefetchBudget, shrunk, wantsAnother } from './prefetch.js';
import { hazardOf } from './queue-hazards.js';
import { Subscription } from './subscription.js';

export interface SubscriptionsOptions {
  readonly connection: OpenConnection;
  readonly topology: Topology;
  /** False once nothing more is to be taken. */
  readonly isOpen: () => boolean;
  readonly budget: () => PrefetchBudget;
  /** Queues that keep a share of the budget for themselves. */
  readonly isSevere: (queue: string) => boolean;
  readonly onMessage: (subscription: Subscription, message: ConsumeMessage) => void;
  /** What a person should know of a queue; undefined: nothing. */
  readonly onHazard: (queue: string, sentence: string | undefined) => void;
  /** No messages can be taken from this queue. */
  readonly onRefused: (declaration: QueueDeclaration, error: Error) => void;
}

interface Pending {
  readonly subscription: Subscription;
  readonly rank: number;
}

/** How often queues that became idle give their prefetch back. */
const SHRINK_EVERY_MS = 60_000;

/**
 * Declares a queue that messages are to be taken from.
 *
 * @throws LoghiveError LOGHIVE_BROKER_REFUSED for a queue whose messages must not be taken; what `Topology.ensure` throws.
 */
export async function declareToTake(
  topology: Topology,
  connection: OpenConnection,
  declaration: QueueDeclaration,
  onHazard: (queue: string, sentence: string | undefined) => void,
): Promise<void> {
  const { queue } = declaration;
  const declared = await topology.ensure(connection, declaration);
  const hazard = declared && hazardOf(queue, declared, connection.serverVersion);
  if (hazard?.kind === 'refuse') {
    topology.forgetQueue(queue, connection);
    throw new LoghiveError('LOGHIVE_BROKER_REFUSED', hazard.sentence);
  }
  onHazard(queue, hazard?.sentence);
}

export class Subscriptions {
  readonly #options: SubscriptionsOptions;
  /** By the name of the queue. */
  readonly #all = new Map<string, Subscription>();
  /** What is to be subscribed to, the next one last. */
  readonly #pending: Pending[] = [];
  /** `basic.qos` applies to the next `basic.consume` of the channel, so the two must not be torn apart. */
  readonly #subscribing = new Mutex();
  readonly #timers = new Set<NodeJS.Timeout>();
  #channel: Channel | undefined;
  #working: Promise<void> | undefined;
  /** The one that the broker is asked for at this moment. */
  #asked: Subscription | undefined;

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
  }

  /** The queue that a channel ended over, when the broker ended it because it gives no subscription. */
  get asked(): QueueDeclaration | undefined {
    return this.#asked?.declaration;
  }

  /** Queues that the broker has granted; one that is renewed with another prefetch stays among them. */
  get granted(): string[] {
    const granted = [...this.#all.values()].filter(
      ({ consumerTag, renewing }) => consumerTag !== undefined || renewing,
    );
    return granted.map(({ queue }) => queue);
  }

  /** Subscribes to what was added. Resolves when nothing is pending any more; never rejects. */
  async begin(channel: Channel): Promise<void> {
    this.#channel = channel;
    this.#timers.add(setInterval(() => this.#shrinkIdle(), SHRINK_EVERY_MS));
    await this.#work();
  }

  /**
   * Adds these queues, in this order. One that is there already stays as it is.
   *
   * @param rank those of a higher rank are subscribed to before those of a lower one.
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

  /** Cancels all of them. */
  async cancel(): Promise<void> {
    await this.#subscribing.runExclusive(async () => {
      for (const subscription of [...this.#all.values()]) await this.#cancel(subscription);
    });
  }

  /** Stops all that would happen later. */
  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  /** Whether the queue should have another prefetch now. */
  review(subscription: Subscription): void {
    const budget = this.#options.budget();
    const { load } = subscription;
    if (wantsAnother(load, budget)) this.#resize(subscription, adapted(load, budget));
  }

  #enqueue(subscriptions: readonly Subscription[], rank: number): void {
    const at = this.#pending.findLastIndex((pending) => pending.rank < rank) + 1;
    this.#pending.splice(at, 0, ...subscriptions.map((subscription) => ({ subscription, rank })).reverse());
    if (this.#channel) void this.#work();
  }

  #work(): Promise<void> {
    this.#working ??= this.#workOff().finally(() => {
      this.#working = undefined;
    });
    return this.#working;
  }

  async #workOff(): Promise<void> {
    while (this.#options.isOpen()) {
      const next = this.#pending.pop();
      if (!next) return;
      await this.#subscribe(next.subscription);
    }
  }

  async #subscribe(subscription: Subscription): Promise<void> {
    const { connection, topology, isOpen, onHazard, onRefused } = this.#options;
    const { declaration, queue } = subscription;
    try {
      await declareToTake(topology, connection, declaration, onHazard);
    } catch (error) {
      if (!isOpen()) return;
      if (error instanceof LoghiveError || replyCode(error) !== undefined) {
        this.#all.delete(queue);
        onRefused(declaration, error as Error);
      } else {
        // Nobody has refused: the connection is ending, or it was short of channels for a moment.
        internalLogger.debug(`queue "${queue}" is not declared: ${reasonOf(error)}`);
        this.#subscribeLater(subscription);
      }
      return;
    }
    await this.#subscribing.runExclusive(() => this.#consume(subscription));
  }

  #subscribeLater(subscription: Subscription): void {
    subscription.failures++;
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        // It was subscribed to before, or was about to be.
        this.#enqueue([subscription], Number.POSITIVE_INFINITY);
      },
      backoffMs(subscription.failures, RECONNECT),
    );
    this.#timers.add(timer);
  }

  /** Never rejects: a refusal closes the channel, and is told by that. */
  async #consume(subscription: Subscription): Promise<void> {
    if (!this.#options.isOpen()) return;
    const generation = ++subscription.generation;
    this.#asked = subscription;
    try {
      await this.#channel!.prefetch(subscription.prefetch);
      const { consumerTag } = await this.#channel!.consume(subscription.queue, (message) => {
        if (message !== null) this.#options.onMessage(subscription, message);
        else if (generation === subscription.generation) this.#cancelled(subscription);
      });
      // It may have been cancelled before this was heard.
      if (generation === subscription.generation) {
        subscription.consumerTag = consumerTag;
        if (subscription.isInterrupted)
          internalLogger.info(`messages are taken from queue "${subscription.queue}" again.`);
        subscription.isInterrupted = false;
        // Messages may have come in one piece with the answer, and no further one does before they are done with.
        this.review(subscription);
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

  /**
   * The queue was deleted, or its node left; or, from RabbitMQ 4.3 on, its messages were held for too long, and come again.
   * Which of these it was, nobody says, so what is in hand stays there: of a deleted queue nobody else has it.
   */
  #cancelled(subscription: Subscription): void {
    subscription.consumerTag = undefined;
    subscription.generation++;
    subscription.isInterrupted = true;
    const { queue, outstanding } = subscription;
    const held = `, or ${counted(outstanding, 'message')} of it ${outstanding === 1 ? 'was' : 'were'} held for longer than the broker's consumer_timeout`;
    internalLogger.warning(
      `the broker ended the subscription to queue "${queue}": the queue was deleted, its node left${outstanding > 0 ? held : ''}. It is declared and subscribed to again.`,
    );
    this.#options.topology.forget();
    this.#subscribeLater(subscription);
  }

  #shrinkIdle(): void {
    for (const subscription of [...this.#all.values()]) {
      this.#resize(subscription, shrunk(subscription.load, subscription.takePeak()));
    }
  }

  /** Subscribes again with another prefetch: AMQP cannot change that of a subscription. */
  #resize(subscription: Subscription, prefetch: number): void {
    const { isOpen } = this.#options;
    if (prefetch === subscription.prefetch || subscription.renewing) return;
    if (!isOpen() || subscription.consumerTag === undefined) return;
    subscription.prefetch = prefetch;
    subscription.renewing = true;
    void this.#subscribing.runExclusive(async () => {
      // Ended by the broker meanwhile: then it is subscribed to again in any case.
      if (isOpen() && subscription.consumerTag !== undefined) {
        await this.#cancel(subscription);
        await this.#consume(subscription);
      }
      subscription.renewing = false;
      this.review(subscription);
    });
  }
}
