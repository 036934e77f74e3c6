/**
 * Cleans up the pending lists of the GIN indexes soon after records are stored: after every 20,000 records, and two
 * seconds after the last one. A failure is retried; until then searches are slower.
 */
import { reasonOf } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import { StatusLog } from '../src/status-log.js';
import { sleep, within } from '../src/time/time-limit.js';
import { isStorageFault, type PendingListCleaner } from './store/index.js';

const EVERY_MS = 2000;
/**
 * About what fits into PostgreSQL's default limit of 4 MiB, so a search reads no more of the list than it would
 * otherwise.
 */
const MAX_RECORDS = 20_000;
/** The connection is closed this long after the last record, in milliseconds. */
const IDLE_MS = 60_000;
/** Time limit for the last cleanup on shutdown, in milliseconds. The consumer waits for a second in total. */
const LAST_MS = 800;
/** Consecutive failures before a warning: a lock is usually gone by then. */
const MAX_FAILURES = 10;
const TOPIC = 'pending lists';

export interface PendingListCleanupOptions {
  /** Closed by `stop()`. */
  readonly store: PendingListCleaner;
  /** Receives a sentence about why the cleanup fails. Default: logs it as WARNING. */
  readonly warn?: (sentence: string) => void;
  /** Interval between cleanups, in milliseconds. Default 2000. */
  readonly everyMs?: number;
}

export class PendingListCleanup {
  readonly #options: PendingListCleanupOptions;
  readonly #abort = new AbortController();
  readonly #warnings: StatusLog;
  /** Aborts the current pause. */
  #wake = new AbortController();
  /**
   * Records stored since the last cleanup. Starts at one, because an earlier consumer may have left entries in the
   * lists.
   */
  #records = 1;
  #emptiedAtMs: number | undefined;
  /** Consecutive failures. */
  #failures = 0;
  #work: Promise<void> | undefined;

  constructor(options: PendingListCleanupOptions) {
    this.#options = options;
    this.#warnings = new StatusLog(options.warn ?? ((sentence) => internalLogger.warning(sentence)));
  }

  /** Requires the schema. */
  start(): void {
    this.#work = this.#loop();
  }

  stored(records: number): void {
    this.#records += records;
    if (this.#records >= MAX_RECORDS) this.#wake.abort();
  }

  /** Cleans up a last time if needed and if that finishes soon. Never rejects. */
  async stop(): Promise<void> {
    const deadline = performance.now() + LAST_MS;
    this.#abort.abort();
    this.#wake.abort();
    const hasEnded = this.#work && (await within(LAST_MS, this.#work));
    if (hasEnded && this.#records > 0) await within(deadline - performance.now(), this.#empty());
    await this.#options.store.close();
    await this.#work;
  }

  async #loop(): Promise<void> {
    const { signal } = this.#abort;
    const { store, everyMs = EVERY_MS } = this.#options;
    while (!signal.aborted) {
      if (this.#records > 0) await this.#empty();
      else if (this.#emptiedAtMs !== undefined && performance.now() - this.#emptiedAtMs > IDLE_MS) {
        this.#emptiedAtMs = undefined;
        await store.release();
      }
      if (signal.aborted || this.#records >= MAX_RECORDS) continue;
      this.#wake = new AbortController();
      await sleep(everyMs, this.#wake.signal);
    }
  }

  async #empty(): Promise<void> {
    const records = this.#records;
    this.#records = 0;
    try {
      await this.#options.store.cleanPendingLists();
      this.#emptiedAtMs = performance.now();
      this.#failures = 0;
      this.#warnings.report(TOPIC, undefined);
    } catch (error) {
      // One record is enough to retry. Keeping the full count would retry without a pause while the database is
      // unreachable.
      this.#records = Math.min(records, 1);
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    this.#failures++;
    internalLogger.debug(`the pending lists of the indexes were not cleaned up: ${reasonOf(error)}`);
    // The workers log that the database is unreachable, and wait for it.
    if (this.#failures < MAX_FAILURES || !isStorageFault(error) || error.sqlstate === undefined) return;
    this.#warnings.once(
      `the pending lists of the indexes cannot be cleaned up: ${error.reason} Searches are slower until they can. Loghive keeps retrying.`,
      TOPIC,
    );
  }
}
