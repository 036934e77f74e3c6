/** A batch of records and dead letters to store, and its outcome. Pure. */
import type { StoredRecord } from '../../src/record.js';
import type { DeadLetter } from './dead-letters-table.js';

export interface StoreItem {
  readonly record: StoredRecord;
  /** The bytes of the line as received. */
  readonly raw: Buffer;
}

export interface Batch {
  readonly items: readonly StoreItem[];
  /** Dead letters that do not come from these records, written in the same transaction. */
  readonly letters: readonly DeadLetter[];
  /**
   * The dead letter for a record that PostgreSQL refuses, written in the same transaction; undefined if the caller
   * handles the record. Called again if a transaction is retried.
   */
  readonly letterOf: (rejected: Rejected) => DeadLetter | undefined;
  /** All of these records were rejected before. They do not get the full statement timeout again. */
  readonly retried: boolean;
  /** Fail with `BatchRefused` instead of isolating bad records. */
  readonly isWholeOrNothing?: boolean;
}

/**
 * PostgreSQL refuses the batch, because of a bad record or three times for any other reason, but accepts a probe row.
 * Nothing is stored; the caller splits the batch.
 */
export class BatchRefused extends Error {}

/** A record that the table refuses while it accepts others. */
export interface Rejected {
  readonly item: StoreItem;
  /**
   * `dead-letter` if the record can never be stored; `retry` if the cause may go away, such as a constraint or a
   * shortage.
   */
  readonly action: 'retry' | 'dead-letter';
  /** SQLSTATE. */
  readonly code: string;
  /** The message of the server. */
  readonly message: string;
}

/** Everything except `rejected` is committed. */
export interface BatchOutcome {
  readonly stored: number;
  /** Records whose key was already in the table, or occurs twice in the batch. */
  readonly duplicates: number;
  /** These records; absent if there are none. */
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

/** All except `gone`. */
export function without(records: readonly StoredRecord[], gone: readonly StoredRecord[]): readonly StoredRecord[] {
  if (gone.length === 0) return records;
  const excluded = new Set(gone);
  return records.filter((record) => !excluded.has(record));
}

// Statement timeouts for parts of a batch, proportional to their share. Otherwise one slow record would cost the full
// timeout again and again while it is isolated.

/** Minimum share and minimum time of a part: the server may be busy. */
const MIN_SHARE = 0.1;
const MIN_MS = 1000;
/** Size of a typical batch. */
const USUAL_BYTES = 8 * 1024 * 1024;

/** Statement timeouts in milliseconds; 0 disables them. */
export interface PartTimeouts {
  /** For all records of the part together, at the first attempt. */
  readonly fullMs: number;
  /** For everything that is small or retried. */
  readonly minMs: number;
}

/** @param fullMs statement timeout of the first attempt of a whole batch. */
export function partTimeouts(fullMs: number): PartTimeouts {
  return { fullMs: fullMs, minMs: Math.min(fullMs, Math.max(Math.ceil(fullMs * MIN_SHARE), MIN_MS)) };
}

export function partTimeoutMs({ fullMs, minMs }: PartTimeouts, share: number): number {
  return Math.max(minMs, Math.ceil(fullMs * share));
}

/** By bytes or by records, whichever is larger: a trigger takes its time per record. */
export function shareOf(part: readonly StoreItem[], whole: readonly StoreItem[]): number {
  return Math.max(part.length / whole.length, bytesOf(part) / (bytesOf(whole) || 1));
}

/** For retried records: the share of a typical batch. */
export function shareOfUsual(part: readonly StoreItem[]): number {
  return Math.min(bytesOf(part) / USUAL_BYTES, 1);
}
