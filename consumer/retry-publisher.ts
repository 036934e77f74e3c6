/**
 * Publishes copies of records to delay queues. A message stays unacknowledged until the broker has confirmed all of its
 * copies.
 *
 * It is not requeued meanwhile, because each return counts against a delivery limit, and the broker drops a message
 * that exceeds it. But the broker closes a channel on which a message stays unacknowledged for 30 minutes, and that
 * returns every other message on it as well. So a message that cannot be copied for a long time is requeued, alone.
 *
 * A copy must not affect others: the broker may close the channel over one copy, and then all copies in flight are
 * lost. After that, each copy is published alone until all that may have caused it are confirmed.
 */
import type { PublishOutcome } from '../src/amqp/publish-channel.js';
import { backoffMs, RECONNECT } from '../src/backoff.js';
import { sleep, within } from '../src/time/time-limit.js';
import type { IntakeChannel } from './intake/intake-channel.js';
import type { MessageLimit, Republisher } from './republish.js';
import type { DeadLetter } from './store/index.js';

/**
 * A third of the broker's default limit, in milliseconds: that limit includes the time before the message was consumed.
 */
const REQUEUE_AFTER_MS = 10 * 60_000;
/** How long other copies wait for the result of a copy that is published alone, in milliseconds. */
const TURN_MS = 5000;

export interface PendingCopy {
  /** Resolves to the outcome, or to the limit that the copy exceeds: then retrying is pointless. */
  publish(): Promise<PublishOutcome | MessageLimit>;
  /** The dead letter to store instead. */
  letter(limit: MessageLimit): DeadLetter;
}

export interface RetryPublisherOptions {
  readonly republisher: Republisher;
  readonly signal: AbortSignal;
  /** Called when the first message begins to wait and when the last one has finished. */
  readonly onWaiting: (waits: boolean) => void;
  readonly requeueAfterMs?: number;
}

export class RetryPublisher {
  readonly #options: RetryPublisherOptions;
  /** Identities of messages whose first attempt failed. */
  readonly #waiting = new Set<symbol>();
  /** Those with a copy in flight when the channel or the connection ended. */
  readonly #suspects = new Set<symbol>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: RetryPublisherOptions) {
    this.#options = options;
  }

  /** The condition to report; undefined if there is none. */
  get notice(): string | undefined {
    const { connectionFault, fault } = this.#options.republisher;
    const count = this.#waiting.size;
    if (count === 0) return connectionFault && `retries cannot be published: ${connectionFault}`;
    const what = count === 1 ? '1 message waits' : `${count} messages wait`;
    return `${what} unacknowledged because retries cannot be published: ${fault ?? 'the broker does not confirm them'}`;
  }

  /**
   * Publishes the copies of a message until the broker has confirmed each one or can never accept it.
   *
   * @returns the dead letters of the copies that it can never accept. The message may be acknowledged once they are
   *   stored. Undefined if the message was requeued or will be redelivered.
   */
  async publish(
    channel: IntakeChannel,
    tag: number,
    copies: readonly PendingCopy[],
  ): Promise<DeadLetter[] | undefined> {
    const { republisher, signal, requeueAfterMs = REQUEUE_AFTER_MS } = this.#options;
    const endMs = performance.now() + requeueAfterMs;
    const leftMs = () => Math.max(0, endMs - performance.now());
    const isOver = () => channel.isEnded || signal.aborted || leftMs() === 0;
    const self = Symbol();
    const letters: DeadLetter[] = [];
    let missing = copies;
    try {
      for (let attempt = 1; !channel.isEnded && !signal.aborted; attempt++) {
        // If nothing can be published, attempts would only fail one by one.
        const published = republisher.isReady
          ? Promise.all(missing.map((copy) => this.#publish(copy, isOver)))
          : undefined;
        // Without an answer in time it counts as not confirmed. A surplus copy is stored only once.
        if (published && (await within(leftMs(), published))) {
          const outcomes = await published;
          letters.push(...missing.flatMap((copy, at) => (isLimit(outcomes[at]) ? [copy.letter(outcomes[at])] : [])));
          missing = missing.filter((_, at) => outcomes[at] !== 'confirmed' && !isLimit(outcomes[at]));
          if (missing.length === 0) return letters;
          this.#suspect(self, outcomes.includes('lost'));
        }
        if (leftMs() === 0) {
          channel.requeue(tag);
          return undefined;
        }
        this.#wait(self);
        const pause = sleep(Math.min(backoffMs(attempt, RECONNECT), leftMs()), signal);
        await (republisher.isReady ? pause : Promise.race([pause, republisher.whenReady()]));
      }
      return undefined;
    } finally {
      this.#end(self);
    }
  }

  #publish(copy: PendingCopy, isOver: () => boolean): Promise<PublishOutcome | MessageLimit> {
    if (this.#suspects.size === 0) return copy.publish();
    const before = this.#turn;
    const outcome = before.then(async () => {
      if (!isOver()) await this.#ready();
      return isOver() ? 'lost' : copy.publish();
    });
    this.#turn = before.then(() => within(TURN_MS, outcome));
    return outcome;
  }

  /** If a copy closed the channel, the next one waits until it is open again, or it would never be published. */
  async #ready(): Promise<void> {
    const { republisher, signal } = this.#options;
    if (!republisher.isReady) await Promise.race([republisher.whenReady(), sleep(TURN_MS, signal)]);
  }

  #suspect(self: symbol, isSuspect: boolean): void {
    if (isSuspect) this.#suspects.add(self);
    else this.#suspects.delete(self);
  }

  #wait(self: symbol): void {
    const first = this.#waiting.size === 0;
    this.#waiting.add(self);
    if (first) this.#options.onWaiting(true);
  }

  #end(self: symbol): void {
    this.#suspects.delete(self);
    if (this.#waiting.delete(self) && this.#waiting.size === 0) this.#options.onWaiting(false);
  }
}

function isLimit(outcome: PublishOutcome | MessageLimit | undefined): outcome is MessageLimit {
  return typeof outcome === 'object';
}
