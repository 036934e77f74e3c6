/**
 * Queues that the broker gives no subscription to. Asking for one closes the channel, and with it the subscriptions to all
 * others, so each is kept apart and tried on a channel of its own until it can be had.
 */

import { ACCESS_REFUSED, NOT_FOUND, RESOURCE_LOCKED, replyCode, replyText } from '../../src/amqp/broker-reply.js';
import type { OpenConnection } from '../../src/amqp/open-connection.js';
import { createTopology, type Topology } from '../../src/amqp/topology.js';
import { type BackoffPolicy, backoffMs } from '../../src/backoff.js';
import { LoghiveError, reasonOf } from '../../src/errors.js';
import { internalLogger } from '../../src/internal-logger.js';
import type { StatusLog } from '../../src/status-log.js';
import { sleep } from '../../src/time/time-limit.js';
import type { QueueDeclaration } from '../../src/wire.js';
import { retry } from '../retry.js';
import { declareToTake } from './subscriptions.js';

/** A permission is granted by hand, a queue may be there again in a moment. */
const RETRY: BackoffPolicy = { firstMs: 1000, maxMs: 60_000 };

/** What a person can do, by the reply code of AMQP and the broker's words. */
function remedyFor(code: number, words: string): string {
  // RabbitMQ has one code for a missing right and for somebody else's exclusive consumer.
  if (code === ACCESS_REFUSED && words.includes('exclusive')) {
    return 'Another consumer has it exclusively: end that one, or have it consume without "exclusive". ';
  }
  if (code === ACCESS_REFUSED) return 'Grant the user "read" on it. ';
  // A queue that is on one node of several, such as a classic one.
  if (code === NOT_FOUND && words.includes('is down')) return 'Start that node: the queue is on no other one. ';
  if (code === NOT_FOUND) return 'Declare it, or grant the user "configure" on it. ';
  if (code === RESOURCE_LOCKED) return 'End the connection that has it for itself, or use another name of service. ';
  return '';
}

export interface RefusedQueuesOptions {
  /** The open connection, while there is one. */
  readonly openConnection: () => OpenConnection | undefined;
  /** Messages can be taken from it again. */
  readonly onFree: (declaration: QueueDeclaration) => void;
  readonly notices: StatusLog;
  /** Ends all trying. */
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

  hold(declaration: QueueDeclaration, error: Error): void {
    if (this.#held.has(declaration.queue)) return;
    this.#held.add(declaration.queue);
    // Whatever else it fails with is a fault of ours, and must not end the process.
    this.#untilItIsFree(declaration, error).catch((fault) => internalLogger.error(`consumer: ${reasonOf(fault)}`));
  }

  async #untilItIsFree(declaration: QueueDeclaration, error: Error): Promise<void> {
    const { notices, signal, onFree } = this.#options;
    const sentence = sentenceOf(declaration.queue, error);
    const topic = `queue ${declaration.queue} refused`;
    if (sentence) notices.report(topic, sentence);
    await sleep(backoffMs(1, RETRY), signal);
    await retry(() => this.#take(declaration), {
      policy: RETRY,
      signal,
      onFailure: ({ message }) =>
        internalLogger.debug(`queue "${declaration.queue}" still cannot be taken from: ${message}`),
    });
    if (signal.aborted) return;
    if (sentence) {
      notices.report(topic, undefined);
      internalLogger.info(`queue "${declaration.queue}" can be taken from again.`);
    }
    this.#held.delete(declaration.queue);
    onFree(declaration);
  }

  /** Rejects while it cannot be taken from. While the broker is away nothing is learnt of it, so that is waited for. */
  async #take(declaration: QueueDeclaration): Promise<void> {
    const { openConnection, signal } = this.#options;
    let open = openConnection();
    for (; !open && !signal.aborted; open = openConnection()) await sleep(RETRY.firstMs, signal);
    if (!open) return;
    this.#topology.forget();
    await declareToTake(this.#topology, open, declaration, () => {});
    const channel = await open.model.createChannel();
    channel.on('error', () => {});
    // The only way to learn whether it works. The one message that may come goes back when the channel ends.
    await channel.prefetch(1);
    await channel.consume(declaration.queue, () => {});
    await channel.close();
  }
}

/** Undefined when nobody refused: then the connection ended, and that is told by itself. */
function sentenceOf(queue: string, error: Error): string | undefined {
  if (error instanceof LoghiveError) return `${error.message} It is tried again.`;
  const code = replyCode(error);
  if (code === undefined) return undefined;
  const words = replyText(error);
  return `no messages can be taken from queue "${queue}": ${words}. ${remedyFor(code, words)}It is tried again.`;
}
