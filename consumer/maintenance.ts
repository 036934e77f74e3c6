/**
 * Maintains the tables once a minute: creates partitions in advance, deletes expired records, and builds indexes in
 * parallel, because that can take hours. It runs once per process. Several processes share the work by PostgreSQL locks
 * and need not know of each other.
 *
 * Nothing waits for it. After a failure it retries a minute later; records are stored meanwhile.
 */
import { reasonOf } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import { counted } from '../src/sentence.js';
import { sleep } from '../src/time/time-limit.js';
import { type MaintenanceCounts, noMaintenanceCounts } from './status.js';
import type { IndexBuilds, Maintained, StoreMaintenance } from './store/index.js';

const EVERY_MS = 60_000;

export interface MaintenanceOptions {
  /** Closed by `stop()`. */
  readonly store: StoreMaintenance;
  /** Closed by `stop()`. */
  readonly indexes: IndexBuilds;
  /** Receives a sentence about what was deleted. Default: logs it as INFO. */
  readonly log?: (sentence: string) => void;
  /** Interval between passes, in milliseconds. Default 60000. */
  readonly everyMs?: number;
}

export class Maintenance {
  readonly #options: MaintenanceOptions;
  readonly #abort = new AbortController();
  readonly #counts = noMaintenanceCounts();
  #work: Promise<unknown> = Promise.resolve();

  constructor(options: MaintenanceOptions) {
    this.#options = options;
  }

  get counts(): MaintenanceCounts {
    return { ...this.#counts };
  }

  /** Requires the schema. The first pass begins immediately. */
  start(): void {
    const { indexes } = this.#options;
    this.#work = Promise.all([
      this.#loop((signal) => this.#maintain(signal)),
      this.#loop((signal) => indexes.ensure(signal)),
    ]);
  }

  /** Stops after the current step. Never rejects. */
  async stop(): Promise<void> {
    this.#abort.abort();
    const { store, indexes } = this.#options;
    await Promise.all([store.close(), indexes.close()]);
    await this.#work;
  }

  async #loop(pass: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { signal } = this.#abort;
    const { everyMs = EVERY_MS } = this.#options;
    while (!signal.aborted) {
      await pass(signal).catch((error) => this.#failed(error));
      await sleep(everyMs, signal);
    }
  }

  async #maintain(signal: AbortSignal): Promise<void> {
    const maintained = await this.#options.store.run(signal);
    this.#counts.partitionsMade += maintained.made;
    this.#counts.partitionsDropped += maintained.partitions.length;
    this.#counts.recordsDeleted += maintained.records;
    if (maintained.isBehind) this.#counts.failures++;
    this.#logDeleted(maintained);
  }

  #failed(error: unknown): void {
    // A step that is interrupted by `stop()` fails like this.
    if (this.#abort.signal.aborted) return;
    this.#counts.failures++;
    // The workers log that the database is unreachable, and wait for it.
    internalLogger.debug(`table maintenance failed: ${reasonOf(error)}`);
  }

  #logDeleted({ partitions, records }: Maintained): void {
    const { log = (sentence) => internalLogger.info(sentence) } = this.#options;
    const words = [
      ...(partitions.length === 0
        ? []
        : [`dropped ${counted(partitions.length, 'partition')} (${listed(partitions)})`]),
      ...(records === 0 ? [] : [`deleted ${counted(records, 'record')} individually`]),
    ];
    if (words.length > 0) log(`retention: ${words.join(', ')}`);
  }
}

function listed(partitions: readonly string[]): string {
  const [first = '', ...others] = partitions;
  return others.length === 0 ? first : `${first} to ${others.at(-1)}`;
}
