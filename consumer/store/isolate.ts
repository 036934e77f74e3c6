/**
 * Finds the bad records of a batch and stores all others, in one transaction with the dead letters. The server names the
 * line at which it stopped; that is only a hint where to cut (its words depend on its language), every record that is
 * rejected was refused alone.
 *
 * Some errors say that the record is bad: one refusal is enough then. Any other may be the server's fault, so that the
 * record is rejected only when it was refused alone three times, with some time between, and a plain row was taken after
 * each.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { StoredRecord } from '../../src/record.js';
import type { AlertOutbox } from './alert-outbox.js';
import {
  type Batch,
  type BatchOutcome,
  duplicatesIn,
  lettersOf,
  type Rejected,
  type StoreItem,
  without,
} from './batch.js';
import { begin } from './begin.js';
import type { DatabaseSession } from './connect.js';
import { copyText } from './copy-text.js';
import type { DeadLetters } from './dead-letters.js';
import { type PartTimeouts, partTimeoutMs, shareOf } from './part-timeout.js';
import { plainRowFor, type RecordsTable } from './records-table.js';
import { asFault, sqlStateOf } from './storage-fault.js';
import { commit, rollback } from './transaction.js';
import { blameOf, verdictOf } from './verdict.js';

/** A record, or a whole batch, that was refused so often is not the victim of a moment. */
export const MOST_REFUSALS = 3;
/** Waited before the second refusal can come, and twice as long before the third. */
const BETWEEN_REFUSALS_MS = 100;
/** Where the server has not said which record it was. Each part that fails may cost its whole time. */
const PARTS = 16;

export interface Isolation {
  readonly table: RecordsTable;
  readonly deadLetters: DeadLetters;
  readonly outbox?: AlertOutbox | undefined;
  readonly timeouts: PartTimeouts;
  /** See `blameOf`. */
  readonly repeated: boolean;
  /** In the time of `performance.now()`. */
  readonly deadline: number;
  /** What the batch was refused with, often enough to reject it if it is one record. */
  readonly refusedWith: unknown;
}

/** [from, to) of the batch's items. */
interface Part {
  readonly from: number;
  readonly to: number;
}

/** A record that was refused alone. */
interface Suspect {
  readonly index: number;
  readonly error: unknown;
}

/** A server in trouble gets some time. Records that are tried again had it in a delay queue, and may be many. */
export function afterRefusal({ retried }: Batch, refusals: number): Promise<void> {
  return delay(retried ? 0 : BETWEEN_REFUSALS_MS * refusals);
}

/** @throws the server's error where it is no record's fault, or LOGHIVE_STORAGE_UNAVAILABLE; nothing is stored then. */
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
  /** Where alerts are wanted. */
  readonly #storedRecords: StoredRecord[] = [];
  #stored = 0;
  readonly #duplicates: StoredRecord[] = [];
  /** Sent along with the next statement, to spare a round trip. */
  #before: string;

  constructor(session: DatabaseSession, batch: Batch, isolation: Isolation) {
    this.#session = session;
    this.#batch = batch;
    this.#isolation = isolation;
    this.#rows = batch.items.map((item) => Buffer.concat([...copyText([item.record])]));
    this.#before = `${begin({ statementTimeoutMs: isolation.timeouts.wholeMs, immediate: true })}savepoint part; `;
  }

  /** Stores what is taken, and gives those back that were refused alone and may be good all the same. */
  async findSuspects(): Promise<Suspect[]> {
    const suspects: Suspect[] = [];
    const { refusedWith, timeouts } = this.#isolation;
    const whole = { from: 0, to: this.#batch.items.length };
    if (whole.to === 1) {
      this.#reject({ index: 0, error: refusedWith });
      return suspects;
    }
    const open = this.#cut(whole, refusedWith);
    for (let part = open.pop(); part !== undefined; part = open.pop()) {
      const items = this.#itemsOf(part);
      const error = await this.#refusal(part, partTimeoutMs(timeouts, shareOf(items, this.#batch.items)));
      if (error === undefined) continue;
      if (items.length > 1) open.push(...this.#cut(part, error));
      else if (this.#isClear(error)) this.#reject({ index: part.from, error });
      else suspects.push({ index: part.from, error });
    }
    return suspects;
  }

  /** Rejects those that are refused alone again and again. */
  async rejectAfter(suspects: Suspect[]): Promise<void> {
    let left = suspects;
    for (let refusals = 1; refusals < MOST_REFUSALS && left.length > 0; refusals++) {
      await afterRefusal(this.#batch, refusals);
      const again: Suspect[] = [];
      for (const { index } of left) {
        // Its share it had the first time.
        const error = await this.#refusal({ from: index, to: index + 1 }, this.#isolation.timeouts.leastMs);
        if (error !== undefined) again.push({ index, error });
      }
      left = again;
    }
    for (const suspect of left) this.#reject(suspect);
  }

  #reject({ index, error }: Suspect): void {
    const { code, message } = error as { code: string; message: string };
    const verdict = verdictOf(error) === 'hopeless' ? 'hopeless' : 'retry';
    this.#rejected.set(index, { item: this.#batch.items[index]!, verdict, code, message });
  }

  async commit(): Promise<BatchOutcome> {
    const rejected = [...this.#rejected].sort(([a], [b]) => a - b).map(([, each]) => each);
    const letters = lettersOf(this.#batch, rejected);
    const before = `${this.#before}${timeout(this.#isolation.timeouts.wholeMs)}`;
    const { deadLetters, outbox } = this.#isolation;
    const events = outbox?.eventsOf(this.#storedRecords) ?? [];
    const alerts = outbox?.hasWork(events) ? outbox : undefined;
    const goesOn = letters.length > 0 || alerts !== undefined;
    if (goesOn) await this.#session.query(before);
    if (letters.length > 0) await deadLetters.write(this.#session, letters);
    const afterCommit = await alerts?.write(this.#session, events);
    // The last part may have been refused: then there is something to roll back to before there is something to commit.
    await commit(this.#session, goesOn ? '' : before);
    afterCommit?.();
    return { stored: this.#stored, ...duplicatesIn(this.#duplicates), rejected };
  }

  /** @returns why the part was refused; undefined: it is stored. */
  async #refusal(part: Part, inTimeMs: number): Promise<unknown> {
    try {
      await this.#store(part, timeout(inTimeMs));
      this.#before = 'release savepoint part; savepoint part; ';
      return undefined;
    } catch (error) {
      const blame = blameOf(error, this.#isolation.repeated);
      if ((blame !== 'record' && blame !== 'unclear') || !this.#session.isOpen()) throw error;
      this.#before = 'rollback to savepoint part; ';
      if (blame === 'unclear') {
        if (performance.now() > this.#isolation.deadline) throw asFault(error, this.#session.place);
        await this.#assertServerWorks(part, error);
      }
      return error;
    }
  }

  async #store({ from, to }: Part, inTime: string): Promise<void> {
    const { table, outbox } = this.#isolation;
    const records = this.#itemsOf({ from, to }).map((item) => item.record);
    try {
      const rows = [Buffer.concat(this.#rows.slice(from, to))];
      this.#stored += await table.copy(this.#session, rows, `${this.#before}${inTime}`);
      if (outbox) this.#storedRecords.push(...records);
    } catch (error) {
      if (verdictOf(error) !== 'on-conflict') throw error;
      await this.#session.query(`rollback to savepoint part; ${inTime}`);
      const duplicates = await table.insert(this.#session, records);
      if (outbox) this.#storedRecords.push(...without(records, duplicates));
      this.#stored += records.length - duplicates.length;
      this.#duplicates.push(...duplicates);
    }
  }

  /** @throws LOGHIVE_STORAGE_UNAVAILABLE when not even a plain row is taken. */
  async #assertServerWorks(part: Part, refusal: unknown): Promise<void> {
    const { timeouts, table } = this.#isolation;
    const before = `${this.#before}${timeout(timeouts.leastMs)}`;
    try {
      await table.storePlainRow(this.#session, before, plainRowFor(this.#itemsOf(part), sqlStateOf(refusal)));
    } catch (error) {
      throw blameOf(error, true) === 'connection' ? error : asFault(error, this.#session.place);
    }
  }

  /** It says that the record is bad. */
  #isClear(error: unknown): boolean {
    return blameOf(error, this.#isolation.repeated) === 'record';
  }

  #cut(part: Part, error: unknown): Part[] {
    return cut(part, hintOf(error), this.#isClear(error));
  }

  #itemsOf({ from, to }: Part): readonly StoreItem[] {
    return this.#batch.items.slice(from, to);
  }
}

const timeout = (ms: number) => `set local statement_timeout = ${ms}; `;

/** The index of the row within the part: COPY's context says "COPY records, line 42, column message". */
function hintOf(error: unknown): number | undefined {
  const { where } = error as { where?: string };
  const line = /^COPY records\D*(\d+)/m.exec(where ?? '')?.[1];
  return line === undefined ? undefined : Number(line) - 1;
}

/**
 * In the order in which they are taken from the end.
 *
 * @param isClear the error says that the record is bad: what stands before it is good as far as the server has read it,
 *   and the rest is halved, so that a batch of nothing but bad records is not sent as many times as it has records.
 *   Otherwise the hint may be wrong, and each part that holds the record may cost its whole time: many small ones.
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

/** The last first. */
function pieces({ from, to }: Part, most: number): Part[] {
  const size = Math.ceil((to - from) / most);
  const found: Part[] = [];
  for (let start = from; start < to; start += size) found.unshift({ from: start, to: Math.min(start + size, to) });
  return found;
}
