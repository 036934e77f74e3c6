/**
 * Isolates the bad records of a batch and stores all others, in one transaction with the dead letters. The server
 * reports the line at which it stopped. That is only a hint for splitting (the text depends on the server language):
 * every rejected record was refused alone.
 *
 * Some errors prove that the record is bad, so one refusal is enough. Any other error may be caused by the server. Then
 * a record is rejected only after it was refused alone three times, with pauses in between, and a probe row was
 * accepted after each refusal.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { StoredRecord } from '../../src/record.js';
import type { AlertOutbox } from './alert-outbox.js';
import {
  type Batch,
  type BatchOutcome,
  duplicatesIn,
  lettersOf,
  type PartTimeouts,
  partTimeoutMs,
  type Rejected,
  type StoreItem,
  shareOf,
  without,
} from './batch.js';
import type { DatabaseSession } from './connect.js';
import { copyText } from './copy-text.js';
import type { DeadLettersTable } from './dead-letters-table.js';
import { actionFor, causeOf } from './error-action.js';
import { probeRowFor, type RecordsTable } from './records-table.js';
import { begin } from './sql.js';
import { asFault, sqlStateOf } from './storage-fault.js';
import { commit, rollback } from './transaction.js';

/** Refusals of a record, or of a whole batch, after which a temporary cause is ruled out. */
export const MAX_REFUSALS = 3;
/** Delay before the second refusal; doubled before the third. */
const BETWEEN_REFUSALS_MS = 100;
/**
 * Number of parts to split into if the server has not named the record. Each failing part may cost its full timeout.
 */
const PARTS = 16;

export interface Isolation {
  readonly table: RecordsTable;
  readonly deadLetters: DeadLettersTable;
  readonly outbox?: AlertOutbox | undefined;
  readonly timeouts: PartTimeouts;
  /** See `causeOf`. */
  readonly repeated: boolean;
  /** In terms of `performance.now()`. */
  readonly deadline: number;
  /** The error that refused the batch, often enough to reject it if it is a single record. */
  readonly refusedWith: unknown;
}

/** Half-open range [from, to) of the items of the batch. */
interface Part {
  readonly from: number;
  readonly to: number;
}

/** A record that was refused alone. */
interface Suspect {
  readonly index: number;
  readonly error: unknown;
}

/** Gives an overloaded server some time. Retried records already waited in a delay queue, and may be many. */
export function afterRefusal({ retried }: Batch, refusals: number): Promise<void> {
  return delay(retried ? 0 : BETWEEN_REFUSALS_MS * refusals);
}

/** @throws the server error if no record is at fault, or LOGHIVE_STORAGE_UNAVAILABLE. Nothing is stored then. */
export async function isolate(session: DatabaseSession, batch: Batch, isolation: Isolation): Promise<BatchOutcome> {
  const search = new Search(session, batch, isolation);
  try {
    const suspects = await search.findSuspects();
    await search.rejectAfter(suspects);
    return await search.commit();
  } catch (error) {
    await rollback(session);
    throw error;
  }
}

class Search {
  readonly #session: DatabaseSession;
  readonly #batch: Batch;
  readonly #isolation: Isolation;
  readonly #rows: readonly Buffer[];
  readonly #rejected = new Map<number, Rejected>();
  /** Filled only if alerts are enabled. */
  readonly #storedRecords: StoredRecord[] = [];
  #stored = 0;
  readonly #duplicates: StoredRecord[] = [];
  /** Sent with the next statement, to save a round trip. */
  #before: string;

  constructor(session: DatabaseSession, batch: Batch, isolation: Isolation) {
    this.#session = session;
    this.#batch = batch;
    this.#isolation = isolation;
    this.#rows = batch.items.map((item) => Buffer.concat([...copyText([item.record])]));
    this.#before = `${begin({ statementTimeoutMs: isolation.timeouts.fullMs, immediate: true })}savepoint part; `;
  }

  /** Stores the good records and returns those that were refused alone but may still be good. */
  async findSuspects(): Promise<Suspect[]> {
    const suspects: Suspect[] = [];
    const { refusedWith, timeouts } = this.#isolation;
    const whole = { from: 0, to: this.#batch.items.length };
    if (whole.to === 1) {
      this.#reject({ index: 0, error: refusedWith });
      return suspects;
    }
    const pending = this.#cut(whole, refusedWith);
    for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
      const items = this.#itemsOf(part);
      const error = await this.#refusal(part, partTimeoutMs(timeouts, shareOf(items, this.#batch.items)));
      if (error === undefined) continue;
      if (items.length > 1) pending.push(...this.#cut(part, error));
      else if (this.#isClear(error)) this.#reject({ index: part.from, error });
      else suspects.push({ index: part.from, error });
    }
    return suspects;
  }

  /** Rejects the records that are refused alone repeatedly. */
  async rejectAfter(suspects: Suspect[]): Promise<void> {
    let left = suspects;
    for (let refusals = 1; refusals < MAX_REFUSALS && left.length > 0; refusals++) {
      await afterRefusal(this.#batch, refusals);
      const again: Suspect[] = [];
      for (const { index } of left) {
        // It already had its full share the first time.
        const error = await this.#refusal({ from: index, to: index + 1 }, this.#isolation.timeouts.minMs);
        if (error !== undefined) again.push({ index, error });
      }
      left = again;
    }
    for (const suspect of left) this.#reject(suspect);
  }

  #reject({ index, error }: Suspect): void {
    const { code, message } = error as { code: string; message: string };
    const action = actionFor(error) === 'dead-letter' ? 'dead-letter' : 'retry';
    this.#rejected.set(index, { item: this.#batch.items[index]!, action, code, message });
  }

  async commit(): Promise<BatchOutcome> {
    const rejected = [...this.#rejected].sort(([a], [b]) => a - b).map(([, each]) => each);
    const letters = lettersOf(this.#batch, rejected);
    const before = `${this.#before}${timeout(this.#isolation.timeouts.fullMs)}`;
    const { deadLetters, outbox } = this.#isolation;
    const events = outbox?.eventsOf(this.#storedRecords) ?? [];
    const alerts = outbox?.hasWork(events) ? outbox : undefined;
    const hasMore = letters.length > 0 || alerts !== undefined;
    if (hasMore) await this.#session.query(before);
    if (letters.length > 0) await deadLetters.write(this.#session, letters);
    const afterCommit = await alerts?.write(this.#session, events);
    // If the last part was refused, roll back to the savepoint before COMMIT.
    await commit(this.#session, hasMore ? '' : before);
    afterCommit?.();
    return { stored: this.#stored, ...duplicatesIn(this.#duplicates), rejected };
  }

  /** @returns why the part was refused, or undefined if it is stored. */
  async #refusal(part: Part, timeoutMs: number): Promise<unknown> {
    try {
      await this.#store(part, timeout(timeoutMs));
      this.#before = 'release savepoint part; savepoint part; ';
      return undefined;
    } catch (error) {
      const cause = causeOf(error, this.#isolation.repeated);
      if ((cause !== 'record' && cause !== 'unknown') || !this.#session.isOpen()) throw error;
      this.#before = 'rollback to savepoint part; ';
      if (cause === 'unknown') {
        if (performance.now() > this.#isolation.deadline) throw asFault(error, this.#session.place);
        await this.#assertServerWorks(part, error);
      }
      return error;
    }
  }

  async #store({ from, to }: Part, setTimeout: string): Promise<void> {
    const { table, outbox } = this.#isolation;
    const records = this.#itemsOf({ from, to }).map((item) => item.record);
    try {
      const rows = [Buffer.concat(this.#rows.slice(from, to))];
      this.#stored += await table.copy(this.#session, rows, `${this.#before}${setTimeout}`);
      if (outbox) this.#storedRecords.push(...records);
    } catch (error) {
      if (actionFor(error) !== 'on-conflict') throw error;
      await this.#session.query(`rollback to savepoint part; ${setTimeout}`);
      const duplicates = await table.insert(this.#session, records);
      if (outbox) this.#storedRecords.push(...without(records, duplicates));
      this.#stored += records.length - duplicates.length;
      this.#duplicates.push(...duplicates);
    }
  }

  /** @throws LOGHIVE_STORAGE_UNAVAILABLE if even a probe row is refused. */
  async #assertServerWorks(part: Part, refusal: unknown): Promise<void> {
    const { timeouts, table } = this.#isolation;
    const before = `${this.#before}${timeout(timeouts.minMs)}`;
    try {
      await table.storeProbeRow(this.#session, before, probeRowFor(this.#itemsOf(part), sqlStateOf(refusal)));
    } catch (error) {
      throw causeOf(error, true) === 'connection' ? error : asFault(error, this.#session.place);
    }
  }

  /** Whether the error proves that a record is bad. */
  #isClear(error: unknown): boolean {
    return causeOf(error, this.#isolation.repeated) === 'record';
  }

  #cut(part: Part, error: unknown): Part[] {
    return cut(part, hintOf(error), this.#isClear(error));
  }

  #itemsOf({ from, to }: Part): readonly StoreItem[] {
    return this.#batch.items.slice(from, to);
  }
}

const timeout = (ms: number) => `set local statement_timeout = ${ms}; `;

/** Index of the row within the part. COPY's context reads "COPY records, line 42, column message". */
function hintOf(error: unknown): number | undefined {
  const { where } = error as { where?: string };
  const line = /^COPY records\D*(\d+)/m.exec(where ?? '')?.[1];
  return line === undefined ? undefined : Number(line) - 1;
}

/**
 * In reverse order of processing.
 *
 * @param isClear the error proves that a record is bad. Then the rows before it are good as far as the server has read,
 *   and the rest is halved, so that a batch of only bad records is not sent as many times as it has records. Otherwise
 *   the hint may be wrong and each part with the bad record may cost its full timeout: many small parts.
 */
function cut({ from, to }: Part, hint: number | undefined, isClear: boolean): Part[] {
  const at = hint === undefined ? -1 : from + hint;
  if (at < from || at >= to) return pieces({ from, to }, isClear ? 2 : PARTS);
  const row = { from: at, to: at + 1 };
  const [before, after] = [
    { from, to: at },
    { from: at + 1, to },
  ];
  return isClear
    ? [...pieces(after, 2), row, ...pieces(before, 1)]
    : [...pieces(after, PARTS), ...pieces(before, PARTS), row];
}

/** Splits into at most `count` pieces, the last one first. */
function pieces({ from, to }: Part, count: number): Part[] {
  const size = Math.ceil((to - from) / count);
  const found: Part[] = [];
  for (let start = from; start < to; start += size) found.unshift({ from: start, to: Math.min(start + size, to) });
  return found;
}
