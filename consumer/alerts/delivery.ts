/**
 * Sends notices through one channel, one after the other, until none is left or one fails. Then the channel waits
 * before it retries. A slow or unreachable server delays nothing else.
 */
import { type BackoffPolicy, backoffMs } from '../../src/backoff.js';
import { reasonOf } from '../../src/errors.js';
import { internalLogger } from '../../src/internal-logger.js';
import type { StatusLog } from '../../src/status-log.js';
import type { AlertDatabase } from '../store/alert-database.js';
import { type Channel, isAlertFailure, type Notice, withoutText } from './notice.js';

/** Longer than any attempt, in milliseconds. */
const CLAIM_MS = 5 * 60_000;
const ATTEMPTS = 2;
const RETRY_DELAY_MS = 1000;
/** A notice whose text was refused this often is sent without the text: it must not delay all later alerts. */
const MAX_REFUSALS = 3;

/** Delays after a failure. */
export interface RetryPolicy {
  readonly temporary: BackoffPolicy;
  /** After a rejection that needs a change of configuration: some servers lock accounts after repeated attempts. */
  readonly permanent: BackoffPolicy;
}

export const RETRY: RetryPolicy = {
  temporary: { firstMs: 2000, maxMs: 30_000 },
  permanent: { firstMs: 60_000, maxMs: 5 * 60_000 },
};

export interface DeliveryOptions {
  readonly channel: Channel;
  readonly database: AlertDatabase;
  readonly notices: StatusLog;
  readonly retry: RetryPolicy;
  /** Aborts attempts in flight. */
  readonly signal: AbortSignal;
}

export class Delivery {
  readonly #options: DeliveryOptions;
  /** Accepted, but not yet marked as sent in the database. */
  readonly #unmarked: string[] = [];
  /** Number of refusals of the text, by notice. */
  readonly #refusals = new Map<string, number>();
  #work: Promise<void> | undefined;
  #failures = 0;
  #retryAtMs = 0;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** Resolves when nothing is in flight. */
  get idle(): Promise<void> {
    return this.#work ?? Promise.resolve();
  }

  /** Starts sending, unless it is already sending or waiting to retry. */
  begin(): void {
    if (performance.now() < this.#retryAtMs) return;
    this.#work ??= this.#sendAll()
      // The database is unreachable; the alert loop logs that as a warning.
      .catch((error) => internalLogger.debug(`alerts by ${this.#options.channel.name} are delayed: ${reasonOf(error)}`))
      .finally(() => {
        this.#work = undefined;
      });
  }

  /** @returns whether it was accepted. Never rejects. */
  async send(notice: Notice): Promise<boolean> {
    if (performance.now() < this.#retryAtMs) return false;
    return (await this.#attempt(notice)) === undefined;
  }

  async #sendAll(): Promise<void> {
    const { channel, database, signal } = this.#options;
    while (!signal.aborted) {
      await this.#mark();
      const claimed = await database.claim(channel.name, CLAIM_MS);
      if (claimed === undefined) return;
      const isRefused = (this.#refusals.get(claimed.notice) ?? 0) >= MAX_REFUSALS;
      const content = isRefused ? withoutText(claimed.content) : claimed.content;
      const reason = await this.#attempt({ id: claimed.notice, content });
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

  /** @returns the reason of a failure. */
  async #attempt(notice: Notice): Promise<string | undefined> {
    const { channel, notices, retry, signal } = this.#options;
    try {
      await withRetry(() => channel.send(notice, signal), signal);
      if (this.#failures > 0) internalLogger.info(`alerts can be sent by ${channel.name} again.`);
      this.#failures = 0;
      this.#refusals.delete(notice.id);
      notices.report(this.#topic, undefined);
      return undefined;
    } catch (error) {
      const reason = reasonOf(error);
      if (signal.aborted) return reason;
      const isPermanent = isAlertFailure(error) && error.isPermanent;
      if (isAlertFailure(error) && error.isAboutContent) {
        this.#refusals.set(notice.id, (this.#refusals.get(notice.id) ?? 0) + 1);
      }
      const policy = isPermanent ? retry.permanent : retry.temporary;
      this.#retryAtMs = performance.now() + backoffMs(++this.#failures, policy);
      notices.report(
        this.#topic,
        `alerts cannot be sent by ${channel.name}: ${reason} They are stored, and sent as soon as possible.`,
      );
      return reason;
    }
  }

  get #topic(): string {
    return `alerts by ${this.#options.channel.name}`;
  }
}

async function withRetry<T>(attempt: () => Promise<T>, signal: AbortSignal): Promise<T> {
  // Import-only, see consumer/retry.ts.
  const { default: pRetry } = await import('p-retry');
  return pRetry(attempt, {
    retries: ATTEMPTS - 1,
    minTimeout: RETRY_DELAY_MS,
    signal,
    shouldRetry: ({ error }) => isAlertFailure(error) && !error.isPermanent,
  });
}
