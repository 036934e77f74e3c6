/**
 * A worker: the whole pipeline of a consumer, from the queues to the acknowledgement, with connections of its own. Several
 * take from the same queues, as several processes do, and share nothing. It pauses while PostgreSQL cannot store batches.
 *
 *             begin()                    storage fails
 *   connecting ────────────▶ running ─────────────────▶ paused
 *          │ stop()           ▲  │ stop()                │ │ stop()
 *          │                  └──┼── a probe succeeds ───┘ │
 *          └────────────────▶ stopping ◀───────────────────┘
 *                                │
 *                                ▼
 *                             stopped
 *
 * In `running` the connection to RabbitMQ may come and go; `Taking` sees to that. What becomes of a message is the
 * business of `Pipeline`.
 */
import { setMaxListeners } from 'node:events';
import { backoffMs, RECONNECT } from '../src/backoff.js';
import { reasonOf } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import { StatusLog } from '../src/status-log.js';
import { sleep, within } from '../src/time/time-limit.js';
import { createEventsOf } from './alerts/event.js';
import type { ConsumerConfig } from './config.js';
import type { DeadLetterNotice, WorkerHooks } from './events.js';
import { Intake } from './intake/intake.js';
import { type Figures, NOTHING_IN_HAND } from './metrics/snapshot.js';
import { PendingRepublishes } from './pending-republishes.js';
import { Pipeline } from './pipeline.js';
import { createRepublisher, type Republisher } from './republish.js';
import { unavailable, untilStorageWorks } from './retry.js';
import type { WorkerState, WorkerStatus } from './status.js';
import { type DeadLetter, openStore, type Store } from './store/index.js';

/** How long `stop()` may take to finish what is in hand, in milliseconds. */
const STOP_MS = 8000;

/**
 * How long messages are held that cannot be stored, in milliseconds: a third of the time after which the broker ends the
 * channel over one that is not acknowledged.
 */
const GIVE_BACK_AFTER_MS = 10 * 60_000;

/** How long the first message waits for the connection that copies are published on, in milliseconds. */
const PUBLISHING_PATIENCE_MS = 2000;

/** What a worker tells of itself while it happens. */
export interface WorkerEvents {
  readonly onState: (state: WorkerState) => void;
  /** It takes messages of every queue that can be had. */
  readonly onTaking: () => void;
  /** A service has announced itself. To be acknowledged when that is kept. */
  readonly onAnnounced: (service: string, acknowledge: () => void) => void;
  /** Announcements that are not acknowledged come again, to this worker or to another one. */
  readonly onAnnouncementsLost: () => void;
  readonly onDeadLetters: (letters: readonly DeadLetterNotice[]) => void;
  /** A batch was committed. */
  readonly onStored: (records: number) => void;
}

export class ConsumerWorker {
  readonly #events: WorkerEvents;
  readonly #hooks: WorkerHooks;
  readonly #store: Store;
  readonly #intake: Intake;
  readonly #republisher: Republisher;
  readonly #copies: PendingRepublishes;
  readonly #pipeline: Pipeline;
  /** What is so of the servers now: each change is logged, not each attempt. */
  readonly #serverLog = new StatusLog((sentence, level) => internalLogger[level](sentence));
  /** What a person should know, for as long as it holds. */
  readonly #notices = new StatusLog((sentence) => internalLogger.warning(sentence));
  readonly #abort = new AbortController();
  readonly #services = new Set<string>();
  #state: WorkerState = 'connecting';
  #sinceMs = Date.now();
  #reason: string | undefined;
  #pauses = 0;
  #pausesInARow = 0;
  /** Since when messages are held that could not be stored; undefined once a batch was. */
  #heldSinceMs: number | undefined;
  #stopped: Promise<void> = Promise.resolve();

  constructor(config: ConsumerConfig, events: WorkerEvents, hooks: WorkerHooks = {}) {
    this.#events = events;
    this.#hooks = hooks;
    this.#store = openStore({
      ...config.store,
      notice: (text, level) => internalLogger[level](text),
      alertEventsOf: config.alerts && createEventsOf(config.alerts.rules),
      onAlertsRefused: (sentence) => this.#notices.report('alerts', sentence),
    });
    this.#republisher = createRepublisher(
      config,
      (sentence) => {
        if (!this.#abort.signal.aborted) this.#serverLog.report('broker', sentence);
      },
      (sentence) => this.#notices.once(sentence),
    );
    setMaxListeners(0, this.#abort.signal);
    this.#copies = new PendingRepublishes({
      republisher: this.#republisher,
      signal: this.#abort.signal,
      onWaiting: (waits) => this.#logRetries(waits),
      ...(hooks.giveBackAfterMs === undefined ? {} : { giveBackAfterMs: hooks.giveBackAfterMs }),
    });
    this.#pipeline = new Pipeline({
      config,
      store: this.#store,
      republisher: this.#republisher,
      copies: this.#copies,
      session: () => this.#intake.session,
      isStoring: () => this.#state === 'running' || this.#state === 'stopping',
      onAnnounced: events.onAnnounced,
      onProgress: (records) => {
        this.#pausesInARow = 0;
        this.#heldSinceMs = undefined;
        events.onStored(records);
      },
      onDeadLetters: (letters) => events.onDeadLetters(letters.map(noticeOf)),
      onUnavailable: (reason) => this.#pause(reason),
      afterCommit: hooks.afterCommit,
      onStored: hooks.onStored,
    });
    this.#intake = new Intake(config, {
      // The newest first: the records of a service that is new must not wait until hundreds of others have their queues.
      services: () => [...this.#services].reverse(),
      status: this.#serverLog,
      notices: this.#notices,
      onMessage: (session, queue, message) => this.#pipeline.take(session, queue, message),
      onLost: () => this.#forgetInHand(),
      onTaking: events.onTaking,
      signal: this.#abort.signal,
    });
  }

  /** Connects to RabbitMQ, and takes nothing yet. */
  connect(): void {
    this.#intake.connect();
    this.#republisher.open();
  }

  /** Takes messages of these services from now on. The schema is there. */
  async begin(services: readonly string[]): Promise<void> {
    for (const service of services) this.#services.add(service);
    // A message that came back often must be copied at once: should this process die before that, it came back once more.
    await Promise.race([this.#republisher.whenReady(), sleep(PUBLISHING_PATIENCE_MS, this.#abort.signal)]);
    if (this.#abort.signal.aborted) return;
    this.#transition('running');
    this.#intake.begin();
  }

  /**
   * Takes messages of one service more.
   *
   * @param rank its queues are declared before those of a lower one.
   */
  add(service: string, rank: number): void {
    this.#services.add(service);
    this.#intake.add(service, rank);
  }

  /** Nothing moves until a probe succeeds. What is in hand stays there: each return counts against a delivery limit. */
  async #pause(reason: string): Promise<void> {
    if (this.#state === 'stopping') return this.#giveBack();
    this.#heldSinceMs ??= performance.now();
    if (this.#state !== 'running') return;
    this.#pauses++;
    this.#transition('paused', reason);
    this.#logStorage(reason);
    // Whatever it fails with is a fault of ours, and must not end the process.
    this.#resume().catch((error) => internalLogger.error(`consumer: ${reasonOf(error)}`));
  }

  /** Takes nothing more, finishes what is in hand within 8 s, gives back the rest, closes everything. Never rejects. */
  async stop(): Promise<void> {
    if (this.#state === 'stopping' || this.#state === 'stopped') return this.#stopped;
    const wasRunning = this.#state === 'running';
    this.#transition('stopping');
    this.#abort.abort();
    this.#stopped = this.#stop(wasRunning);
    return this.#stopped;
  }

  status(): WorkerStatus {
    const { notice } = this.#copies;
    return {
      state: this.#state,
      sinceMs: this.#sinceMs,
      ...(this.#reason === undefined ? {} : { reason: this.#reason }),
      broker: this.#intake.status(),
      publishing: this.#republisher.status(),
      queues: this.#intake.queues,
      inHand: this.#intake.session?.unacknowledged ?? 0,
      counts: { ...this.#pipeline.counts.totals, pauses: this.#pauses },
      notices: notice === undefined ? this.#notices.all : [...this.#notices.all, notice],
    };
  }

  figures(): Figures {
    const { counts, writingSinceMs } = this.#pipeline;
    const { session } = this.#intake;
    if (!session || session.isEnded) return { counts, inHand: { ...NOTHING_IN_HAND, writingSinceMs } };
    return { counts, inHand: { messages: session.unacknowledged, queues: session.heldByQueue(), writingSinceMs } };
  }

  #transition(state: WorkerState, reason?: string): void {
    this.#state = state;
    this.#sinceMs = Date.now();
    this.#reason = reason;
    this.#events.onState(state);
  }

  #logRetries(waits: boolean): void {
    const { fault } = this.#republisher;
    if (waits) this.#serverLog.report('retries', `retries cannot be published now${fault ? `: ${fault}` : ''}`);
    else if (!this.#abort.signal.aborted)
      this.#serverLog.report('retries', 'no message waits for its retry any more', 'info');
  }

  #logStorage(reason: string): void {
    this.#serverLog.report('storage', unavailable('storage is paused', reason));
  }

  async #resume(): Promise<void> {
    const { giveBackAfterMs = GIVE_BACK_AFTER_MS } = this.#hooks;
    const heldMs = performance.now() - (this.#heldSinceMs ?? 0);
    const timer = setTimeout(() => void this.#giveBack(), Math.max(0, giveBackAfterMs - heldMs));
    // The probe may succeed where the same batch fails again: then the pauses grow, instead of following each other at once.
    await sleep(backoffMs(++this.#pausesInARow, RECONNECT), this.#abort.signal);
    await untilStorageWorks(
      () => this.#store.probe(),
      this.#abort.signal,
      (why) => {
        this.#reason = why;
        this.#logStorage(why);
      },
    );
    clearTimeout(timer);
    if (this.#state !== 'paused') return;
    this.#transition('running');
    this.#serverLog.report('storage', 'storage works again', 'info');
    this.#intake.begin();
    this.#pipeline.resume();
  }

  /** Everything unacknowledged goes back to its queue, once, and nothing is taken until storage works again. */
  async #giveBack(): Promise<void> {
    this.#forgetInHand();
    this.#heldSinceMs = undefined;
    await this.#intake.pause();
  }

  /** It comes again: its channel has ended, or is about to. */
  #forgetInHand(): void {
    this.#pipeline.clear();
    this.#events.onAnnouncementsLost();
  }

  async #stop(wasRunning: boolean): Promise<void> {
    if (wasRunning) await within(STOP_MS, this.#finishInHand());
    this.#forgetInHand();
    await Promise.all([this.#intake.close(), this.#republisher.close(), within(1000, this.#store.close())]);
    this.#transition('stopped');
  }

  async #finishInHand(): Promise<void> {
    await this.#intake.drain();
    await this.#pipeline.finish();
  }
}

function noticeOf({ queue, service, level, code, reason }: DeadLetter): DeadLetterNotice {
  return { queue, service, level, code, reason };
}
