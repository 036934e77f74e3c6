/**
 * A worker: the whole pipeline of a consumer, from the queues to the acknowledgement, with its own connections. Several
 * workers consume from the same queues, as several processes do, and share nothing. A worker pauses while PostgreSQL
 * cannot store batches.
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
 * In `running` the connection to RabbitMQ may be lost and reopened; `Intake` handles that. `Pipeline` processes the
 * messages.
 */
import { setMaxListeners } from 'node:events';
import { backoffMs, RECONNECT } from '../src/backoff.js';
import { reasonOf } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import { StatusLog } from '../src/status-log.js';
import { sleep, within } from '../src/time/time-limit.js';
import { createEventsOf } from './alerts/event.js';
import type { ConsumerConfig } from './config.js';
import type { DeadLetterNotice, WorkerHooks } from './consumer-events.js';
import { Intake } from './intake/intake.js';
import { type Figures, NONE_UNACKNOWLEDGED } from './metrics/snapshot.js';
import { Pipeline } from './pipeline.js';
import { createRepublisher, type Republisher } from './republish.js';
import { unavailable, untilStorageWorks } from './retry.js';
import { RetryPublisher } from './retry-publisher.js';
import type { WorkerState, WorkerStatus } from './status.js';
import { type DeadLetter, openStore, type Store } from './store/index.js';

/** How long `stop()` may take to finish unacknowledged messages, in milliseconds. */
const STOP_MS = 8000;

/**
 * How long messages that cannot be stored are held, in milliseconds: a third of the broker's default timeout for
 * acknowledgements, after which it closes the channel.
 */
const REQUEUE_AFTER_MS = 10 * 60_000;

/** How long the start waits for the publish connection, in milliseconds. */
const PUBLISHING_TIMEOUT_MS = 2000;

/** Events of a worker. */
export interface WorkerEvents {
  readonly onState: (state: WorkerState) => void;
  /** It is consuming from every queue that the broker grants. */
  readonly onConsuming: () => void;
  /** A service has announced itself. Call `acknowledge` once it is stored. */
  readonly onAnnounced: (service: string, acknowledge: () => void) => void;
  /** Unacknowledged announcements are redelivered, to this worker or to another one. */
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
  readonly #retryPublisher: RetryPublisher;
  readonly #pipeline: Pipeline;
  /** Server conditions: each change is logged, not each attempt. */
  readonly #serverLog = new StatusLog((sentence, level) => internalLogger[level](sentence));
  /** Conditions that need attention, reported while they last. */
  readonly #notices = new StatusLog((sentence) => internalLogger.warning(sentence));
  readonly #abort = new AbortController();
  readonly #services = new Set<string>();
  #state: WorkerState = 'connecting';
  #sinceMs = Date.now();
  #reason: string | undefined;
  #pauses = 0;
  #consecutivePauses = 0;
  /** Since when messages that could not be stored are held; undefined once a batch was stored. */
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
    this.#retryPublisher = new RetryPublisher({
      republisher: this.#republisher,
      signal: this.#abort.signal,
      onWaiting: (waits) => this.#logRetries(waits),
      ...(hooks.requeueAfterMs === undefined ? {} : { requeueAfterMs: hooks.requeueAfterMs }),
    });
    this.#pipeline = new Pipeline({
      config,
      store: this.#store,
      republisher: this.#republisher,
      retryPublisher: this.#retryPublisher,
      channel: () => this.#intake.channel,
      isStoring: () => this.#state === 'running' || this.#state === 'stopping',
      onAnnounced: events.onAnnounced,
      onProgress: (records) => {
        this.#consecutivePauses = 0;
        this.#heldSinceMs = undefined;
        events.onStored(records);
      },
      onDeadLetters: (letters) => events.onDeadLetters(letters.map(noticeOf)),
      onUnavailable: (reason) => this.#pause(reason),
      afterCommit: hooks.afterCommit,
      onStored: hooks.onStored,
    });
    this.#intake = new Intake(config, {
      // Newest first: a new service must not wait until the queues of hundreds of others are declared.
      services: () => [...this.#services].reverse(),
      status: this.#serverLog,
      notices: this.#notices,
      onMessage: (channel, queue, message) => this.#pipeline.receive(channel, queue, message),
      onLost: () => this.#discardUnacknowledged(),
      onConsuming: events.onConsuming,
      signal: this.#abort.signal,
    });
  }

  /** Connects to RabbitMQ. Does not consume yet. */
  connect(): void {
    this.#intake.connect();
    this.#republisher.open();
  }

  /** Starts consuming messages of these services. Requires the schema. */
  async begin(services: readonly string[]): Promise<void> {
    for (const service of services) this.#services.add(service);
    // A message that was redelivered often must be republished immediately: if this process crashed first, the
    // broker would count one more delivery.
    await Promise.race([this.#republisher.whenReady(), sleep(PUBLISHING_TIMEOUT_MS, this.#abort.signal)]);
    if (this.#abort.signal.aborted) return;
    this.#transition('running');
    this.#intake.begin();
  }

  /**
   * Consumes messages of one more service.
   *
   * @param rank queues with a higher rank are declared first.
   */
  add(service: string, rank: number): void {
    this.#services.add(service);
    this.#intake.add(service, rank);
  }

  /**
   * Stops storing until a probe succeeds. Messages stay unacknowledged, because each return counts against a delivery
   * limit.
   */
  async #pause(reason: string): Promise<void> {
    if (this.#state === 'stopping') return this.#requeueAll();
    this.#heldSinceMs ??= performance.now();
    if (this.#state !== 'running') return;
    this.#pauses++;
    this.#transition('paused', reason);
    this.#logStorage(reason);
    void this.#resumeAfterPause();
  }

  /** A failure here is a bug in Loghive. It must neither end the process nor leave the worker paused forever. */
  async #resumeAfterPause(): Promise<void> {
    while (this.#state === 'paused') {
      await this.#resume().catch((error) => internalLogger.error(`consumer: ${reasonOf(error)}`));
    }
  }

  /**
   * Stops consuming, finishes unacknowledged messages within 8 s, requeues the rest and closes everything. Never
   * rejects.
   */
  async stop(): Promise<void> {
    if (this.#state === 'stopping' || this.#state === 'stopped') return this.#stopped;
    const wasRunning = this.#state === 'running';
    this.#transition('stopping');
    this.#abort.abort();
    this.#stopped = this.#stop(wasRunning);
    return this.#stopped;
  }

  status(): WorkerStatus {
    const { notice } = this.#retryPublisher;
    return {
      state: this.#state,
      sinceMs: this.#sinceMs,
      ...(this.#reason === undefined ? {} : { reason: this.#reason }),
      broker: this.#intake.status(),
      publishing: this.#republisher.status(),
      queues: this.#intake.queues,
      inHand: this.#intake.channel?.unacknowledged ?? 0,
      counts: { ...this.#pipeline.counts.totals, pauses: this.#pauses },
      notices: notice === undefined ? this.#notices.all : [...this.#notices.all, notice],
    };
  }

  figures(): Figures {
    const { counts, writingSinceMs } = this.#pipeline;
    const { channel } = this.#intake;
    if (!channel || channel.isEnded) return { counts, unacknowledged: { ...NONE_UNACKNOWLEDGED, writingSinceMs } };
    return {
      counts,
      unacknowledged: { messages: channel.unacknowledged, queues: channel.unacknowledgedByQueue(), writingSinceMs },
    };
  }

  #transition(state: WorkerState, reason?: string): void {
    this.#state = state;
    this.#sinceMs = Date.now();
    this.#reason = reason;
    this.#events.onState(state);
  }

  #logRetries(waits: boolean): void {
    const { fault } = this.#republisher;
    if (waits) this.#serverLog.report('retries', `retries cannot be published${fault ? `: ${fault}` : ''}`);
    else if (!this.#abort.signal.aborted)
      this.#serverLog.report('retries', 'no retries are waiting to be published any more', 'info');
  }

  #logStorage(reason: string): void {
    this.#serverLog.report('storage', unavailable('storage is paused', reason));
  }

  async #resume(): Promise<void> {
    const { requeueAfterMs = REQUEUE_AFTER_MS } = this.#hooks;
    const heldMs = performance.now() - (this.#heldSinceMs ?? 0);
    const timer = setTimeout(() => void this.#requeueAll(), Math.max(0, requeueAfterMs - heldMs));
    // The probe may succeed although the same batch fails again. Then the pauses grow instead of following each other
    // directly.
    await sleep(backoffMs(++this.#consecutivePauses, RECONNECT), this.#abort.signal);
    await untilStorageWorks(
      () => this.#store.probe(),
      this.#abort.signal,
      (why) => {
        this.#reason = why;
        this.#logStorage(why);
      },
    ).finally(() => clearTimeout(timer));
    if (this.#state !== 'paused') return;
    this.#transition('running');
    this.#serverLog.report('storage', 'storage works again', 'info');
    this.#intake.begin();
    this.#pipeline.resume();
  }

  /** Requeues all unacknowledged messages once, and consumes nothing until storage works again. */
  async #requeueAll(): Promise<void> {
    this.#discardUnacknowledged();
    this.#heldSinceMs = undefined;
    await this.#intake.pause();
  }

  /** The broker redelivers these messages: their channel is closed or is about to be. */
  #discardUnacknowledged(): void {
    this.#pipeline.clear();
    this.#events.onAnnouncementsLost();
  }

  async #stop(wasRunning: boolean): Promise<void> {
    if (wasRunning) await within(STOP_MS, this.#finishUnacknowledged());
    this.#discardUnacknowledged();
    await Promise.all([this.#intake.close(), this.#republisher.close(), within(1000, this.#store.close())]);
    this.#transition('stopped');
  }

  async #finishUnacknowledged(): Promise<void> {
    await this.#intake.drain();
    await this.#pipeline.finish();
  }
}

function noticeOf({ queue, service, level, code, reason }: DeadLetter): DeadLetterNotice {
  return { queue, service, level, code, reason };
}
