/**
 * Tracks whether PostgreSQL can store records. A worker with records to store finds out itself. If no worker has any,
 * or one has been waiting for an answer for some seconds, the watch probes the database. So health is accurate before
 * the next record arrives and while a lock blocks a batch.
 *
 * The latest result counts: a stored batch or a paused worker overrides an earlier probe.
 */
import { reasonOf } from '../src/errors.js';
import type { StatusLog } from '../src/status-log.js';
import { sleep, within } from '../src/time/time-limit.js';
import { unavailable } from './retry.js';
import { isOfDeadLetters, type Store } from './store/index.js';

export interface StorageWatchOptions {
  readonly store: Pick<Store, 'probe'>;
  /** Interval between probes while nothing is stored, in milliseconds. */
  readonly everyMs: number;
  /**
   * Why a worker has paused; undefined if none has. The watch does not probe while a worker is paused, because the
   * worker does.
   */
  readonly pauseReason: () => string | undefined;
  /** When the current batch started being written, in epoch milliseconds; undefined if none is. */
  readonly writingSinceMs: () => number | undefined;
  /** Server conditions: each change is logged, not each attempt. */
  readonly log: StatusLog;
  /** Conditions that need attention, reported while they last. */
  readonly notices: StatusLog;
  /** Stops the probes. */
  readonly signal: AbortSignal;
}

const CHECK_EVERY_MS = 1000;
/** Interval between probes when in doubt or after a failure, from where it doubles, in milliseconds. */
const PROBE_SOON_MS = 2000;
/** A batch that has been written for this long may be waiting for a lock or a hung server, in milliseconds. */
const DOUBTFUL_WRITE_MS = 3000;
/** Timeout of a probe, in milliseconds: a hung server does not answer. Longer than a probe waits for a lock. */
const ANSWER_MS = 5000;
const NO_ANSWER = `PostgreSQL has not answered for ${ANSWER_MS / 1000} s. Check whether it hangs, is overloaded or is cut off from the network`;

export class StorageWatch {
  readonly #options: StorageWatchOptions;
  /** When the current state was learned, in the time of `performance.now()`. */
  #knownAtMs = Number.NEGATIVE_INFINITY;
  #probedAtMs = Number.NEGATIVE_INFINITY;
  #fault: string | undefined = 'PostgreSQL has not answered yet';
  #refusals = 0;
  #areLettersRefused = false;
  /** The failure was logged here. If a worker logged it, the worker also logs the recovery. */
  #hasLogged = false;
  #probing: Promise<void> | undefined;

  constructor(options: StorageWatchOptions) {
    this.#options = options;
  }

  /** Why nothing can be stored; undefined if storage works. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** A batch was stored or another query succeeded. */
  worked(): void {
    this.#update(undefined);
  }

  /** A query failed. The caller has logged why. */
  failed(reason: string): void {
    this.#hasLogged = false;
    this.#update(reason);
  }

  /** A worker has paused and has logged why. */
  paused(reason: string): void {
    this.#options.log.report('storage', undefined);
    this.failed(reason);
  }

  /** No worker is paused any more. */
  resumed(): void {
    if (this.#fault !== undefined) this.#startProbe();
  }

  /** Watches until the signal is aborted. Never rejects. */
  async watch(): Promise<void> {
    const { everyMs, signal } = this.#options;
    while (!signal.aborted) {
      await sleep(Math.min(everyMs, CHECK_EVERY_MS), signal);
      if (signal.aborted) return;
      this.#check();
    }
  }

  #check(): void {
    const { everyMs, pauseReason } = this.#options;
    const nowMs = performance.now();
    const knownMs = nowMs - this.#knownAtMs;
    const reason = pauseReason();
    if (reason !== undefined) {
      // If another worker has stored something since, storage counts as working until that result is old.
      if (this.#fault !== undefined || knownMs >= everyMs) this.#update(reason);
      return;
    }
    const isSoon = this.#refusals > 0 || this.#isWritingForLong;
    const pauseMs = isSoon ? PROBE_SOON_MS * 2 ** Math.max(0, this.#refusals - 1) : everyMs;
    const isOld = knownMs >= Math.min(everyMs, pauseMs);
    // Only a probe shows whether dead letters can be stored again.
    if (isOld || (this.#areLettersRefused && nowMs - this.#probedAtMs >= everyMs)) this.#startProbe();
  }

  get #isWritingForLong(): boolean {
    const nowMs = Date.now();
    return nowMs - (this.#options.writingSinceMs() ?? nowMs) >= DOUBTFUL_WRITE_MS;
  }

  /** Runs one probe at a time. */
  #startProbe(): void {
    if (this.#probing) return;
    const { pauseReason, signal } = this.#options;
    this.#probedAtMs = performance.now();
    const isNeeded = () => !signal.aborted && pauseReason() === undefined;
    const probing = this.#probe().then((fault) => {
      this.#probing = undefined;
      if (isNeeded()) this.#report(fault);
    });
    this.#probing = probing;
    void within(ANSWER_MS, probing).then((isAnswered) => {
      // A known fault is more precise than a missing answer.
      if (!isAnswered && isNeeded() && this.#fault === undefined) this.#report(NO_ANSWER);
    });
  }

  /**
   * @returns why records cannot be stored. A fault of the dead letter table blocks nothing until there is a dead
   *   letter.
   */
  async #probe(): Promise<string | undefined> {
    let refusal: string | undefined;
    try {
      await this.#options.store.probe();
    } catch (error) {
      if (!isOfDeadLetters(error)) return reasonOf(error);
      refusal = reasonOf(error);
    }
    this.#areLettersRefused = refusal !== undefined;
    this.#options.notices.report(
      'dead letters',
      refusal && `dead letters cannot be stored, and the first one will block the records in its batch: ${refusal}`,
    );
    return undefined;
  }

  #report(fault: string | undefined): void {
    if (fault !== undefined) {
      this.#refusals++;
      this.#hasLogged = true;
      this.#options.log.report('storage', unavailable('PostgreSQL cannot store records now', fault));
    }
    this.#update(fault);
  }

  #update(fault: string | undefined): void {
    this.#knownAtMs = performance.now();
    this.#fault = fault;
    if (fault === undefined) this.#refusals = 0;
    if (fault !== undefined || !this.#hasLogged) return;
    this.#hasLogged = false;
    if (!this.#options.signal.aborted) this.#options.log.report('storage', 'storage works again', 'info');
  }
}
