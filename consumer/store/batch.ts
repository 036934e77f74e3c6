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
  /** Bad records are not searched for: see `BatchRefused`. */
  readonly isWholeOrNothing?: boolean;
}

/**
 * PostgreSQL refuses it, for a bad record or three times for whatever reason, while it takes a plain row. Nothing of it is
 * stored: it is to be written again in several parts.
 */
export class BatchRefused extends Error {}

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
export interface BatchOutcome {
  readonly stored: number;
  /** Records whose key was in the table, or twice in the batch. */
  readonly duplicates: number;
  /** The same, one by one; left out where there are none. */
  readonly duplicateRecords?: readonly StoredRecord[];
  readonly rejected: readonly Rejected[];
}

export const NOTHING: BatchOutcome = { stored: 0, duplicates: 0, rejected: [] };

export function sumOf(one: BatchOutcome, other: BatchOutcome): BatchOutcome {
  return {
    stored: one.stored + other.stored,
    ...duplicatesIn([...(one.duplicateRecords ?? []), ...(other.duplicateRecords ?? [])]),
    rejected: [...one.rejected, ...other.rejected],
  };
}

export function duplicatesIn(records: readonly StoredRecord[]): Pick<BatchOutcome, 'duplicates' | 'duplicateRecords'> {
  return { duplicates: records.length, ...(records.length === 0 ? {} : { duplicateRecords: records }) };
}

export function lettersOf({ letters, letterOf }: Batch, rejected: readonly Rejected[]): DeadLetter[] {
  return [...letters, ...rejected.map(letterOf).filter((letter) => letter !== undefined)];
}

export function bytesOf(items: readonly StoreItem[]): number {
  return items.reduce((sum, { raw }) => sum + raw.length, 0);
}

/** All but those, which are among them. */
export function without(records: readonly StoredRecord[], gone: readonly StoredRecord[]): readonly StoredRecord[] {
  if (gone.length === 0) return records;
  const passedOver = new Set(gone);
  return records.filter((record) => !passedOver.has(record));
}
