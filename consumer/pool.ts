/**
 * The workers of one process: threads, or a single worker in the main thread. A thread that dies or hangs is replaced.
 * The broker redelivers its unacknowledged messages to any worker.
 */
import { type BackoffPolicy, backoffMs } from '../src/backoff.js';
import { reasonOf } from '../src/errors.js';
import { internalLogger, type LogEntry } from '../src/internal-logger.js';
import { ServiceLabels } from '../src/metrics/service-labels.js';
import type { StatusLog } from '../src/status-log.js';
import { sleep } from '../src/time/time-limit.js';
import type { ConsumerConfig } from './config.js';
import type { ConsumerHooks } from './consumer-events.js';
import { addCounts, addUnacknowledged, type Figures, noFigures } from './metrics/snapshot.js';
import { addTotals, type MutableCounts, type NumberedWorkerStatus, noCounts, noWorkerStatus } from './status.js';
import { WorkerThread, workerFile } from './thread.js';
import { ConsumerWorker, type WorkerEvents } from './worker.js';

/** Delay before a dead thread is replaced. */
const RESTART: BackoffPolicy = { firstMs: 1000, maxMs: 30_000 };
/** If a thread ran at least this long, its death is not counted with earlier ones, in milliseconds. */
const LONG_LIVED_MS = 60_000;
/** Consecutive deaths after which a worker is reported. */
const REPORTED_DEATHS = 3;
/** Interval between checks for signs of life, in milliseconds. */
const CHECK_EVERY_MS = 5000;
/**
 * A thread that was silent for this many consecutive checks hangs: one minute. Counted in checks, not by the clock,
 * because a suspended process or machine makes no checks.
 */
const MAX_SILENT_CHECKS = 12;
/** After this many checks without any live thread, replacing threads does not help: two minutes. */
const MAX_LIFELESS_CHECKS = 24;
const MIB = 1024 * 1024;

/** A worker, in a thread or in the main thread. */
type Runner = Pick<WorkerThread | ConsumerWorker, 'connect' | 'begin' | 'add' | 'stop' | 'status' | 'figures'>;

export interface PoolOptions {
  readonly config: ConsumerConfig;
  readonly hooks?: ConsumerHooks | undefined;
  readonly events: (id: number) => WorkerEvents;
  /** Conditions that need attention, reported while they last. */
  readonly notices: StatusLog;
  /** Aborts all waiting. */
  readonly signal: AbortSignal;
}

interface Slot {
  readonly id: number;
  runner: Runner | undefined;
  thread: WorkerThread | undefined;
  startedAtMs: number;
  consecutiveDeaths: number;
  restarts: number;
}

export class WorkerPool {
  readonly #options: PoolOptions;
  readonly #file: string | undefined;
  readonly #slots: Slot[];
  /** Counts of threads that have died. */
  readonly #past: MutableCounts = noCounts();
  #pastFigures: Figures = noFigures();
  readonly #labels: ServiceLabels;
  readonly #lines = new LogDeduplicator();
  readonly #checkEveryMs: number;
  #services: Map<string, number> | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Consecutive checks that found no live thread. */
  #lifelessChecks = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#labels = new ServiceLabels(options.config.maxServices);
    this.#checkEveryMs = options.hooks?.checkEveryMs ?? CHECK_EVERY_MS;
    const wanted = needsMainThread(options.hooks) ? 0 : options.config.workers;
    this.#file = wanted > 0 ? workerFile() : undefined;
    if (wanted > 0 && this.#file === undefined) {
      internalLogger.info(
        'worker-thread.js was not found, so the consumer runs in the main thread. Exclude loghive from the bundle (external), or set CONSUMER_WORKERS to 0.',
      );
    }
    const count = this.#file === undefined ? 1 : wanted;
    this.#slots = Array.from({ length: count }, (_, at) => ({
      id: at + 1,
      runner: undefined,
      thread: undefined,
      startedAtMs: 0,
      consecutiveDeaths: 0,
      restarts: 0,
    }));
  }

  /** Starts the workers. They connect, but do not consume yet. */
  connect(): void {
    for (const slot of this.#slots) this.#start(slot);
    if (this.#file === undefined) return;
    this.#timer = setInterval(() => this.#terminateHanging(), this.#checkEveryMs).unref();
  }

  /** Starts consuming messages of these services. */
  begin(services: readonly string[]): void {
    this.#services = new Map(services.map((service) => [service, 0]));
    for (const { runner } of this.#slots) void runner?.begin(services);
  }

  add(service: string, rank: number): void {
    this.#services?.set(service, rank);
    for (const { runner } of this.#slots) runner?.add(service, rank);
  }

  /** Ends a thread as if it had crashed. For tests. */
  async kill(id: number): Promise<void> {
    await this.#slots.find((slot) => slot.id === id)?.thread?.kill('a test terminated it');
  }

  /** Never rejects. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#slots.map(({ runner }) => runner?.stop()));
  }

  statuses(): NumberedWorkerStatus[] {
    return this.#slots.map(({ id, restarts, runner }) => ({ id, restarts, ...(runner?.status() ?? noWorkerStatus()) }));
  }

  /** Why no worker can recover without a restart. */
  get fault(): string | undefined {
    if (this.#lifelessChecks < MAX_LIFELESS_CHECKS) return undefined;
    return `no worker thread has responded for ${(this.#lifelessChecks * this.#checkEveryMs) / 1000} s, nor have the threads started to replace them`;
  }

  /** Totals of all workers ever started. */
  counts(): MutableCounts {
    const sum = addTotals(noCounts(), this.#past);
    for (const { runner } of this.#slots) if (runner) addTotals(sum, runner.status().counts);
    return sum;
  }

  /** Counts of all workers ever started, and unacknowledged messages of those that run. */
  figures(): Figures {
    return this.#slots.reduce((sum, { runner }) => {
      if (!runner) return sum;
      const { counts, unacknowledged } = runner.figures();
      return {
        counts: addCounts(sum.counts, counts, this.#labels),
        unacknowledged: addUnacknowledged(sum.unacknowledged, unacknowledged),
      };
    }, this.#pastFigures);
  }

  #start(slot: Slot): void {
    const { config, hooks, events } = this.#options;
    slot.startedAtMs = performance.now();
    if (this.#file === undefined) {
      slot.runner = new ConsumerWorker(config, events(slot.id), hooks);
    } else {
      slot.thread = new WorkerThread(this.#file, shareOf(config, this.#slots.length), `loghive worker ${slot.id}`, {
        ...events(slot.id),
        onLog: (entry) => this.#log(slot, entry),
        onDied: (reason) => void this.#replace(slot, reason),
      });
      slot.runner = slot.thread;
    }
    slot.runner.connect();
    if (this.#services) void slot.runner.begin([...this.#services.keys()]);
  }

  /** Logs a condition that affects all workers, such as an unreachable broker, once and not once per worker. */
  #log({ id }: Slot, { level, message }: LogEntry): void {
    if (this.#lines.isDuplicate(id, message, performance.now())) return;
    internalLogger[LOG_METHODS[level]](message);
  }

  async #replace(slot: Slot, reason: string): Promise<void> {
    const { events, notices, signal } = this.#options;
    // A thread that hung was not alive during that time.
    const lastHeardMs = slot.thread?.lastHeardMs ?? slot.startedAtMs;
    if (slot.runner) {
      addTotals(this.#past, slot.runner.status().counts);
      const { counts } = slot.runner.figures();
      this.#pastFigures = { ...noFigures(), counts: addCounts(this.#pastFigures.counts, counts, this.#labels) };
    }
    slot.runner = undefined;
    slot.thread = undefined;
    events(slot.id).onAnnouncementsLost();
    if (signal.aborted) return;
    const lived = lastHeardMs - slot.startedAtMs;
    slot.consecutiveDeaths = lived < LONG_LIVED_MS ? slot.consecutiveDeaths + 1 : 1;
    const again = 'The broker redelivers its unacknowledged messages, and a new worker replaces it.';
    internalLogger.error(`worker ${slot.id} died: ${reason}. ${again}`);
    if (slot.consecutiveDeaths >= REPORTED_DEATHS) {
      notices.report(
        `worker ${slot.id}`,
        `worker ${slot.id} has died ${slot.consecutiveDeaths} times in a row, most recently because: ${reason}`,
      );
    }
    await sleep(backoffMs(slot.consecutiveDeaths, RESTART), signal);
    if (signal.aborted) return;
    slot.restarts++;
    try {
      this.#start(slot);
    } catch (error) {
      // No thread can be started, for lack of memory or processes. The other workers continue.
      slot.thread = undefined;
      slot.runner = undefined;
      void this.#replace(slot, `it could not be started: ${reasonOf(error)}`);
    }
  }

  #terminateHanging(): void {
    let isAnyAlive = false;
    for (const slot of this.#slots) {
      const { id, thread } = slot;
      if (thread === undefined) continue;
      const silence = thread.silence();
      if (silence === 0) isAnyAlive = true;
      if (thread.lastHeardMs - slot.startedAtMs >= LONG_LIVED_MS) {
        slot.consecutiveDeaths = 0;
        this.#options.notices.report(`worker ${id}`, undefined);
      }
      // Its reported number of messages does not matter: it may have received the message it hangs on after its last
      // report.
      if (silence < MAX_SILENT_CHECKS) continue;
      const seconds = (MAX_SILENT_CHECKS * this.#checkEveryMs) / 1000;
      void thread.kill(`it did not respond for ${seconds} s`);
    }
    this.#lifelessChecks = isAnyAlive ? 0 : this.#lifelessChecks + 1;
  }
}

const LOG_METHODS = { DEBUG: 'debug', INFO: 'info', WARNING: 'warning', ERROR: 'error', CRITICAL: 'error' } as const;

/** Whether the worker must run in the main thread, because it calls these hooks. */
function needsMainThread({ afterCommit, onStored, requeueAfterMs }: ConsumerHooks = {}): boolean {
  return afterCommit !== undefined || onStored !== undefined || requeueAfterMs !== undefined;
}

/** The byte limits apply to the process, so each worker gets a share. */
function shareOf(config: ConsumerConfig, workers: number): ConsumerConfig {
  const share = (bytes: number, min: number) => Math.max(Math.min(bytes, min), Math.floor(bytes / workers));
  return { ...config, prefetchBytes: share(config.prefetchBytes, 4 * MIB), batchBytes: share(config.batchBytes, MIB) };
}

/** How long a line that one worker has logged is not logged for the others, in milliseconds. */
const SAME_MS = 60_000;
/** Maximum number of remembered lines. A forgotten line is only logged again. */
const MAX_LINES = 500;

/** Finds log lines that another worker has just logged. Pure. */
export class LogDeduplicator {
  /** When each line was logged, and the workers that have reported it since. Newest last. */
  readonly #lines = new Map<string, { readonly workers: Set<number>; readonly atMs: number }>();

  isDuplicate(worker: number, line: string, nowMs: number): boolean {
    const before = this.#lines.get(line);
    // If a worker reports it a second time, it has happened again.
    if (before && !before.workers.has(worker) && nowMs - before.atMs < SAME_MS) {
      before.workers.add(worker);
      return true;
    }
    this.#lines.delete(line);
    this.#lines.set(line, { workers: new Set([worker]), atMs: nowMs });
    if (this.#lines.size > MAX_LINES) this.#lines.delete(this.#lines.keys().next().value!);
    return false;
  }
}
