/**
 * A consumer: migrates the schema, discovers services, and keeps its workers running.
 *
 *             start()            schema is up to date
 *   created ─────────▶ preparing ──────────────────▶ running
 *      │                   │                            │
 *      └───────────────────┴────────── stop() ──────────┴──▶ stopping ──▶ stopped
 *
 * The workers process the messages, see `worker.ts`; `pool.ts` starts and replaces them.
 */
import { EventEmitter, setMaxListeners } from 'node:events';
import { emitSafely } from '../src/emit-safely.js';
import { LoghiveError } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import type { MetricRegistry } from '../src/metrics/metric.js';
import { StatusLog } from '../src/status-log.js';
import { within } from '../src/time/time-limit.js';
import type { Alerts, AlertsTestHooks } from './alerts/alerts.js';
import { consumerStatus, stateOfWorkers, worstConnection } from './build-status.js';
import { type ConsumerConfig, type StartOptions, startOptions } from './config.js';
import { createConsumerAlerts } from './consumer-alerts.js';
import type { ConsumerEvents, ConsumerHooks } from './consumer-events.js';
import { DeadLetterLog } from './dead-letter-log.js';
import { Discovery } from './discovery.js';
import { Liveness, type LivenessFaults } from './liveness.js';
import { Maintenance } from './maintenance.js';
import { Monitoring } from './monitoring.js';
import { PendingListCleanup } from './pending-list-cleanup.js';
import { WorkerPool } from './pool.js';
import { unavailable, untilStorageWorks } from './retry.js';
import type { ConsumerState, ConsumerStatus, WorkerState } from './status.js';
import { StorageWatch } from './storage-watch.js';
import { openIndexBuilds, openMaintenance, openPendingListCleaner, openStore, type Store } from './store/index.js';
import type { WorkerEvents } from './worker.js';

/** How often an idle consumer probes the database, in milliseconds. */
const PROBE_EVERY_MS = 10_000;

export class Supervisor extends EventEmitter<ConsumerEvents> {
  readonly #store: Store;
  readonly #discovery: Discovery;
  readonly #pool: WorkerPool;
  readonly #maintenance: Maintenance;
  readonly #pendingListCleanup: PendingListCleanup;
  readonly #storage: StorageWatch;
  readonly #monitoring: Monitoring;
  readonly #liveness = new Liveness();
  readonly #ttlMs: number;
  readonly #alerts: Alerts | undefined;
  /** Server conditions: each change is logged, not each attempt. */
  readonly #serverLog = new StatusLog((sentence, level) => internalLogger[level](sentence));
  /** Conditions that need attention, reported while they last. */
  readonly #notices = new StatusLog((sentence) => internalLogger.warning(sentence));
  readonly #deadLetterLog: DeadLetterLog;
  readonly #abort = new AbortController();
  #state: Exclude<ConsumerState, 'paused'> = 'created';
  /** The state that was emitted last. */
  #emittedState: ConsumerState = 'created';
  #sinceMs = Date.now();
  #reason: string | undefined;
  #isSchemaReady = false;
  #hasStarted = false;
  #stopped: Promise<void> = Promise.resolve();
  #resolveStarted: () => void = () => {};
  readonly #started = new Promise<void>((resolve) => {
    this.#resolveStarted = resolve;
  });

  /** @param registry the application's own registry for the metrics. */
  constructor(config: ConsumerConfig, hooks?: ConsumerHooks, registry?: MetricRegistry, alertsHooks?: AlertsTestHooks) {
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
    this.#pendingListCleanup = new PendingListCleanup({ store: openPendingListCleaner(storeConfig) });
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
      pauseReason: () => this.#paused?.reason,
      writingSinceMs: () => this.#pool.figures().unacknowledged.writingSinceMs,
      log: this.#serverLog,
      notices: this.#notices,
      signal: this.#abort.signal,
    });
    const status = () => this.status();
    this.#monitoring = new Monitoring({
      config,
      registry,
      status,
      figures: () => this.#pool.figures(),
      services: () => this.#discovery.services,
      faults: () => this.#livenessFaults(),
      signal: this.#abort.signal,
    });
    this.#alerts = createConsumerAlerts({ config, notices: this.#notices, status, hooks: alertsHooks });
  }

  /**
   * Migrates the schema, connects and starts consuming. Resolves when messages are being consumed; retries until the
   * servers are reachable. Aborting the signal stops the consumer, and `start()` rejects with the signal's reason.
   *
   * @throws the errors of `LoghiveConsumer.start`, see `index.ts`.
   */
  async start(options?: StartOptions): Promise<void> {
    const { signal } = startOptions('consumer.start', options);
    if (this.#state !== 'created')
      throw new LoghiveError('LOGHIVE_CLOSED', `the consumer is ${this.#state}; create a new one`);
    const stop = () => void this.stop();
    signal?.addEventListener('abort', stop);
    // A signal may outlive the consumer and must not keep a stopped one in memory.
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
    this.#pendingListCleanup.start();
    void this.#discovery.watch(() => this.#isRunning);
    void this.#storage.watch();
    await this.#started;
    this.#hasStarted = !this.#abort.signal.aborted;
  }

  /**
   * Stops consuming, finishes unacknowledged messages within 8 s, requeues the rest and closes everything. Never
   * rejects.
   */
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
    const paused = state === 'paused' ? this.#paused : undefined;
    const parts = {
      state,
      sinceMs: paused?.sinceMs ?? this.#sinceMs,
      reason: paused ? paused.reason : this.#reason,
      hasStarted: this.#hasStarted,
      httpPort: this.#monitoring.httpPort,
      services: this.#discovery.services,
      broker: worstConnection(workers.map(({ broker }) => broker))!,
      publishing: worstConnection(workers.map(({ publishing }) => publishing))!,
      storageFault: paused ? paused.reason : this.#storage.fault,
      isSchemaReady: this.#isSchemaReady,
      unacknowledged: this.#pool.figures().unacknowledged,
      queues: this.#monitoring.queues,
      queueMessageTtlMs: this.#ttlMs,
      rates: { storedPerSecond: this.#monitoring.storedPerSecond },
      counts: this.#pool.counts(),
      maintenance: this.#maintenance.counts,
      notices: [...new Set([...this.#notices.all, ...workers.flatMap((worker) => worker.notices)])],
      workers,
    };
    return consumerStatus(parts, Date.now());
  }

  /** Why this process cannot recover without a restart. Undefined: it can. */
  #livenessFaults(): LivenessFaults {
    return { ...this.#liveness.faults(performance.now()), workers: this.#pool.fault };
  }

  get isAlive(): boolean {
    return Object.values(this.#livenessFaults()).every((fault) => fault === undefined);
  }

  get #isRunning(): boolean {
    return this.#stateOf(this.#pool.statuses()) === 'running';
  }

  /** A worker that waits for PostgreSQL. The others may not have noticed yet. */
  get #paused(): ConsumerStatus['workers'][number] | undefined {
    return this.#pool.statuses().find(({ state }) => state === 'paused');
  }

  #workerChanged(state: WorkerState): void {
    const reason = this.#paused?.reason;
    if (state === 'paused' && reason !== undefined) this.#storage.paused(reason);
    if (state === 'running' && reason === undefined) this.#storage.resumed();
    this.#emitState();
  }

  /** @internal for the project's own tests: terminates a worker thread abruptly. */
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
    this.#emitState();
  }

  #emitState(): void {
    const state = this.#stateOf(this.#pool.statuses());
    if (state === this.#emittedState) return;
    this.#emittedState = state;
    emitSafely(this, 'state', state);
  }

  #eventsOf(id: number): WorkerEvents {
    return {
      onState: (state) => this.#workerChanged(state),
      onConsuming: () => this.#resolveStarted(),
      onAnnounced: (service, acknowledge) => this.#discovery.registrar.add(service, acknowledge, id),
      onAnnouncementsLost: () => this.#discovery.registrar.clear(id),
      onDeadLetters: (letters) => {
        this.#deadLetterLog.add(letters);
        for (const letter of letters) emitSafely(this, 'deadLetter', letter);
      },
      onStored: (records) => {
        this.#storage.worked();
        this.#pendingListCleanup.stored(records);
        emitSafely(this, 'stored', records);
      },
    };
  }

  async #untilStorageWorks(attempt: () => Promise<unknown>): Promise<void> {
    await untilStorageWorks(attempt, this.#abort.signal, (reason) => {
      this.#reason = reason;
      this.#storage.failed(reason);
      this.#serverLog.report('storage', unavailable('storage is not available yet', reason));
    });
    if (this.#abort.signal.aborted) return;
    this.#storage.worked();
    if (this.#reason !== undefined) this.#serverLog.report('storage', 'storage works now', 'info');
    this.#reason = undefined;
  }

  async #stop(): Promise<void> {
    await this.#pool.stop();
    this.#deadLetterLog.end();
    this.#liveness.stop();
    await Promise.all([
      within(1000, Promise.all([this.#maintenance.stop(), this.#pendingListCleanup.stop(), this.#store.close()])),
      this.#alerts?.stop(),
    ]);
    // Closed last, so that it reports the shutdown until the end.
    await this.#monitoring.close();
    this.#transition('stopped');
  }
}
