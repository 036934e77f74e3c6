/**
 * How many messages lie in the queues, asked of the broker by and by: one queue after the other, with pauses, so that
 * hundreds of them are no burst.
 *
 * A passive declare needs no permission and no other port than AMQP's. It counts messages that are ready, not those that
 * a consumer has in hand.
 */
import type { Channel } from 'amqplib';
import type { OpenConnection } from '../src/amqp/open-connection.js';
import { ask } from '../src/amqp/throwaway-channel.js';
import { reasonOf } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import { sleep, within } from '../src/time/time-limit.js';

export interface QueueDepth {
  readonly queue: string;
  /** Messages that are ready to be taken. */
  readonly messages: number;
  /** Subscriptions, those of other processes included. */
  readonly consumers: number;
  /** When the broker was asked, in epoch milliseconds. */
  readonly atMs: number;
}

export interface QueueDepthsOptions {
  /** The connection; undefined while there is none. */
  readonly openConnection: () => OpenConnection | undefined;
  /** The names of all queues, at this moment. */
  readonly queues: () => readonly string[];
  /** How long one round over all queues takes, in milliseconds. */
  readonly roundMs: number;
  /** Ends the asking. */
  readonly signal: AbortSignal;
  /** How long one queue may take for its answer, in milliseconds. Default 5000. */
  readonly answerMs?: number;
}

/** The least time between two questions, in milliseconds: at most a hundred queues a second. */
const LEAST_PAUSE_MS = 10;
/** How long without a connection it waits before it looks again, in milliseconds. */
const AWAY_MS = 500;
/** A queue that is stuck, or has lost its majority, may never answer; the others are not to wait for it. Milliseconds. */
const ANSWER_MS = 5000;

export class QueueDepths {
  readonly #options: QueueDepthsOptions;
  readonly #depths = new Map<string, QueueDepth>();
  /** Asked, and their channels have not ended yet: each has one at most. */
  readonly #asked = new Set<string>();

  constructor(options: QueueDepthsOptions) {
    this.#options = options;
  }

  /** Of the queues that are there, as far as they are known; none while the broker is away. */
  get all(): readonly QueueDepth[] {
    return [...this.#depths.values()];
  }

  /** Asks until the signal is given. Never rejects. */
  async watch(): Promise<void> {
    const { openConnection, queues, roundMs, signal, answerMs = ANSWER_MS } = this.#options;
    // The first round gives figures soon.
    for (let round = 1; !signal.aborted; round++) {
      const names = queues();
      this.#forgetOthers(new Set(names));
      const pauseMs = round === 1 ? LEAST_PAUSE_MS : Math.max(LEAST_PAUSE_MS, roundMs / names.length);
      for (const queue of names) {
        const open = openConnection();
        if (!open) break;
        const isAsked = this.#asked.has(queue);
        if (!isAsked && !(await within(answerMs, this.#measure(open, queue, answerMs)))) this.#depths.delete(queue);
        await sleep(pauseMs, signal);
        if (signal.aborted) return;
      }
      if (openConnection() && names.length > 0) continue;
      this.#depths.clear();
      round = 0;
      await sleep(AWAY_MS, signal);
    }
  }

  async #measure(connection: OpenConnection, queue: string, answerMs: number): Promise<void> {
    this.#asked.add(queue);
    try {
      const look = async (channel: Channel) => {
        const { messageCount: messages, consumerCount: consumers } = await channel.checkQueue(queue);
        this.#depths.set(queue, { queue, messages, consumers, atMs: Date.now() });
      };
      const answer = await ask(connection, look, answerMs);
      // 404: it is not declared yet, or was deleted.
      if (!answer.ok) this.#depths.delete(queue);
    } catch (error) {
      // The connection is ending, or short of channels for a moment.
      this.#depths.delete(queue);
      internalLogger.debug(`the depth of queue "${queue}" is not known: ${reasonOf(error)}`);
    } finally {
      this.#asked.delete(queue);
    }
  }

  #forgetOthers(names: ReadonlySet<string>): void {
    for (const queue of this.#depths.keys()) if (!names.has(queue)) this.#depths.delete(queue);
  }
}
