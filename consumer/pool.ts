/**
 * The workers of one process: threads, or a single worker in the main thread. A thread that dies is replaced, and so is one
 * that hangs; what it held comes again from the broker, to whichever worker takes it.
 */
import { type BackoffPolicy, backoffMs } from '../src/backoff.js';
import { reasonOf } from '../src/errors.js';
import { internalLogger, type LogEntry } from '../src/internal-logger.js';
import { ServiceLabels } from '../src/metrics/service-labels.js';
import type { StatusLog } from '../src/status-log.js';
import { sleep } from '../src/time/time-limit.js';
import type { ConsumerConfig } from './config.js';
import { type MutableCounts, noCounts } from './consumer-counts.js';
import type { ConsumerHooks } from './events.js';
import { addCounts, addInHand, type Figures, noFigures } from './metrics/snapshot.js';
import { RepeatedLines } from './repeated-lines.js';
import { addTotals, type NumberedWorkerStatus, noWorkerStatus } from './status.js';
import { WorkerThread, workerFile } from './thread.js';
import { ConsumerWorker, type WorkerEvents } from './worker.js';

/** Before a thread that died is replaced. */
const RESTART: BackoffPolicy = { firstMs: 1000, maxMs: 30_000 };
/** One that lived as long died for a new reason, in milliseconds. */
const LONG_LIVED_MS = 60_000;
/** So many deaths in a row are no accident. */
const KEEPS_DYING = 3;
/** How often it is looked whether a thread still tells of itself, in milliseconds. */
const LOOK_EVERY_MS = 5000;
/**
 * A thread that was silent for so many looks in a row hangs: a minute. Looks, and no clock, because a process that was
 * stopped, or a machine that slept, has not looked meanwhile.
 */
const SILENT_LOOKS = 12;
/** After so many looks that found no thread alive, replacing them does not help: two minutes. */
const LIFELESS_LOOKS = 24;
const MIB = 1024 * 1024;

/** Of a worker, whichever way it runs. */
type Runner = Pick<WorkerThread | ConsumerWorker, 'connect' | 'begin' | 'add' | 'stop' | 'status' | 'figures'>;

export interface PoolOptions {
  readonly config: ConsumerConfig;
  readonly hooks?: ConsumerHooks | undefined;
  readonly events: (id: number) => WorkerEvents;
  /** What a person should know, for as long as it holds. */
  readonly notices: StatusLog;
  /** Ends all waiting. */
  readonly signal: AbortSignal;
}

interface Slot {
  readonly id: number;
  runner: Runner | undefined;
  thread: WorkerThread | undefined;
  startedAtMs: number;
  deathsInARow: number;
  restarts: number;
}

export class WorkerPool {
  readonly #options: PoolOptions;
  readonly #file: string | undefined;
  readonly #slots: Slot[];
  /** Of threads that have died. */
  readonly #past: MutableCounts = noCounts();
  #pastFigures: Figures = noFigures();
  readonly #labels: ServiceLabels;
  readonly #lines = new RepeatedLines();
  readonly #lookEveryMs: number;
  #services: Map<string, number> | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Looks in a row that found no thread alive. */
  #lifelessLooks = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#labels = new ServiceLabels(options.config.maxServices);
    this.#lookEveryMs = options.hooks?.lookEveryMs ?? LOOK_EVERY_MS;
    const wanted = isWatchedFromHere(options.hooks) ? 0 : options.config.workers;
    this.#file = wanted > 0 ? workerFile() : undefined;
    if (wanted > 0 && this.#file === undefined) {
      internalLogger.info(
        'worker-thread.js is not there, so the consumer works in the main thread. Leave loghive out of the bundle (external), or set CONSUMER_WORKERS to 0.',
      );
    }
    const count = this.#file === undefined ? 1 : wanted;
    this.#slots = Array.from({ length: count }, (_, at) => ({
      id: at + 1,
      runner: undefined,
      thread: undefined,
      startedAtMs: 0,
      deathsInARow: 0,
      restarts: 0,
    }));
  }

  /** Starts the workers: they connect, and take nothing yet. */
  connect(): void {
    for (const slot of this.#slots) this.#start(slot);
    if (this.#file === undefined) return;
    this.#timer = setInterval(() => this.#endHanging(), this.#lookEveryMs).unref();
  }

  /** Takes messages of these services from now on. */
  begin(services: readonly string[]): void {
    this.#services = new Map(services.map((service) => [service, 0]));
    for (const { runner } of this.#slots) void runner?.begin(services);
  }

  add(service: string, rank: number): void {
    this.#services?.set(service, rank);
    for (const { runner } of this.#slots) runner?.add(service, rank);
  }

  /** As if it had crashed: for tests. */
  async kill(id: number): Promise<void> {
    await this.#slots.find((slot) => slot.id === id)?.thread?.kill('it was ended by a test');
  }

  /** Never rejects. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#slots.map(({ runner }) => runner?.stop()));
  }

  statuses(): NumberedWorkerStatus[] {
    return this.#slots.map(({ id, restarts, runner }) => ({ id, restarts, ...(runner?.status() ?? noWorkerStatus()) }));
  }

  /** Why no worker comes to life again by itself, in words. */
  get fault(): string | undefined {
    if (this.#lifelessLooks < LIFELESS_LOOKS) return undefined;
    return `no worker thread has given a sign of life for ${(this.#lifelessLooks * this.#lookEveryMs) / 1000} s, and those that are started instead do not either`;
  }

  /** Of all that were ever started. */
  counts(): MutableCounts {
    const sum = addTotals(noCounts(), this.#past);
    for (const { runner } of this.#slots) if (runner) addTotals(sum, runner.status().counts);
    return sum;
  }

  /** The counts of all that were ever started, and what those hold that run. */
  figures(): Figures {
    return this.#slots.reduce((sum, { runner }) => {
      if (!runner) return sum;
      const { counts, inHand } = runner.figures();
      return { counts: addCounts(sum.counts, counts, this.#labels), inHand: addInHand(sum.inHand, inHand) };
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

  /** What all workers meet, such as a broker that is away, is logged once, and not once for each of them. */
  #log({ id }: Slot, { level, message }: LogEntry): void {
    if (this.#lines.isRepeated(id, message, performance.now())) return;
    internalLogger[LOG_METHODS[level]](message);
  }

  async #replace(slot: Slot, reason: string): Promise<void> {
    const { events, notices, signal } = this.#options;
    // One that hung for a minute has not lived meanwhile.
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
    slot.deathsInARow = lived < LONG_LIVED_MS ? slot.deathsInARow + 1 : 1;
    const again = 'What it held comes again from the broker, and another one takes its place.';
    internalLogger.error(`worker ${slot.id} died: ${reason}. ${again}`);
    if (slot.deathsInARow >= KEEPS_DYING) {
      notices.report(
        `worker ${slot.id}`,
        `worker ${slot.id} has died ${slot.deathsInARow} times in a row, the last time over: ${reason}`,
      );
    }
    await sleep(backoffMs(slot.deathsInARow, RESTART), signal);
    if (signal.aborted) return;
    slot.restarts++;
    try {
      this.#start(slot);
    } catch (error) {
      // No thread can be had now, for want of memory or of processes. The other workers go on.
      slot.thread = undefined;
      slot.runner = undefined;
      void this.#replace(slot, `it cannot be started: ${reasonOf(error)}`);
    }
  }

  #endHanging(): void {
    let isAnyAlive = false;
    for (const slot of this.#slots) {
      const { id, thread } = slot;
      if (thread === undefined) continue;
      const silence = thread.silence();
      if (silence === 0) isAnyAlive = true;
      if (thread.lastHeardMs - slot.startedAtMs >= LONG_LIVED_MS) {
        slot.deathsInARow = 0;
        this.#options.notices.report(`worker ${id}`, undefined);
      }
      // What it holds is not asked: it may have taken the message over which it hangs since it told of itself.
      if (silence < SILENT_LOOKS) continue;
      const seconds = (SILENT_LOOKS * this.#lookEveryMs) / 1000;
      void thread.kill(`it gave no sign of life for ${seconds} s`);
    }
    this.#lifelessLooks = isAnyAlive ? 0 : this.#lifelessLooks + 1;
  }
}

const LOG_METHODS = { DEBUG: 'debug', INFO: 'info', WARNING: 'warning', ERROR: 'error', CRITICAL: 'error' } as const;

/** Whether a worker has to be in the main thread: these hooks are called by it. */
function isWatchedFromHere({ afterCommit, onStored, giveBackAfterMs }: ConsumerHooks = {}): boolean {
  return afterCommit !== undefined || onStored !== undefined || giveBackAfterMs !== undefined;
}

/** Byte budgets are those of the process. */
function shareOf(config: ConsumerConfig, workers: number): ConsumerConfig {
  const share = (bytes: number, least: number) => Math.max(Math.min(bytes, least), Math.floor(bytes / workers));
  return { ...config, prefetchBytes: share(config.prefetchBytes, 4 * MIB), batchBytes: share(config.batchBytes, MIB) };
}
