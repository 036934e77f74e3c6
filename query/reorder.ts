/** Puts records in order that arrive out of order, by holding each of them back for a moment. Pure. */
import type { StoredRecord } from '../src/record.js';

export interface Released {
  /** In order, and newer than everything released before. */
  readonly records: readonly StoredRecord[];
  /** In order, but they belong before records that were already released. */
  readonly late: readonly StoredRecord[];
}

export interface Reorder {
  /** @param nowMs any clock that does not jump. @param serverTime the server's, as a canonical timestamp. */
  add(records: readonly StoredRecord[], nowMs: number, serverTime: string): void;
  /** What has been held long enough, with everything that belongs before it. */
  release(nowMs: number): Released;
}

/** How much longer a record is held after one was late, and how that fades with each release. */
const AFTER_LATE = 2;
const FADING = 0.98;

interface Held {
  readonly record: StoredRecord;
  readonly arrivedMs: number;
  /** Its clock is ahead of the server's: it must not make all others late. */
  readonly isAhead: boolean;
}

/**
 * @param minMs how long each record is held, in milliseconds.
 * @param maxMs how long at most: late records double the time.
 * @param shown the newest record before all of these.
 */
export function createReorder(minMs: number, maxMs: number, shown: StoredRecord | undefined): Reorder {
  let held: Held[] = [];
  let holdMs = minMs;
  /** The newest released record. */
  let last = shown;

  return {
    add(records, nowMs, serverTime) {
      for (const record of records) {
        held.push({ record, arrivedMs: nowMs, isAhead: record.timestamp > serverTime });
      }
    },
    release(nowMs) {
      const isDue = ({ arrivedMs }: Held) => nowMs - arrivedMs >= holdMs;
      const due = held.filter(isDue);
      if (due.length === 0) return { records: [], late: [] };
      const newest = due
        .filter(({ isAhead }) => !isAhead)
        .reduce<StoredRecord | undefined>(
          (best, { record }) => (best === undefined || isBefore(best, record) ? record : best),
          undefined,
        );
      const isReleased = (one: Held) => isDue(one) || (newest !== undefined && isBefore(one.record, newest));
      const released = held.filter(isReleased);
      held = held.filter((one) => !isReleased(one));
      released.sort((one, other) => (isBefore(one.record, other.record) ? -1 : 1));
      const isLate = ({ record }: Held) => last !== undefined && isBefore(record, last);
      const late = released.filter(isLate).map(({ record }) => record);
      const records = released.filter((one) => !isLate(one)).map(({ record }) => record);
      if (newest !== undefined && (last === undefined || isBefore(last, newest))) last = newest;
      holdMs = late.length > 0 ? Math.min(holdMs * AFTER_LATE, maxMs) : Math.max(holdMs * FADING, minMs);
      return { records, late };
    },
  };
}

export function isBefore(one: StoredRecord, other: StoredRecord): boolean {
  if (one.timestamp !== other.timestamp) return one.timestamp < other.timestamp;
  return one.id < other.id;
}
