/**
 * A consumer's life: brings the schema up to date, takes messages, and pauses while PostgreSQL cannot store them.
 *
 *             start()            schema is there        storage fails
 *   created ─────────▶ preparing ───────────────▶ running ─────────────▶ paused
 *                          │ stop()                 ▲  │ stop()            │ │ stop()
 *                          │                        └──┼── probe succeeds ─┘ │
 *                          └──────────────────────▶ stopping ◀───────────────┘
 *                                                      │
 *                                                      ▼
 *                                                   stopped
 *
 * In `running` the connection to RabbitMQ may come and go; `Taking` sees to that. What becomes of a message is the
 * business of `Pipeline`.
 */

import { setMaxListeners } from 'node:events';
import { backoffMs, RECONNECT } from '../src/backoff.js';
import { LoghiveError, reasonOf } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import type { StoredRecord } from '../src/record.js';
import { StatusLog } from '../src/status-log.js';
import { sleep, within } from '../src/time/time-limit.js';
import type { ConsumerConfig } from './config.js';
import { Copies } from './copies.js';
import { Discovery } from './discovery.js';
import { Taking } from './intake/taking.js';
import { Pipeline } from './pipeline.js';
import { createRepublisher, type Republisher } from './republish.js';
import { retry } from './retry.js';
import { type ConsumerState, type ConsumerStatus, healthOf } from './status.js';
import { openStore, type Store } from './store/index.js';

/** How long `stop()` may take to finish what is in hand, in milliseconds. */
const STOP_MS = 8000;

/**
 * How long messages are held that cannot be stored, in milliseconds: a third of the time after which the broker ends the
 * channel over one that is not acknowledged.
 */
const GIVE_BACK_AFTER_MS = 10 * 60_000;

/** How long the first message waits for the connection that copies are published on, in milliseconds. */
const PUBLISHING_PATIENCE_MS = 2000;

/** Moments at which a test or the live view of `loghive dev` steps in. Not part of the contract. */
export interface ConsumerSeams {
  /** After COMMIT, before the acknowledgement. */
  readonly afterCommit?: () => void | Promise<void>;
  /** After the acknowledgement, with what is in the table; the next batch waits for it. */
  readonly onStored?: (records: readonly StoredRecord[]) => void | Promise<void>;
  /** After how long messages are given back that cannot be stored, or whose retry cannot be published. */
  readonly giveBackAfterMs?: number;
}

export class Consumer {
  readonly #seams: ConsumerSeams;
  readonly #store: Store;
  readonly #discovery: Discovery;
  readonly #taking: Taking;
  readonly #republisher: Republisher;
  readonly #copies: Copies;
  readonly #pipeline: Pipeline;
  /** What is so of the servers now: each change is logged, not each attempt. */
  readonly #serverLog = new StatusLog((sentence, level) => internalLogger[level](sentence));
  /** What a person should know, for as long as it holds. */
  readonly #notices = new StatusLog((sentence) => internalLogger.warning(sentence));
  readonly #abort = new AbortController();
  #state: ConsumerState = 'created';
  #sinceMs = Date.now();
  #reason: string | undefined;
  #pauses = 0;
  #pausesInARow = 0;
  /** Since when messages are held that could not be stored; undefined once a batch was. */
  #heldSinceMs: number | undefined;
  #stopped: Promise<void> = Promise.resolve();
  #resolveStarted: () => void = () => {};
  readonly #started = new Promise<void>((resolve) => {
    this.#resolveStarted = resolve;
  });

  constructor(config: ConsumerConfig, seams: ConsumerSeams = {}) {
    this.#seams = seams;
    this.#store = openStore({ ...config.store, notice: (text, level) => internalLogger[level](text) });
    this.#republisher = createRepublisher(
      config,
      (sentence) => this.#serverLog.report('broker', sentence),
      (sentence) => this.#notices.once(sentence),
    );
    setMaxListeners(0, this.#abort.signal);
    this.#copies = new Copies({
      republisher: this.#republisher,
      signal: this.#abort.signal,
      onWaiting: (waits) => this.#tellOfRetries(waits),
      ...(seams.giveBackAfterMs === undefined ? {} : { giveBackAfterMs: seams.giveBackAfterMs }),
    });
    this.#discovery = new Discovery({
      services: config.services,
      maxServices: config.maxServices,
      store: this.#store,
      notices: this.#notices,
      onFound: (service, rank) => this.#taking.add(service, rank),
      onUnavailable: (reason) => void this.#pause(reason),
      signal: this.#abort.signal,
    });
    this.#pipeline = new Pipeline({
      config,
      store: this.#store,
      republisher: this.#republisher,
      copies: this.#copies,
      session: () => this.#taking.session,
      isStoring: () => this.#state === 'running' || this.#state === 'stopping',
      onAnnounced: (service, acknowledge) => this.#discovery.announcements.add(service, acknowledge),
      onProgress: () => {
        this.#pausesInARow = 0;
        this.#heldSinceMs = undefined;
      },
      onUnavailable: (reason) => this.#pause(reason),
      afterCommit: seams.afterCommit,
      onStored: seams.onStored,
    });
    this.#taking = new Taking(config, {
      // The newest first: the records of a service that is new must not wait until hundreds of others have their queues.
      services: () => [...this.#discovery.services].reverse(),
      status: this.#serverLog,
      notices: this.#notices,
      onMessage: (session, queue, message) => this.#pipeline.take(session, queue, message),
      onLost: () => this.#forgetInHand(),
      onTaking: () => this.#resolveStarted(),
      signal: this.#abort.signal,
    });
  }

  /**
   * Brings the schema up to date, connects and begins to take messages. Resolves when it does; until the servers are
   * there it goes on trying.
   *
   * @throws LoghiveError LOGHIVE_MIGRATION_FAILED when the schema cannot be brought up to date.
   */
  async start(): Promise<void> {
    if (this.#state !== 'created')
      throw new LoghiveError('LOGHIVE_CLOSED', `the consumer is ${this.#state}; create a new one`);
    this.#transition('preparing');
    this.#taking.connect();
    this.#republisher.open();
    try {
      await this.#untilStorageWorks(() => this.#store.migrate());
      await this.#untilStorageWorks(() => this.#discovery.begin());
    } catch (error) {
      await this.stop();
      throw error;
    }
    // A message that came back often must be copied at once: should this process die before that, it came back once more.
    await Promise.race([this.#republisher.whenReady(), sleep(PUBLISHING_PATIENCE_MS, this.#abort.signal)]);
    if (this.#abort.signal.aborted) return;
    this.#transition('running');
    this.#taking.begin();
    void this.#discovery.watch(() => this.#state === 'running');
    await this.#started;
  }

  /** Takes nothing more, finishes what is in hand within 8 s, gives back the rest, closes everything. Never rejects. */
  async stop(): Promise<void> {
    if (this.#state === 'stopping' || this.#state === 'stopped') return this.#stopped;
    const wasRunning = this.#state === 'running';
    this.#transition('stopping');
    this.#abort.abort();
    this.#resolveStarted();
    this.#stopped = this.#stop(wasRunning);
    return this.#stopped;
  }

  status(): ConsumerStatus {
    const { notice } = this.#copies;
    const notices = notice === undefined ? this.#notices.all : [...this.#notices.all, notice];
    const known = { state: this.#state, broker: this.#taking.status(), notices };
    return {
      ...known,
      sinceMs: this.#sinceMs,
      ...(this.#reason === undefined ? {} : { reason: this.#reason }),
      health: healthOf(known),
      services: this.#discovery.services,
      publishing: this.#republisher.status(),
      inHand: this.#taking.session?.unacknowledged ?? 0,
      counts: { ...this.#pipeline.counts, pauses: this.#pauses },
    };
  }

  #transition(state: ConsumerState, reason?: string): void {
    this.#state = state;
    this.#sinceMs = Date.now();
    this.#reason = reason;
  }

  #tellOfRetries(waits: boolean): void {
    const { fault } = this.#republisher;
    if (waits) this.#serverLog.report('retries', `retries cannot be published now${fault ? `: ${fault}` : ''}`);
    else if (!this.#abort.signal.aborted)
      this.#serverLog.report('retries', 'no message waits for its retry any more', 'info');
  }

  /** Nothing moves until a probe succeeds. What is in hand stays there: each return counts against a delivery limit. */
  async #pause(reason: string): Promise<void> {
    if (this.#state === 'stopping') return this.#giveBack();
    this.#heldSinceMs ??= performance.now();
    if (this.#state !== 'running') return;
    this.#pauses++;
    this.#transition('paused', reason);
    this.#serverLog.report('storage', `storage is paused: ${reason}`);
    // Whatever it fails with is a fault of ours, and must not end the process.
    this.#resume().catch((error) => internalLogger.error(`consumer: ${reasonOf(error)}`));
  }

  async #resume(): Promise<void> {
    const { giveBackAfterMs = GIVE_BACK_AFTER_MS } = this.#seams;
    const heldMs = performance.now() - (this.#heldSinceMs ?? 0);
    const timer = setTimeout(() => void this.#giveBack(), Math.max(0, giveBackAfterMs - heldMs));
    // The probe may succeed where the same batch fails again: then the pauses grow, instead of following each other at once.
    await sleep(backoffMs(++this.#pausesInARow, RECONNECT), this.#abort.signal);
    await this.#untilStorageWorks(() => this.#store.probe());
    clearTimeout(timer);
    if (this.#state !== 'paused') return;
    this.#transition('running');
    this.#serverLog.report('storage', 'storage works again', 'info');
    this.#taking.begin();
    this.#pipeline.resume();
  }

  /** Everything unacknowledged goes back to its queue, once, and nothing is taken until storage works again. */
  async #giveBack(): Promise<void> {
    this.#forgetInHand();
    this.#heldSinceMs = undefined;
    await this.#taking.pause();
  }

  /** It comes again: its channel has ended, or is about to. */
  #forgetInHand(): void {
    this.#pipeline.clear();
    this.#discovery.announcements.clear();
  }

  /** @throws what the attempt throws when waiting alone would not mend it. */
  async #untilStorageWorks(attempt: () => Promise<unknown>): Promise<void> {
    await retry(attempt, {
      policy: RECONNECT,
      signal: this.#abort.signal,
      isPassing: (error) => error instanceof LoghiveError && error.code === 'LOGHIVE_STORAGE_UNAVAILABLE',
      onFailure: ({ message }) => {
        this.#reason = message;
        const what = this.#state === 'paused' ? 'storage is paused' : 'storage does not work yet';
        this.#serverLog.report('storage', `${what}: ${message}`);
      },
    });
  }

  async #stop(wasRunning: boolean): Promise<void> {
    if (wasRunning) await within(STOP_MS, this.#finishInHand());
    this.#forgetInHand();
    await Promise.all([this.#taking.close(), this.#republisher.close(), within(1000, this.#store.close())]);
    this.#transition('stopped');
  }

  async #finishInHand(): Promise<void> {
    await this.#taking.drain();
    await this.#pipeline.finish();
  }
}
