/**
 * Messages that stay unacknowledged until their copy, a retry or another round, is confirmed by the broker.
 *
 * They are not given back meanwhile, for each return counts against a delivery limit, which would destroy the message in
 * the end. But the broker ends a channel with a message that nobody acknowledges for 30 minutes, and with it everything
 * else that is in hand: so what cannot be copied for long is given back, alone.
 *
 * Nor do they harm each other: the broker may end the channel over one copy, and that takes all with it that are on their
 * way. So from then on each is published alone, until all whose fault it may have been are there.
 */
import type { PublishOutcome } from '../src/amqp/publish-channel.js';
import { backoffMs, RECONNECT } from '../src/backoff.js';
import { sleep, within } from '../src/time/time-limit.js';
import type { IntakeChannel } from './intake/intake-channel.js';
import type { MessageLimit, Republisher } from './republish.js';
import type { DeadLetter } from './store/index.js';

/** A third of the broker's default limit, in milliseconds: it also counts the time before the message came here. */
const GIVE_BACK_AFTER_MS = 10 * 60_000;
/** How long the others wait for the answer to a copy that is published alone, in milliseconds. */
const TURN_MS = 5000;

export interface Copy {
  /** Resolves to what became of it, or to the limit that it is above: then there is no use in trying again. */
  publish(): Promise<PublishOutcome | MessageLimit>;
  /** The dead letter in its place. */
  letter(limit: MessageLimit): DeadLetter;
}

export interface PendingRepublishesOptions {
  readonly republisher: Republisher;
  readonly signal: AbortSignal;
  /** Called when the first message begins to wait, and when the last one has ended to. */
  readonly onWaiting: (waits: boolean) => void;
  readonly giveBackAfterMs?: number;
}

export class PendingRepublishes {
  readonly #options: PendingRepublishesOptions;
  /** Messages that could not be copied at once, by nothing but their identity. */
  readonly #waiting = new Set<symbol>();
  /** Those of them that had a copy on its way when the channel or the connection ended. */
  readonly #suspects = new Set<symbol>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: PendingRepublishesOptions) {
    this.#options = options;
  }

  /** What a person should know; undefined where all is well. */
  get notice(): string | undefined {
    const { connectionFault, fault } = this.#options.republisher;
    const count = this.#waiting.size;
    if (count === 0) return connectionFault && `retries cannot be published: ${connectionFault}`;
    const what = count === 1 ? '1 message waits' : `${count} messages wait`;
    return `${what} unacknowledged because retries cannot be published: ${fault ?? 'the broker does not confirm them'}`;
  }

  /**
   * Publishes the copies of a message until the broker has each of them, or can never take it.
   *
   * @returns the dead letters of those that it can never take: when they are stored as well, the message may be acknowledged.
   *   Undefined when it was given back, or will come again.
   */
  async publish(session: IntakeChannel, tag: number, copies: readonly Copy[]): Promise<DeadLetter[] | undefined> {
    const { republisher, signal, giveBackAfterMs = GIVE_BACK_AFTER_MS } = this.#options;
    const endMs = performance.now() + giveBackAfterMs;
    const leftMs = () => Math.max(0, endMs - performance.now());
    const isOver = () => session.isEnded || signal.aborted || leftMs() === 0;
    const self = Symbol();
    const letters: DeadLetter[] = [];
    let missing = copies;
    try {
      for (let attempt = 1; !session.isEnded && !signal.aborted; attempt++) {
        // Where nothing can be published, each attempt of each message would only be one refusal more.
        const published = republisher.isReady
          ? Promise.all(missing.map((copy) => this.#publish(copy, isOver)))
          : undefined;
        // Without an answer in time it counts as not confirmed; a copy too much is stored once.
        if (published && (await within(leftMs(), published))) {
          const outcomes = await published;
          letters.push(...missing.flatMap((copy, at) => (isLimit(outcomes[at]) ? [copy.letter(outcomes[at])] : [])));
          missing = missing.filter((_, at) => outcomes[at] !== 'confirmed' && !isLimit(outcomes[at]));
          if (missing.length === 0) return letters;
          this.#suspect(self, outcomes.includes('lost'));
        }
        if (leftMs() === 0) {
          session.giveBack(tag);
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

  #publish(copy: Copy, isOver: () => boolean): Promise<PublishOutcome | MessageLimit> {
    if (this.#suspects.size === 0) return copy.publish();
    const before = this.#turn;
    const outcome = before.then(async () => {
      if (!isOver()) await this.#ready();
      return isOver() ? 'lost' : copy.publish();
    });
    this.#turn = before.then(() => within(TURN_MS, outcome));
    return outcome;
  }

  /** After a copy over which the channel ended, the next one must not find it closed, or it would never have its turn. */
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
