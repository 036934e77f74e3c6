/**
 * Reads the number of messages in each queue from the broker: one queue at a time, with pauses, so that hundreds of
 * queues cause no burst.
 *
 * A passive declare needs no permission and only the AMQP port. It counts ready messages, not unacknowledged ones.
 */
import type { Channel } from 'amqplib';
import type { OpenConnection } from '../src/amqp/open-connection.js';
import { ask } from '../src/amqp/throwaway-channel.js';
import { reasonOf } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import { sleep, within } from '../src/time/time-limit.js';

export interface QueueDepth {
  readonly queue: string;
  /** Messages ready for delivery. */
  readonly messages: number;
  /** Consumers of the queue, including those of other processes. */
  readonly consumers: number;
  /** When this was read, in epoch milliseconds. */
  readonly atMs: number;
}

export interface QueueDepthsOptions {
  /** The open connection; undefined while there is none. */
  readonly openConnection: () => OpenConnection | undefined;
  /** The current names of all queues. */
  readonly queues: () => readonly string[];
  /** Duration of one round over all queues, in milliseconds. */
  readonly roundMs: number;
  /** Stops the reading. */
  readonly signal: AbortSignal;
  /** Timeout for one queue, in milliseconds. Default 5000. */
  readonly answerMs?: number;
}

/** Shortest pause between two requests, in milliseconds: at most a hundred queues per second. */
const MIN_PAUSE_MS = 10;
/** Interval between checks for a connection, in milliseconds. */
const AWAY_MS = 500;
/**
 * Default timeout for one queue, in milliseconds. A queue without a majority may never answer; the others must not wait
 * for it.
 */
const ANSWER_MS = 5000;

export class QueueDepths {
  readonly #options: QueueDepthsOptions;
  readonly #depths = new Map<string, QueueDepth>();
  /** Queues with a request in flight: each has one channel at most. */
  readonly #asked = new Set<string>();

  constructor(options: QueueDepthsOptions) {
    this.#options = options;
  }

  /** Queues that exist, as far as known. Empty while the broker is unreachable. */
  get all(): readonly QueueDepth[] {
    return [...this.#depths.values()];
  }

  /** Reads all queues once, without pauses. Never rejects. */
  async read(): Promise<void> {
    for (const queue of this.#names()) if (this.#options.signal.aborted || !(await this.#look(queue))) return;
  }

  /** Reads until the signal is aborted. Never rejects. */
  async watch(): Promise<void> {
    const { openConnection, roundMs, signal } = this.#options;
    // The first round is fast, so that depths are available soon.
    for (let round = 1; !signal.aborted; round++) {
      const names = this.#names();
      const pauseMs = round === 1 ? MIN_PAUSE_MS : Math.max(MIN_PAUSE_MS, roundMs / names.length);
      for (const queue of names) {
        if (!(await this.#look(queue))) break;
        await sleep(pauseMs, signal);
        if (signal.aborted) return;
      }
      if (openConnection() && names.length > 0) continue;
      this.#depths.clear();
      round = 0;
      await sleep(AWAY_MS, signal);
    }
  }

  /** @returns false without a connection. */
  async #look(queue: string): Promise<boolean> {
    const { openConnection, answerMs = ANSWER_MS } = this.#options;
    const open = openConnection();
    if (!open) return false;
    if (this.#asked.has(queue)) return true;
    if (!(await within(answerMs, this.#measure(open, queue, answerMs)))) this.#depths.delete(queue);
    return true;
  }

  async #measure(connection: OpenConnection, queue: string, answerMs: number): Promise<void> {
    this.#asked.add(queue);
    try {
      const look = async (channel: Channel) => {
        const { messageCount: messages, consumerCount: consumers } = await channel.checkQueue(queue);
        this.#depths.set(queue, { queue, messages, consumers, atMs: Date.now() });
      };
      const answer = await ask(connection, look, answerMs);
      // 404: the queue is not declared yet, or was deleted.
      if (!answer.ok) this.#depths.delete(queue);
    } catch (error) {
      // The connection is closing, or has no free channel at the moment.
      this.#depths.delete(queue);
      internalLogger.debug(`cannot read the depth of queue "${queue}": ${reasonOf(error)}`);
    } finally {
      this.#asked.delete(queue);
    }
  }

  /** The queues to read; others are forgotten. */
  #names(): readonly string[] {
    const names = this.#options.queues();
    const current = new Set(names);
    for (const queue of this.#depths.keys()) if (!current.has(queue)) this.#depths.delete(queue);
    return names;
  }
}
