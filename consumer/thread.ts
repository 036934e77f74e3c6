/**
 * A worker in a thread of its own, as the main thread sees it. What it is asked for, and what it tells of itself, goes
 * through messages; `worker-thread.ts` is the other side.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { threadEnvironment } from '../src/config.js';
import { reasonOf } from '../src/errors.js';
import { internalLogger, type LogEntry } from '../src/internal-logger.js';
import { within } from '../src/time/time-limit.js';
import type { ConsumerConfig } from './config.js';
import type { DeadLetterNotice } from './events.js';
import { type Figures, noFigures } from './metrics/snapshot.js';
import { noWorkerStatus, type WorkerStatus } from './status.js';
import type { WorkerEvents } from './worker.js';

/** What the thread is started with. */
export interface Start {
  readonly config: ConsumerConfig;
  readonly logLevel: string;
}

/** What it is asked for. */
export type Request =
  | { readonly type: 'connect' }
  | { readonly type: 'begin'; readonly services: readonly string[] }
  | { readonly type: 'add'; readonly service: string; readonly rank: number }
  /** An announcement is kept, and may be acknowledged. */
  | { readonly type: 'kept'; readonly announcement: number }
  | { readonly type: 'stop' };

/** What it tells. A status comes every second, so that silence shows that it hangs. */
export type Report =
  | { readonly type: 'status'; readonly status: WorkerStatus; readonly figures: Figures }
  | { readonly type: 'log'; readonly entry: LogEntry }
  | { readonly type: 'state'; readonly status: WorkerStatus; readonly figures: Figures }
  | { readonly type: 'taking' }
  | { readonly type: 'announced'; readonly service: string; readonly announcement: number }
  | { readonly type: 'announcementsLost' }
  | { readonly type: 'deadLetters'; readonly letters: readonly DeadLetterNotice[] }
  | { readonly type: 'stored'; readonly records: number };

export interface ThreadEvents extends WorkerEvents {
  readonly onLog: (entry: LogEntry) => void;
  /** It has ended, and nobody asked for it. What it held comes again from the broker. */
  readonly onDied: (reason: string) => void;
}

/** Longer than a worker takes to stop, in milliseconds: 8 s for what is in hand, 1 s each for channel and connection. */
const STOP_MS = 11_000;
/** After so many questions without a sign of life in between it counts as silent. */
const SILENT_LOOKS = 3;

export class WorkerThread {
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  #status: WorkerStatus = noWorkerStatus();
  #figures: Figures = noFigures();
  #failure: string | undefined;
  #state: 'alive' | 'stopping' | 'ended' = 'alive';
  /** How often `silence()` was asked since it told something; one more while it has told nothing yet. */
  #silent = 1;
  #lastHeardMs = performance.now();

  constructor(file: string, config: ConsumerConfig, name: string, events: ThreadEvents) {
    const start: Start = { config, logLevel: internalLogger.level };
    this.#worker = new Worker(file, {
      name,
      workerData: start,
      // What the application preloads by `--import` or NODE_OPTIONS would run in it once more.
      execArgv: [],
      env: threadEnvironment(),
    });
    this.#worker.on('message', (report: Report) => this.#hear(report, events));
    this.#worker.on('error', (error) => {
      this.#failure = reasonOf(error);
    });
    this.#ended = new Promise((resolve) => {
      this.#worker.on('exit', () => {
        const wasAlive = this.#state === 'alive';
        this.#state = 'ended';
        resolve();
        if (wasAlive) events.onDied(this.#failure ?? 'it ended by itself');
      });
    });
  }

  /** One that tells nothing any more does not work, whatever it told last. */
  status(): WorkerStatus {
    if (this.#silent < SILENT_LOOKS) return this.#status;
    return { ...this.#status, state: 'silent', reason: 'it has given no sign of life for some seconds' };
  }

  figures(): Figures {
    return this.#figures;
  }

  connect(): void {
    this.#ask({ type: 'connect' });
  }

  begin(services: readonly string[]): void {
    this.#ask({ type: 'begin', services });
  }

  add(service: string, rank: number): void {
    this.#ask({ type: 'add', service, rank });
  }

  /** When it told something last, in milliseconds of `performance.now()`. */
  get lastHeardMs(): number {
    return this.#lastHeardMs;
  }

  /** Asked at equal times. @returns how often in a row nothing was heard of it; 0: it is alive. */
  silence(): number {
    return this.#silent++;
  }

  /** Ends it where it stands: its connections close, and what it held comes again from the broker. */
  async kill(reason: string): Promise<void> {
    this.#failure ??= reason;
    await this.#worker.terminate();
  }

  async stop(): Promise<void> {
    if (this.#state === 'alive') this.#state = 'stopping';
    this.#ask({ type: 'stop' });
    if (!(await within(STOP_MS, this.#ended))) await this.#worker.terminate();
  }

  #ask(request: Request): void {
    this.#worker.postMessage(request);
  }

  #hear(report: Report, events: ThreadEvents): void {
    this.#silent = 0;
    this.#lastHeardMs = performance.now();
    const { type } = report;
    if (type === 'status' || type === 'state') {
      this.#status = report.status;
      this.#figures = report.figures;
    }
    if (type === 'state') events.onState(report.status.state);
    else if (type === 'log') events.onLog(report.entry);
    else if (type === 'taking') events.onTaking();
    else if (type === 'announced') {
      const { service, announcement } = report;
      events.onAnnounced(service, () => this.#ask({ type: 'kept', announcement }));
    } else if (type === 'announcementsLost') events.onAnnouncementsLost();
    else if (type === 'deadLetters') events.onDeadLetters(report.letters);
    else if (type === 'stored') events.onStored(report.records);
  }
}

/** Beside this file; undefined in a bundle that has it not. */
export function workerFile(): string | undefined {
  const folder = import.meta.dirname ?? (typeof __dirname === 'string' ? __dirname : undefined);
  const file = folder && path.join(folder, 'worker-thread.js');
  return file !== undefined && existsSync(file) ? file : undefined;
}
