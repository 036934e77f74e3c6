/**
 * Whether PostgreSQL can store at this moment. A worker that has something to store finds out by itself. Where none has, or
 * where one has been waiting for its answer for some seconds, the database is asked, so that health is true before the next
 * record comes, and while a lock holds a batch up.
 *
 * What was learnt last holds: a batch that was stored and a worker that paused say more than a question before them.
 */
import { reasonOf } from '../src/errors.js';
import type { StatusLog } from '../src/status-log.js';
import { sleep, within } from '../src/time/time-limit.js';
import { unavailable } from './retry.js';
import { isDeadLetterError, type Store } from './store/index.js';

export interface StorageWatchOptions {
  readonly store: Pick<Store, 'probe'>;
  /** How often is asked while nothing is stored, in milliseconds. */
  readonly everyMs: number;
  /**
   * Why a worker has paused, in words; undefined while none has. While a worker is paused the watch asks nothing: the worker
   * probes by itself.
   */
  readonly pausedOver: () => string | undefined;
  /** Since when a batch is being written, in epoch milliseconds; undefined while none is. */
  readonly writingSinceMs: () => number | undefined;
  /** What is so of the servers now. */
  readonly log: StatusLog;
  /** What a person should know, for as long as it holds. */
  readonly notices: StatusLog;
  /** Ends the asking. */
  readonly signal: AbortSignal;
}

const LOOK_EVERY_MS = 1000;
/** Where there is doubt, and after it did not work; the pauses double from then on. Milliseconds. */
const ASK_SOON_MS = 2000;
/** A batch that has been written for so long may wait for a lock, or for a server that stands still. Milliseconds. */
const DOUBTFUL_WRITE_MS = 3000;
/** A server that stands still does not refuse: it says nothing. Longer than a probe waits for a lock. Milliseconds. */
const ANSWER_MS = 5000;
const NO_ANSWER = `there was no answer for ${ANSWER_MS / 1000} s. See whether PostgreSQL hangs, is overloaded or was cut off`;

export class StorageWatch {
  readonly #options: StorageWatchOptions;
  /** Since when it is known to work, or not to, in the time of `performance.now()`. */
  #knownAtMs = Number.NEGATIVE_INFINITY;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #fault: string | undefined = 'there was no answer yet';
  #refusals = 0;
  #areLettersRefused = false;
  /** That it does not work was logged here, and not by a worker, who also says when it is over. */
  #hasLogged = false;
  #asking: Promise<void> | undefined;

  constructor(options: StorageWatchOptions) {
    this.#options = options;
  }

  /** Why nothing can be stored, in words; undefined where it can. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** Something was stored, or asked. */
  worked(): void {
    this.#know(undefined);
  }

  /** An attempt to store, or to ask, has failed; whoever made it has logged why. */
  failed(reason: string): void {
    this.#hasLogged = false;
    this.#know(reason);
  }

  /** A worker has paused, and has logged why. */
  paused(reason: string): void {
    this.#options.log.report('storage', undefined);
    this.failed(reason);
  }

  /** No worker is paused any more. */
  resumed(): void {
    if (this.#fault !== undefined) this.#ask();
  }

  /** Looks until the signal is given. Never rejects. */
  async watch(): Promise<void> {
    const { everyMs, signal } = this.#options;
    while (!signal.aborted) {
      await sleep(Math.min(everyMs, LOOK_EVERY_MS), signal);
      if (signal.aborted) return;
      this.#look();
    }
  }

  #look(): void {
    const { everyMs, pausedOver } = this.#options;
    const nowMs = performance.now();
    const knownMs = nowMs - this.#knownAtMs;
    const reason = pausedOver();
    if (reason !== undefined) {
      // If another worker has stored something since, storage counts as working until that is old.
      if (this.#fault !== undefined || knownMs >= everyMs) this.#know(reason);
      return;
    }
    const isSoon = this.#refusals > 0 || this.#isWritingForLong;
    const pauseMs = isSoon ? ASK_SOON_MS * 2 ** Math.max(0, this.#refusals - 1) : everyMs;
    const isOld = knownMs >= Math.min(everyMs, pauseMs);
    // Only a probe shows whether dead letters are accepted again.
    if (isOld || (this.#areLettersRefused && nowMs - this.#askedAtMs >= everyMs)) this.#ask();
  }

  get #isWritingForLong(): boolean {
    const nowMs = Date.now();
    return nowMs - (this.#options.writingSinceMs() ?? nowMs) >= DOUBTFUL_WRITE_MS;
  }

  /** One question at a time. */
  #ask(): void {
    if (this.#asking) return;
    const { pausedOver, signal } = this.#options;
    this.#askedAtMs = performance.now();
    const isNeeded = () => !signal.aborted && pausedOver() === undefined;
    const asking = this.#probe().then((fault) => {
      this.#asking = undefined;
      if (isNeeded()) this.#tell(fault);
    });
    this.#asking = asking;
    void within(ANSWER_MS, asking).then((isAnswered) => {
      // What is known already says more than that there was no answer.
      if (!isAnswered && isNeeded() && this.#fault === undefined) this.#tell(NO_ANSWER);
    });
  }

  /** @returns why records cannot be stored. Dead letters that cannot hold nothing up before there is one. */
  async #probe(): Promise<string | undefined> {
    let refusal: string | undefined;
    try {
      await this.#options.store.probe();
    } catch (error) {
      if (!isDeadLetterError(error)) return reasonOf(error);
      refusal = reasonOf(error);
    }
    this.#areLettersRefused = refusal !== undefined;
    this.#options.notices.report(
      'dead letters',
      refusal &&
        `dead letters cannot be stored, and the first one holds up whatever is to be stored with it: ${refusal}`,
    );
    return undefined;
  }

  #tell(fault: string | undefined): void {
    if (fault !== undefined) {
      this.#refusals++;
      this.#hasLogged = true;
      this.#options.log.report('storage', unavailable('PostgreSQL cannot store records now', fault));
    }
    this.#know(fault);
  }

  #know(fault: string | undefined): void {
    this.#knownAtMs = performance.now();
    this.#fault = fault;
    if (fault === undefined) this.#refusals = 0;
    if (fault !== undefined || !this.#hasLogged) return;
    this.#hasLogged = false;
    if (!this.#options.signal.aborted) this.#options.log.report('storage', 'storage works again', 'info');
  }
}
