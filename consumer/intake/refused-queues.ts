/**
 * Queues that the broker refuses to let the consumer consume from. A refused `basic.consume` closes the channel with
 * all other subscriptions, so each such queue is retried on a separate channel until it succeeds.
 */
import type { Channel } from 'amqplib';
import {
  ACCESS_REFUSED,
  INTERNAL_ERROR,
  NOT_FOUND,
  RESOURCE_LOCKED,
  replyCode,
  replyText,
} from '../../src/amqp/broker-reply.js';
import type { OpenConnection } from '../../src/amqp/open-connection.js';
import { ask } from '../../src/amqp/throwaway-channel.js';
import { createTopology, type Topology } from '../../src/amqp/topology.js';
import { type BackoffPolicy, backoffMs } from '../../src/backoff.js';
import { LoghiveError, reasonOf } from '../../src/errors.js';
import { internalLogger } from '../../src/internal-logger.js';
import type { StatusLog } from '../../src/status-log.js';
import { sleep } from '../../src/time/time-limit.js';
import type { QueueDeclaration } from '../../src/wire.js';
import { retry } from '../retry.js';
import { declareForConsuming } from './queue-hazards.js';

/** A permission is granted by hand, but a queue may be available again in a moment. */
const RETRY: BackoffPolicy = { firstMs: 1000, maxMs: 60_000 };

/** Time limit for the broker's answer about one queue, in milliseconds. */
const ANSWER_MS = 30_000;

/** What an operator can do, by AMQP reply code and the broker's text. */
function remedyFor(code: number, words: string): string {
  // RabbitMQ uses one code for a missing permission and for another client's exclusive consumer.
  if (code === ACCESS_REFUSED && words.includes('exclusive')) {
    return 'Another client consumes it exclusively: stop that client, or make it consume without "exclusive". ';
  }
  if (code === ACCESS_REFUSED) return 'Grant the user "read" on it. ';
  // The queue, such as a classic one, is on one node of a cluster.
  if (code === NOT_FOUND && words.includes('is down')) return 'Start that node: the queue exists only there. ';
  if (code === NOT_FOUND) return 'Declare it, or grant the user "configure" on it. ';
  if (code === RESOURCE_LOCKED) return 'Close the connection that owns it exclusively, or use another service name. ';
  if (code === INTERNAL_ERROR) return 'A quorum queue needs a majority of its nodes: start them. ';
  return '';
}

export interface RefusedQueuesOptions {
  /** The open connection; undefined while there is none. */
  readonly openConnection: () => OpenConnection | undefined;
  /** Opens another connection to the same host. */
  readonly connect: (to: OpenConnection) => Promise<OpenConnection>;
  /** The queue can be consumed from again. */
  readonly onFree: (declaration: QueueDeclaration) => void;
  readonly notices: StatusLog;
  /** Stops the retries. */
  readonly signal: AbortSignal;
}

export class RefusedQueues {
  readonly #options: RefusedQueuesOptions;
  readonly #topology: Topology;
  readonly #held = new Set<string>();

  constructor(options: RefusedQueuesOptions) {
    this.#options = options;
    this.#topology = createTopology((sentence) => options.notices.once(sentence));
  }

  get all(): readonly string[] {
    return [...this.#held];
  }

  has(queue: string): boolean {
    return this.#held.has(queue);
  }

  /** @param closesConnection the broker closes the whole connection over it, so it is retried on a separate one. */
  hold(declaration: QueueDeclaration, error: Error, closesConnection = false): void {
    if (this.#held.has(declaration.queue)) return;
    this.#held.add(declaration.queue);
    // Any other failure is a bug in Loghive and must not end the process.
    this.#retryUntilGranted(declaration, error, closesConnection).catch((fault) =>
      internalLogger.error(`consumer: ${reasonOf(fault)}`),
    );
  }

  async #retryUntilGranted(declaration: QueueDeclaration, error: Error, closesConnection: boolean): Promise<void> {
    const { notices, signal, onFree } = this.#options;
    const sentence = sentenceOf(declaration.queue, error);
    const topic = `queue ${declaration.queue} refused`;
    if (sentence) notices.report(topic, sentence);
    await sleep(backoffMs(1, RETRY), signal);
    await retry(() => this.#tryConsume(declaration, closesConnection), {
      policy: RETRY,
      signal,
      onFailure: ({ message }) =>
        internalLogger.debug(`queue "${declaration.queue}" still cannot be consumed from: ${message}`),
    });
    if (signal.aborted) return;
    if (sentence) {
      notices.report(topic, undefined);
      internalLogger.info(`queue "${declaration.queue}" can be consumed from again.`);
    }
    this.#held.delete(declaration.queue);
    onFree(declaration);
  }

  /**
   * Rejects while the queue is refused. Waits while the broker is unreachable, because that says nothing about the
   * queue.
   */
  async #tryConsume(declaration: QueueDeclaration, closesConnection: boolean): Promise<void> {
    const { openConnection, connect, signal } = this.#options;
    let open = openConnection();
    for (; !open && !signal.aborted; open = openConnection()) await sleep(RETRY.firstMs, signal);
    if (!open) return;
    if (!closesConnection) return this.#tryOn(open, declaration);
    const separate = await connect(open);
    separate.model.on('error', () => {});
    const timer = setTimeout(() => separate.destroy(new Error('no answer')), ANSWER_MS);
    try {
      await this.#tryOn(separate, declaration);
    } finally {
      clearTimeout(timer);
      separate.destroy(new Error('closed'));
    }
  }

  async #tryOn(connection: OpenConnection, declaration: QueueDeclaration): Promise<void> {
    this.#topology.forget();
    await declareForConsuming(this.#topology, connection, declaration, () => {});
    // The only way to find out. A message that is delivered is requeued when the channel closes.
    const consume = async (channel: Channel) => {
      await channel.prefetch(1);
      await channel.consume(declaration.queue, () => {});
    };
    const answer = await ask(connection, consume, ANSWER_MS);
    if (!answer.ok) throw answer.error;
  }
}

/** Undefined if the broker did not refuse: the connection was lost, which is reported elsewhere. */
function sentenceOf(queue: string, error: Error): string | undefined {
  if (error instanceof LoghiveError) return `${error.message} Loghive keeps retrying.`;
  const code = replyCode(error);
  if (code === undefined) return undefined;
  const words = replyText(error);
  return `cannot consume from queue "${queue}": ${words}. ${remedyFor(code, words)}Loghive keeps retrying.`;
}
