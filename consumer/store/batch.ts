/** A batch of records on its way into the table, and what became of it. Pure. */
import type { StoredRecord } from '../../src/record.js';
import { datesOf } from './partition-days.js';

export interface StoreItem {
  readonly record: StoredRecord;
  /** The line's bytes as they came. */
  readonly raw: Buffer;
}

/** One record that the table refuses while it takes others. */
export interface Rejected {
  readonly item: StoreItem;
  /** `retry` when the refusal comes from a rule of the table that may change, `hopeless` when it lies in the record. */
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

export interface Batch {
  readonly items: readonly StoreItem[];
  readonly records: readonly StoredRecord[];
  readonly dates: ReadonlySet<string>;
}

export function batchOf(items: readonly StoreItem[]): Batch {
  const records = items.map((item) => item.record);
  return { items, records, dates: datesOf(records) };
}

export function halvesOf({ items }: Batch): [Batch, Batch] {
  const middle = Math.ceil(items.length / 2);
  return [batchOf(items.slice(0, middle)), batchOf(items.slice(middle))];
}

export function sumOf(one: Outcome, other: Outcome): Outcome {
  return {
    stored: one.stored + other.stored,
    duplicates: one.duplicates + other.duplicates,
    rejected: [...one.rejected, ...other.rejected],
  };
}
