/**
 * A worker in its own thread, as seen by the main thread. Requests and reports are messages; `worker-thread.ts` is the
 * other side.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { threadEnvironment } from '../src/config.js';
import { reasonOf } from '../src/errors.js';
import { internalLogger, type LogEntry } from '../src/internal-logger.js';
import { within } from '../src/time/time-limit.js';
import type { ConsumerConfig } from './config.js';
import type { DeadLetterNotice } from './consumer-events.js';
import { type Figures, noFigures } from './metrics/snapshot.js';
import { noWorkerStatus, type WorkerStatus } from './status.js';
import type { WorkerEvents } from './worker.js';

/** Data that the thread starts with. */
export interface Start {
  readonly config: ConsumerConfig;
  readonly logLevel: string;
}

/** Messages to the thread. */
export type Request =
  | { readonly type: 'connect' }
  | { readonly type: 'begin'; readonly services: readonly string[] }
  | { readonly type: 'add'; readonly service: string; readonly rank: number }
  /** An announcement was stored and may be acknowledged. */
  | { readonly type: 'announcementStored'; readonly announcement: number }
  | { readonly type: 'stop' };

/** Messages from the thread. A status arrives every second, so silence means that the thread hangs. */
export type Report =
  | { readonly type: 'status'; readonly status: WorkerStatus; readonly figures: Figures }
  | { readonly type: 'log'; readonly entry: LogEntry }
  | { readonly type: 'state'; readonly status: WorkerStatus; readonly figures: Figures }
  | { readonly type: 'consuming' }
  | { readonly type: 'announced'; readonly service: string; readonly announcement: number }
  | { readonly type: 'announcementsLost' }
  | { readonly type: 'deadLetters'; readonly letters: readonly DeadLetterNotice[] }
  | { readonly type: 'stored'; readonly records: number };

export interface ThreadEvents extends WorkerEvents {
  readonly onLog: (entry: LogEntry) => void;
  /** The thread exited unexpectedly. The broker redelivers its unacknowledged messages. */
  readonly onDied: (reason: string) => void;
}

/**
 * Longer than a worker takes to stop, in milliseconds: 8 s for unacknowledged messages, 1 s each for channel and
 * connection.
 */
const STOP_MS = 11_000;
/** Checks without a report after which the thread counts as silent. */
const MAX_MISSED_REPORTS = 3;

export class WorkerThread {
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  #status: WorkerStatus = noWorkerStatus();
  #figures: Figures = noFigures();
  #failure: string | undefined;
  #state: 'alive' | 'stopping' | 'ended' = 'alive';
  /** Number of `silence()` calls since the last report; one more before the first report. */
  #silent = 1;
  #lastHeardMs = performance.now();

  constructor(file: string, config: ConsumerConfig, name: string, events: ThreadEvents) {
    const start: Start = { config, logLevel: internalLogger.level };
    this.#worker = new Worker(file, {
      name,
      workerData: start,
      // Modules that the application preloads by `--import` or NODE_OPTIONS would run again in the thread.
      execArgv: [],
      env: threadEnvironment(),
    });
    this.#worker.on('message', (report: Report) => this.#onReport(report, events));
    this.#worker.on('error', (error) => {
      this.#failure = reasonOf(error);
    });
    this.#ended = new Promise((resolve) => {
      this.#worker.on('exit', () => {
        const wasAlive = this.#state === 'alive';
        this.#state = 'ended';
        resolve();
        if (wasAlive) events.onDied(this.#failure ?? 'it exited unexpectedly');
      });
    });
  }

  /** A thread that no longer reports is `silent`, even if its last report says otherwise. */
  status(): WorkerStatus {
    if (this.#silent < MAX_MISSED_REPORTS) return this.#status;
    return { ...this.#status, state: 'silent', reason: 'it has not responded for some seconds' };
  }

  figures(): Figures {
    return this.#figures;
  }

  connect(): void {
    this.#send({ type: 'connect' });
  }

  begin(services: readonly string[]): void {
    this.#send({ type: 'begin', services });
  }

  add(service: string, rank: number): void {
    this.#send({ type: 'add', service, rank });
  }

  /** When it last reported, in milliseconds of `performance.now()`. */
  get lastHeardMs(): number {
    return this.#lastHeardMs;
  }

  /** Called at regular intervals. @returns how many consecutive calls saw no report; 0: the thread is alive. */
  silence(): number {
    return this.#silent++;
  }

  /** Terminates it abruptly: its connections close, and the broker redelivers its unacknowledged messages. */
  async kill(reason: string): Promise<void> {
    this.#failure ??= reason;
    await this.#worker.terminate();
  }

  async stop(): Promise<void> {
    if (this.#state === 'alive') this.#state = 'stopping';
    this.#send({ type: 'stop' });
    if (!(await within(STOP_MS, this.#ended))) await this.#worker.terminate();
  }

  #send(request: Request): void {
    this.#worker.postMessage(request);
  }

  #onReport(report: Report, events: ThreadEvents): void {
    this.#silent = 0;
    this.#lastHeardMs = performance.now();
    const { type } = report;
    if (type === 'status' || type === 'state') {
      this.#status = report.status;
      this.#figures = report.figures;
    }
    if (type === 'state') events.onState(report.status.state);
    else if (type === 'log') events.onLog(report.entry);
    else if (type === 'consuming') events.onConsuming();
    else if (type === 'announced') {
      const { service, announcement } = report;
      events.onAnnounced(service, () => this.#send({ type: 'announcementStored', announcement }));
    } else if (type === 'announcementsLost') events.onAnnouncementsLost();
    else if (type === 'deadLetters') events.onDeadLetters(report.letters);
    else if (type === 'stored') events.onStored(report.records);
  }
}

/** Path of the worker file next to this one; undefined in a bundle without it. */
export function workerFile(): string | undefined {
  const folder = import.meta.dirname ?? (typeof __dirname === 'string' ? __dirname : undefined);
  const file = folder && path.join(folder, 'worker-thread.js');
  return file !== undefined && existsSync(file) ? file : undefined;
}
