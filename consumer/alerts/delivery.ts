/**
 * Sends what was decided on, by one channel: one notice after the other, until none is left or one is not accepted. Then the
 * channel rests for a while. A server that is away or slow holds up nothing but this.
 */
import { type BackoffPolicy, backoffMs } from '../../src/backoff.js';
import { reasonOf } from '../../src/errors.js';
import { internalLogger } from '../../src/internal-logger.js';
import type { StatusLog } from '../../src/status-log.js';
import type { AlertDatabase } from '../store/alert-database.js';
import { isAlertFailure } from './failure.js';
import type { Channel, Notice } from './notice.js';

/** Longer than any attempt takes. Milliseconds. */
const CLAIM_MS = 5 * 60_000;
const TRIES = 2;
const BETWEEN_TRIES_MS = 1000;

/** How long a channel rests after a failure. */
export interface RestPolicy {
  readonly usual: BackoffPolicy;
  /** After a refusal that only a person can mend: some servers lock an account that tries too often. */
  readonly needsPerson: BackoffPolicy;
}

export const REST: RestPolicy = {
  usual: { firstMs: 2000, maxMs: 30_000 },
  needsPerson: { firstMs: 60_000, maxMs: 5 * 60_000 },
};

export interface DeliveryOptions {
  readonly channel: Channel;
  readonly database: AlertDatabase;
  readonly notices: StatusLog;
  readonly rest: RestPolicy;
  /** Ends attempts that are under way. */
  readonly signal: AbortSignal;
}

export class Delivery {
  readonly #options: DeliveryOptions;
  /** Accepted, and not marked so in the database yet. */
  readonly #unmarked: string[] = [];
  #work: Promise<void> | undefined;
  #failures = 0;
  #restsUntilMs = 0;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** Resolves when nothing is under way. */
  get idle(): Promise<void> {
    return this.#work ?? Promise.resolve();
  }

  /** Begins, unless it is at it or rests. */
  begin(): void {
    if (performance.now() < this.#restsUntilMs) return;
    this.#work ??= this.#sendAll()
      // The database is away, which the loop that decides on alerts logs as a warning.
      .catch((error) => internalLogger.debug(`alerts by ${this.#options.channel.name} wait: ${reasonOf(error)}`))
      .finally(() => {
        this.#work = undefined;
      });
  }

  /** @returns whether it was accepted. Never rejects. */
  async send(notice: Notice): Promise<boolean> {
    if (performance.now() < this.#restsUntilMs) return false;
    return (await this.#attempt(notice)) === undefined;
  }

  async #sendAll(): Promise<void> {
    const { channel, database, signal } = this.#options;
    while (!signal.aborted) {
      await this.#mark();
      const claimed = await database.claim(channel.name, CLAIM_MS);
      if (claimed === undefined) return;
      const reason = await this.#attempt({ id: claimed.notice, content: claimed.content });
      if (reason !== undefined) return database.failed(claimed.notice, channel.name, reason);
      this.#unmarked.push(claimed.notice);
    }
  }

  async #mark(): Promise<void> {
    for (let notice = this.#unmarked[0]; notice !== undefined; notice = this.#unmarked[0]) {
      await this.#options.database.sent(notice, this.#options.channel.name);
      this.#unmarked.shift();
    }
  }

  /** @returns why it was not accepted. */
  async #attempt(notice: Notice): Promise<string | undefined> {
    const { channel, notices, rest, signal } = this.#options;
    try {
      await tried(() => channel.send(notice, signal), signal);
      if (this.#failures > 0) internalLogger.info(`alerts are sent by ${channel.name} again.`);
      this.#failures = 0;
      notices.report(this.#topic, undefined);
      return undefined;
    } catch (error) {
      const reason = reasonOf(error);
      if (signal.aborted) return reason;
      const needsPerson = isAlertFailure(error) && error.needsPerson;
      const policy = needsPerson ? rest.needsPerson : rest.usual;
      this.#restsUntilMs = performance.now() + backoffMs(++this.#failures, policy);
      notices.report(
        this.#topic,
        `alerts are not sent by ${channel.name}: ${reason} They are kept, and sent when that works.`,
      );
      return reason;
    }
  }

  get #topic(): string {
    return `alerts by ${this.#options.channel.name}`;
  }
}

async function tried<T>(attempt: () => Promise<T>, signal: AbortSignal): Promise<T> {
  // Import-only, see consumer/retry.ts.
  const { default: pRetry } = await import('p-retry');
  return pRetry(attempt, {
    retries: TRIES - 1,
    minTimeout: BETWEEN_TRIES_MS,
    signal,
    shouldRetry: ({ error }) => isAlertFailure(error) && !error.needsPerson,
  });
}
