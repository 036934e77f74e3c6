/**
 * Empties the pending lists of the GIN indexes soon after records were stored: after every 20,000 records, and two seconds
 * after the last one. A failure is retried; until then searches are slower.
 */
import { reasonOf } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import { StatusLog } from '../src/status-log.js';
import { sleep, within } from '../src/time/time-limit.js';
import { isStorageFault, type PendingListCleaner } from './store/index.js';

const EVERY_MS = 2000;
/** About what PostgreSQL's own limit of 4 MiB holds: a search reads no more of the list than it would there. */
const MOST_RECORDS = 20_000;
/** So long after the last record the connection is ended, in milliseconds. */
const IDLE_MS = 60_000;
/** For what was stored last, when the consumer stops: it waits for a second in all. */
const LAST_MS = 800;
/** In a row, before it is said: a lock is gone by then, as a rule. */
const MOST_FAILURES = 10;
const TOPIC = 'pending lists';

export interface PendingListsOptions {
  /** Closed by `stop()`. */
  readonly store: PendingListCleaner;
  /** Takes why they cannot be emptied, a sentence. Default: logged as WARNING. */
  readonly warn?: (sentence: string) => void;
  /** In milliseconds. Default 2000. */
  readonly everyMs?: number;
}

export class PendingLists {
  readonly #options: PendingListsOptions;
  readonly #abort = new AbortController();
  readonly #warnings: StatusLog;
  /** Ends the pause under way. */
  #wake = new AbortController();
  /** Records stored since the lists were emptied. Starts at one: an earlier consumer may have left some in them. */
  #records = 1;
  #emptiedAtMs: number | undefined;
  /** In a row. */
  #failures = 0;
  #work: Promise<void> | undefined;

  constructor(options: PendingListsOptions) {
    this.#options = options;
    this.#warnings = new StatusLog(options.warn ?? ((sentence) => internalLogger.warning(sentence)));
  }

  /** Once the schema is there. */
  start(): void {
    this.#work = this.#loop();
  }

  stored(records: number): void {
    this.#records += records;
    if (this.#records >= MOST_RECORDS) this.#wake.abort();
  }

  /** Empties the lists once more, where there is reason to and it does so soon. Never rejects. */
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
      if (signal.aborted || this.#records >= MOST_RECORDS) continue;
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
      // One is enough to try again; as many as before would do so without a pause while the database is away.
      this.#records = Math.min(records, 1);
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    this.#failures++;
    internalLogger.debug(`the lists of the indexes are not emptied now: ${reasonOf(error)}`);
    // Whoever stores records logs that the database is away, and waits for it.
    if (this.#failures < MOST_FAILURES || !isStorageFault(error) || error.sqlstate === undefined) return;
    this.#warnings.once(
      `the pending lists of the indexes cannot be emptied: searches are slower until they are. ${error.reason} Loghive goes on trying.`,
      TOPIC,
    );
  }
}
