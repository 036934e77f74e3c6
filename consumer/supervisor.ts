/**
 * A consumer as a whole: brings the schema up to date, finds services, and keeps workers running that take and store.
 *
 *             start()            the schema is there
 *   created ─────────▶ preparing ──────────────────▶ running
 *      │                   │                            │
 *      └───────────────────┴────────── stop() ──────────┴──▶ stopping ──▶ stopped
 *
 * What happens to messages is the business of the workers, see `worker.ts`; `pool.ts` starts and replaces them.
 */
import { EventEmitter, setMaxListeners } from 'node:events';
import { emitSafely } from '../src/emit-safely.js';
import { LoghiveError } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import type { MetricRegistry } from '../src/metrics/metric.js';
import { StatusLog } from '../src/status-log.js';
import { within } from '../src/time/time-limit.js';
import type { Alerts, AlertsTestHooks } from './alerts/alerts.js';
import type { ConsumerConfig } from './config.js';
import { consumerStatus } from './consumer-status.js';
import { DeadLetterLog } from './dead-letter-log.js';
import { Discovery } from './discovery.js';
import type { ConsumerEvents, ConsumerHooks } from './events.js';
import { Liveness, type LivenessFaults } from './liveness.js';
import { Maintenance } from './maintenance.js';
import { Monitoring } from './monitoring.js';
import { createOwnAlerts } from './own-alerts.js';
import { PendingLists } from './pending-lists.js';
import { WorkerPool } from './pool.js';
import { unavailable, untilStorageWorks } from './retry.js';
import { type StartOptions, startOptions } from './start-options.js';
import { type ConsumerState, type ConsumerStatus, stateOfWorkers, type WorkerState, worst } from './status.js';
import { StorageWatch } from './storage-watch.js';
import { openIndexBuilds, openMaintenance, openPendingListCleaner, openStore, type Store } from './store/index.js';
import type { WorkerEvents } from './worker.js';

/** How often an idle consumer asks whether the database takes records, in milliseconds. */
const PROBE_EVERY_MS = 10_000;

export class Supervisor extends EventEmitter<ConsumerEvents> {
  readonly #store: Store;
  readonly #discovery: Discovery;
  readonly #pool: WorkerPool;
  readonly #maintenance: Maintenance;
  readonly #pendingLists: PendingLists;
  readonly #storage: StorageWatch;
  readonly #monitoring: Monitoring;
  readonly #liveness = new Liveness();
  readonly #ttlMs: number;
  readonly #alerts: Alerts | undefined;
  /** What is so of the servers now: each change is logged, not each attempt. */
  readonly #serverLog = new StatusLog((sentence, level) => internalLogger[level](sentence));
  /** What a person should know, for as long as it holds. */
  readonly #notices = new StatusLog((sentence) => internalLogger.warning(sentence));
  readonly #deadLetterLog: DeadLetterLog;
  readonly #abort = new AbortController();
  #state: Exclude<ConsumerState, 'paused'> = 'created';
  /** What listeners were told last. */
  #told: ConsumerState = 'created';
  #sinceMs = Date.now();
  #reason: string | undefined;
  #isSchemaReady = false;
  #hasStarted = false;
  #stopped: Promise<void> = Promise.resolve();
  #resolveStarted: () => void = () => {};
  readonly #started = new Promise<void>((resolve) => {
    this.#resolveStarted = resolve;
  });

  /** @param registry the user's own, for the metrics. */
  constructor(config: ConsumerConfig, hooks?: ConsumerHooks, registry?: MetricRegistry, alertsSeams?: AlertsTestHooks) {
    super();
    this.#ttlMs = config.queues.messageTtlMs;
    setMaxListeners(0, this.#abort.signal);
    const notice = (text: string, level: 'info' | 'warning') => internalLogger[level](text);
    const storeConfig = { ...config.store, notice };
    this.#store = openStore(storeConfig);
    this.#maintenance = new Maintenance({
      store: openMaintenance(storeConfig, config.retention),
      indexes: openIndexBuilds(storeConfig),
    });
    this.#pendingLists = new PendingLists({ store: openPendingListCleaner(storeConfig) });
    this.#deadLetterLog = new DeadLetterLog(config.store.schema, (sentence) => internalLogger.warning(sentence));
    this.#discovery = new Discovery({
      services: config.services,
      maxServices: config.maxServices,
      store: this.#store,
      notices: this.#notices,
      onFound: (service, rank) => this.#pool.add(service, rank),
      signal: this.#abort.signal,
    });
    this.#pool = new WorkerPool({
      config,
      hooks,
      events: (id) => this.#eventsOf(id),
      notices: this.#notices,
      signal: this.#abort.signal,
    });
    this.#storage = new StorageWatch({
      store: this.#store,
      everyMs: hooks?.probeEveryMs ?? PROBE_EVERY_MS,
      pausedOver: () => this.#paused?.reason,
      writingSinceMs: () => this.#pool.figures().inHand.writingSinceMs,
      log: this.#serverLog,
      notices: this.#notices,
      signal: this.#abort.signal,
    });
    this.#monitoring = new Monitoring({
      config,
      registry,
      status: () => this.status(),
      figures: () => this.#pool.figures(),
      services: () => this.#discovery.services,
      faults: () => this.#livenessFaults(),
      signal: this.#abort.signal,
    });
    this.#alerts = createOwnAlerts({ config, notices: this.#notices, status: () => this.status(), seams: alertsSeams });
  }

  /**
   * Brings the schema up to date, connects and begins to take messages. Resolves when it does; until the servers are
   * there it goes on trying. Aborting the signal stops the consumer, and `start()` rejects with its reason.
   *
   * @throws what `LoghiveConsumer.start` throws, see `index.ts`.
   */
  async start(options?: StartOptions): Promise<void> {
    const { signal } = startOptions('consumer.start', options);
    if (this.#state !== 'created')
      throw new LoghiveError('LOGHIVE_CLOSED', `the consumer is ${this.#state}; create a new one`);
    const stop = () => void this.stop();
    signal?.addEventListener('abort', stop);
    // A signal may live as long as the program; it must not keep a consumer that has stopped.
    this.#abort.signal.addEventListener('abort', () => signal?.removeEventListener('abort', stop));
    if (!signal?.aborted) {
      await this.#start().catch((error) => {
        if (!signal?.aborted) throw error;
      });
    }
    if (!signal?.aborted) return;
    await this.stop();
    throw signal.reason;
  }

  async #start(): Promise<void> {
    this.#transition('preparing');
    this.#liveness.start();
    try {
      await this.#monitoring.start();
      if (this.#abort.signal.aborted) return;
      this.#pool.connect();
      this.#alerts?.start();
      await this.#untilStorageWorks(() => this.#store.migrate());
      this.#isSchemaReady = !this.#abort.signal.aborted;
      await this.#untilStorageWorks(() => this.#discovery.begin());
    } catch (error) {
      await this.stop();
      throw error;
    }
    if (this.#abort.signal.aborted) return;
    this.#transition('running');
    this.#pool.begin(this.#discovery.services);
    this.#maintenance.start();
    this.#pendingLists.start();
    void this.#discovery.watch(() => this.#isRunning);
    void this.#storage.watch();
    await this.#started;
    this.#hasStarted = !this.#abort.signal.aborted;
  }

  /** Takes nothing more, finishes what is in hand within 8 s, gives back the rest, closes everything. Never rejects. */
  async stop(): Promise<void> {
    if (this.#state === 'stopping' || this.#state === 'stopped') return this.#stopped;
    this.#transition('stopping');
    this.#abort.abort();
    this.#resolveStarted();
    this.#stopped = this.#stop();
    return this.#stopped;
  }

  status(): ConsumerStatus {
    const workers = this.#pool.statuses();
    const state = this.#stateOf(workers);
    const notices = [...new Set([...this.#notices.all, ...workers.flatMap((worker) => worker.notices)])];
    const paused = state === 'paused' ? this.#paused : undefined;
    const parts = {
      state,
      sinceMs: paused?.sinceMs ?? this.#sinceMs,
      reason: paused ? paused.reason : this.#reason,
      hasStarted: this.#hasStarted,
      httpPort: this.#monitoring.httpPort,
      services: this.#discovery.services,
      broker: worst(workers.map(({ broker }) => broker))!,
      publishing: worst(workers.map(({ publishing }) => publishing))!,
      storageFault: paused ? paused.reason : this.#storage.fault,
      isSchemaReady: this.#isSchemaReady,
      inHand: this.#pool.figures().inHand,
      queues: this.#monitoring.queues,
      queueMessageTtlMs: this.#ttlMs,
      rates: { storedPerSecond: this.#monitoring.storedPerSecond },
      counts: this.#pool.counts(),
      maintenance: this.#maintenance.counts,
      notices,
      workers,
    };
    return consumerStatus(parts, Date.now());
  }

  /** Why this process cannot go on by itself, in words: it is to be restarted then. Each undefined: it can. */
  #livenessFaults(): LivenessFaults {
    return { ...this.#liveness.faults(performance.now()), workers: this.#pool.fault };
  }

  get isAlive(): boolean {
    return Object.values(this.#livenessFaults()).every((fault) => fault === undefined);
  }

  get #isRunning(): boolean {
    return this.#stateOf(this.#pool.statuses()) === 'running';
  }

  /** A worker that waits for PostgreSQL: the others may not have noticed yet. */
  get #paused(): ConsumerStatus['workers'][number] | undefined {
    return this.#pool.statuses().find(({ state }) => state === 'paused');
  }

  #workerChanged(state: WorkerState): void {
    const reason = this.#paused?.reason;
    if (state === 'paused' && reason !== undefined) this.#storage.paused(reason);
    if (state === 'running' && reason === undefined) this.#storage.resumed();
    this.#tellState();
  }

  /** @internal for the project's own tests: ends a worker thread where it stands. */
  killWorker(id: number): Promise<void> {
    return this.#pool.kill(id);
  }

  #stateOf(workers: ConsumerStatus['workers']): ConsumerState {
    return this.#state === 'running' ? stateOfWorkers(workers) : this.#state;
  }

  #transition(state: Exclude<ConsumerState, 'paused'>): void {
    this.#state = state;
    this.#sinceMs = Date.now();
    this.#reason = undefined;
    this.#tellState();
  }

  #tellState(): void {
    const state = this.#stateOf(this.#pool.statuses());
    if (state === this.#told) return;
    this.#told = state;
    emitSafely(this, 'state', state);
  }

  #eventsOf(id: number): WorkerEvents {
    return {
      onState: (state) => this.#workerChanged(state),
      onTaking: () => this.#resolveStarted(),
      onAnnounced: (service, acknowledge) => this.#discovery.announcements.add(service, acknowledge, id),
      onAnnouncementsLost: () => this.#discovery.announcements.clear(id),
      onDeadLetters: (letters) => {
        this.#deadLetterLog.add(letters);
        for (const letter of letters) emitSafely(this, 'deadLetter', letter);
      },
      onStored: (records) => {
        this.#storage.worked();
        this.#pendingLists.stored(records);
        emitSafely(this, 'stored', records);
      },
    };
  }

  async #untilStorageWorks(attempt: () => Promise<unknown>): Promise<void> {
    await untilStorageWorks(attempt, this.#abort.signal, (reason) => {
      this.#reason = reason;
      this.#storage.failed(reason);
      this.#serverLog.report('storage', unavailable('storage does not work yet', reason));
    });
    if (!this.#abort.signal.aborted) this.#storage.worked();
    if (!this.#abort.signal.aborted && this.#reason !== undefined) {
      this.#reason = undefined;
      this.#serverLog.report('storage', 'storage works now', 'info');
    }
  }

  async #stop(): Promise<void> {
    await this.#pool.stop();
    this.#deadLetterLog.end();
    this.#liveness.stop();
    await Promise.all([
      within(1000, Promise.all([this.#maintenance.stop(), this.#pendingLists.stop(), this.#store.close()])),
      this.#alerts?.stop(),
    ]);
    // The last one: until here it says that the consumer stops.
    await this.#monitoring.close();
    this.#transition('stopped');
  }
}
