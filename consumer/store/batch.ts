/** A batch of records and dead letters on its way into the tables, and what became of it. Pure. */
import type { StoredRecord } from '../../src/record.js';
import type { DeadLetter } from './dead-letters.js';

export interface StoreItem {
  readonly record: StoredRecord;
  /** The line's bytes as they came. */
  readonly raw: Buffer;
}

export interface Batch {
  readonly items: readonly StoreItem[];
  /** Dead letters that do not come from these records; written in the same transaction. */
  readonly letters: readonly DeadLetter[];
  /**
   * The dead letter of a record that PostgreSQL refuses, for the same transaction; undefined when the caller sees to the
   * record. Asked again when a transaction is repeated.
   */
  readonly letterOf: (rejected: Rejected) => DeadLetter | undefined;
  /** All of these records were rejected before: they do not get the full statement time-out again. */
  readonly retried: boolean;
}

/** One record that the table refuses while it takes others. */
export interface Rejected {
  readonly item: StoreItem;
  /** `hopeless` when the refusal lies in the record, `retry` when it may come from elsewhere: a rule, a shortage. */
  readonly verdict: 'retry' | 'hopeless';
  /** SQLSTATE. */
  readonly code: string;
  /** The server's words. */
  readonly message: string;
}

/** Everything that is not in `rejected` is committed. */
export interface Outcome {
  readonly stored: number;
  /** Records whose key was in the table, or twice in the batch. */
  readonly duplicates: number;
  readonly rejected: readonly Rejected[];
}

export const NOTHING: Outcome = { stored: 0, duplicates: 0, rejected: [] };

export function sumOf(one: Outcome, other: Outcome): Outcome {
  return {
    stored: one.stored + other.stored,
    duplicates: one.duplicates + other.duplicates,
    rejected: [...one.rejected, ...other.rejected],
  };
}

export function lettersOf({ letters, letterOf }: Batch, rejected: readonly Rejected[]): DeadLetter[] {
  return [...letters, ...rejected.map(letterOf).filter((letter) => letter !== undefined)];
}

export function bytesOf(items: readonly StoreItem[]): number {
  return items.reduce((sum, { raw }) => sum + raw.length, 0);
}
