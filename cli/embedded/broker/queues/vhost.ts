/** A virtual host: exchanges, queues, and routing between them. */
import { notFound, resourceLocked } from '../amqp-error.js';
import { type DeathReason, deadMessage, isDeadLetterCycle } from './dead-letter.js';
import { Exchange, type ExchangeIdentity } from './exchange.js';
import type { MemoryAccount, Message } from './message.js';
import { noMessageCounts } from './message.js';
import { Queue, type QueueContext, type QueueIdentity } from './queue.js';
import type { QueueSettings } from './queue-arguments.js';

/** Predeclared exchange. The default exchange is not in the list: it routes by queue name. */
const BUILT_IN = 'amq.direct';
export const DEFAULT_EXCHANGE = '';

export interface Routed {
  /** At least one queue matched. */
  readonly routed: boolean;
  /** A queue was full and refused the message. */
  readonly refused: boolean;
}

export class Vhost {
  readonly name: string;
  readonly counts = noMessageCounts();
  readonly #exchanges = new Map<string, Exchange>();
  readonly #queues = new Map<string, Queue>();
  readonly #context: QueueContext;

  constructor(name: string, memory: MemoryAccount) {
    this.name = name;
    this.declareExchange({ name: BUILT_IN, durable: true, autoDelete: false, internal: false, arguments: [] });
    this.#context = {
      memory,
      counts: this.counts,
      deadLetter: (queue, message, reason) => this.#deadLetter(queue, message, reason),
      remove: (queue) => this.deleteQueue(queue),
    };
  }

  /** The name used in error texts. */
  describe(kind: 'queue' | 'exchange', name: string): string {
    return `${kind} '${name}' in vhost '${this.name}'`;
  }

  queues(): Iterable<Queue> {
    return this.#queues.values();
  }

  findQueue(name: string): Queue | undefined {
    return this.#queues.get(name);
  }

  /** @throws AmqpError 404 if it does not exist; 405 if it is exclusive to another connection. */
  queue(name: string, owner: object): Queue {
    const queue = this.#queues.get(name);
    if (queue === undefined) throw notFound(`no ${this.describe('queue', name)}`);
    this.assertAccess(queue, owner);
    return queue;
  }

  /** @throws AmqpError 405 if it is exclusive to another connection. */
  assertAccess({ identity }: Queue, owner: object): void {
    if (identity.owner === undefined || identity.owner === owner) return;
    throw this.locked(identity.name);
  }

  locked(queue: string) {
    return resourceLocked(
      `cannot obtain exclusive access to locked ${this.describe('queue', queue)}. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.`,
    );
  }

  declareQueue(identity: QueueIdentity, settings: QueueSettings): Queue {
    const queue = new Queue(identity, settings, this.#context);
    this.#queues.set(identity.name, queue);
    return queue;
  }

  /** @returns the number of ready messages. */
  deleteQueue(queue: Queue): number {
    if (this.#queues.get(queue.name) !== queue) return 0;
    this.#queues.delete(queue.name);
    for (const exchange of this.#exchanges.values()) {
      if (exchange.unbindAll(queue)) this.dropIfUnused(exchange);
    }
    return queue.end();
  }

  findExchange(name: string): Exchange | undefined {
    return this.#exchanges.get(name);
  }

  /** @throws AmqpError 404 */
  exchange(name: string): Exchange {
    const exchange = this.#exchanges.get(name);
    if (exchange === undefined) throw notFound(`no ${this.describe('exchange', name)}`);
    return exchange;
  }

  declareExchange(identity: ExchangeIdentity): void {
    this.#exchanges.set(identity.name, new Exchange(identity));
  }

  deleteExchange(name: string): void {
    this.#exchanges.delete(name);
  }

  /** An auto-delete exchange is deleted with its last binding. */
  dropIfUnused(exchange: Exchange): void {
    if (exchange.identity.autoDelete && !exchange.isBound) this.deleteExchange(exchange.name);
  }

  /** The exchange must exist; see `exchange`. */
  publish(message: Message): Routed {
    return this.#toQueues(message, this.#route(message));
  }

  #route({ exchange, routingKey }: Message): Iterable<Queue> {
    if (exchange !== DEFAULT_EXCHANGE) return this.#exchanges.get(exchange)?.route(routingKey) ?? [];
    const queue = this.#queues.get(routingKey);
    return queue ? [queue] : [];
  }

  #toQueues(message: Message, queues: Iterable<Queue>): Routed {
    let routed = false;
    let refused = false;
    for (const queue of queues) {
      routed = true;
      if (!queue.publish(message)) refused = true;
    }
    return { routed, refused };
  }

  #deadLetter(source: Queue, message: Message, reason: DeathReason): boolean {
    const { deadLetter } = source.settings;
    if (deadLetter === undefined) return true;
    const { exchange, routingKey } = deadLetter;
    const dead = deadMessage(message, { queue: source.name, reason, exchange, routingKey, epochMs: Date.now() });
    const targets = [...this.#route(dead)];
    const targetsWithoutCycle =
      reason === 'rejected' ? targets : targets.filter((queue) => !isDeadLetterCycle(dead, queue.name));
    // If every target is part of a cycle, drop the message, which would circulate forever.
    if (targets.length > 0 && targetsWithoutCycle.length === 0) return true;
    const { routed, refused } = this.#toQueues(dead, targetsWithoutCycle);
    return routed && !refused;
  }

  /** Deletes everything. */
  end(): void {
    for (const queue of [...this.#queues.values()]) this.deleteQueue(queue);
    this.#exchanges.clear();
  }
}
