/** What a consumer tells its program while it happens. Its types name nothing of the database: programs compile against them. */
import type { StoredRecord } from '../src/record.js';
import type { ConsumerState } from './status.js';

/** A dead letter; its bytes are in the table `dead_letters`. */
export interface DeadLetterNotice {
  /** The queue that it was taken from. */
  readonly queue: string;
  /** Undefined where it could not be read. */
  readonly service: string | undefined;
  readonly level: string | undefined;
  /** SQLSTATE, or Loghive's own code where the record never reached the table. */
  readonly code: string;
  readonly reason: string;
}

export interface ConsumerEvents {
  /** A batch was committed, with so many records that are new. */
  stored: [records: number];
  /** A record, or a message, was given up. */
  deadLetter: [letter: DeadLetterNotice];
  state: [state: ConsumerState];
}

/** Hooks for tests and for the live view of `loghive dev`. With any of them the only worker is in the main thread. */
export interface WorkerHooks {
  /** After COMMIT, before the acknowledgement. */
  readonly afterCommit?: () => void | Promise<void>;
  /** After the acknowledgement, with what is in the table; the next batch waits for it. */
  readonly onStored?: (records: readonly StoredRecord[]) => void | Promise<void>;
  /** After how long messages are given back that cannot be stored, or whose retry cannot be published. */
  readonly giveBackAfterMs?: number;
}

/** Worker hooks, and shorter intervals for tests of the supervisor. */
export interface ConsumerHooks extends WorkerHooks {
  /** How often an idle consumer asks whether the database takes records, in milliseconds. */
  readonly probeEveryMs?: number;
  /** How often threads are checked for a sign of life, in milliseconds. */
  readonly lookEveryMs?: number;
}
