/**
 * Events and hooks of a consumer. Applications compile against these types, so they mention nothing of the database.
 */
import type { StoredRecord } from '../src/record.js';
import type { ConsumerState } from './status.js';

/** A dead letter. Its bytes are in the table `dead_letters`. */
export interface DeadLetterNotice {
  /** The queue from which it was consumed. */
  readonly queue: string;
  /** Undefined if it could not be read. */
  readonly service: string | undefined;
  readonly level: string | undefined;
  /** SQLSTATE, or Loghive's own code if the record never reached the table. */
  readonly code: string;
  readonly reason: string;
}

export interface ConsumerEvents {
  /** A batch was committed. `records` is the number of new records in it. */
  stored: [records: number];
  /** A record or a message became a dead letter. */
  deadLetter: [letter: DeadLetterNotice];
  state: [state: ConsumerState];
}

/**
 * Hooks for tests and for the live view of `loghive dev`. With any of them, the only worker runs in the main thread.
 */
export interface WorkerHooks {
  /** Called after COMMIT, before the acknowledgement. */
  readonly afterCommit?: () => void | Promise<void>;
  /** Called after the acknowledgement, with the records that are in the table. The next batch waits for it. */
  readonly onStored?: (records: readonly StoredRecord[]) => void | Promise<void>;
  /**
   * How long messages that cannot be stored, or whose retry cannot be published, are held before they are requeued, in
   * milliseconds.
   */
  readonly requeueAfterMs?: number;
}

/** Worker hooks, and intervals that tests shorten. */
export interface ConsumerHooks extends WorkerHooks {
  /** How often an idle consumer probes the database, in milliseconds. */
  readonly probeEveryMs?: number;
  /** How often threads are checked for signs of life, in milliseconds. */
  readonly checkEveryMs?: number;
}
