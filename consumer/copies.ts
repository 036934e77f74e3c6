/**
 * Messages that stay unacknowledged until their copy, a retry or another round, is confirmed by the broker.
 *
 * They are not given back meanwhile, for each return counts against a delivery limit, which would destroy the message in
 * the end. But the broker ends a channel with a message that nobody acknowledges for 30 minutes, and with it everything
 * else that is in hand: so what cannot be copied for long is given back, alone.
 */
import { backoffMs, RECONNECT } from '../src/backoff.js';
import { sleep, within } from '../src/time/time-limit.js';
import type { Session } from './intake/session.js';
import type { Republisher } from './republish.js';

/** A third of the broker's default limit, in milliseconds: it also counts the time before the message came here. */
const GIVE_BACK_AFTER_MS = 10 * 60_000;

export interface CopiesOptions {
  readonly republisher: Republisher;
  readonly signal: AbortSignal;
  /** Called when the first message begins to wait, and when the last one has ended to. */
  readonly onWaiting: (waits: boolean) => void;
  readonly giveBackAfterMs?: number;
}

export class Copies {
  readonly #options: CopiesOptions;
  /** Messages that could not be copied at once, by nothing but their identity. */
  readonly #waiting = new Set<symbol>();

  constructor(options: CopiesOptions) {
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
   * Acknowledges the message once `publish` says that its copy is there, or gives it back.
   *
   * @returns whether it is acknowledged.
   */
  async finish(session: Session, tag: number, publish: () => Promise<boolean>): Promise<boolean> {
    const { republisher, signal, giveBackAfterMs = GIVE_BACK_AFTER_MS } = this.#options;
    const endMs = performance.now() + giveBackAfterMs;
    const leftMs = () => Math.max(0, endMs - performance.now());
    const self = Symbol();
    try {
      for (let attempt = 1; !session.isEnded && !signal.aborted; attempt++) {
        // Where nothing can be published, each attempt of each message would only be one refusal more.
        if (republisher.isReady && (await confirmed(publish(), leftMs()))) {
          session.acknowledge([tag]);
          return true;
        }
        if (leftMs() === 0) {
          session.giveBack(tag);
          return false;
        }
        this.#wait(self);
        const pause = sleep(Math.min(backoffMs(attempt, RECONNECT), leftMs()), signal);
        await (republisher.isReady ? pause : Promise.race([pause, republisher.whenReady()]));
      }
      return false;
    } finally {
      this.#end(self);
    }
  }

  #wait(self: symbol): void {
    const first = this.#waiting.size === 0;
    this.#waiting.add(self);
    if (first) this.#options.onWaiting(true);
  }

  #end(self: symbol): void {
    if (this.#waiting.delete(self) && this.#waiting.size === 0) this.#options.onWaiting(false);
  }
}

/** Without an answer in time it counts as not confirmed; a copy too much is stored once. */
async function confirmed(published: Promise<boolean>, ms: number): Promise<boolean> {
  return (await within(ms, published)) && published;
}
