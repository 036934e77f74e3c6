/**
 * Stores a batch: COPY, and what the contract says for each way in which that can fail. Everything here is safe to
 * repeat, because the key (ts, id) stores a record once.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type Batch, halvesOf, type Outcome, sumOf } from './batch.js';
import type { Session } from './connect.js';
import { copyText } from './copy-text.js';
import { isolate } from './isolate.js';
import type { Partitions } from './partitions.js';
import type { RecordsTable } from './records-table.js';
import { asFault, isStorageFault } from './storage-fault.js';
import { during, verdictOf } from './verdict.js';

/** Of class 40, and of a partition that changed under the COPY. */
const MOST_REPEATS = 5;
/** A batch that failed so often while the probe row was taken is cut in half. */
const MOST_FAILURES = 3;
/** The broker takes back what is not acknowledged within 30 minutes; a statement may be under way when this is over. */
const PATIENCE_MS = 10 * 60_000;

export interface Writer {
  /**
   * @throws LoghiveError LOGHIVE_STORAGE_UNAVAILABLE when nothing may move until the server is well; the server's or
   *   socket's error when the connection broke (verdict `reconnect`), the outcome being unknown then.
   */
  write(session: Session, batch: Batch): Promise<Outcome>;
}

export interface WriterOptions {
  readonly table: RecordsTable;
  readonly partitions: Partitions;
  readonly notice: (text: string) => void;
}

export function createWriter({ table, partitions, notice }: WriterOptions): Writer {
  let toldSwallowed = false;

  /** A trigger may keep rows out on purpose, or put them elsewhere: that is not ours to judge, but it is told. */
  function told(outcome: Outcome, sent: number): Outcome {
    const missing = sent - outcome.stored - outcome.duplicates - outcome.rejected.length;
    if (missing > 0 && !toldSwallowed) {
      toldSwallowed = true;
      notice(
        `PostgreSQL took ${sent} records and stored ${outcome.stored}: a trigger on records keeps rows out of it.`,
      );
    }
    return outcome;
  }

  async function ensurePartitions(session: Session, dates: ReadonlySet<string>): Promise<void> {
    try {
      await during('ddl', partitions.ensure(session, dates));
    } catch (error) {
      if (verdictOf(error) !== 'later') throw error;
    }
  }

  /** Once through; the errors that come out are of the table, the server or the connection, not of a record. */
  async function attempt(session: Session, batch: Batch, noPartition: boolean): Promise<Outcome> {
    const { items, records, dates } = batch;
    await ensurePartitions(session, dates);
    let refused: unknown;
    try {
      return { stored: await table.copy(session, copyText(records)), duplicates: 0, rejected: [] };
    } catch (error) {
      refused = error;
    }
    if (verdictOf(refused) === 'on-conflict') {
      try {
        const stored = await table.insert(session, records);
        return { stored, duplicates: items.length - stored, rejected: [] };
      } catch (error) {
        refused = error;
      }
    }
    const verdict = verdictOf(refused);
    const bad = verdict === 'hopeless' || verdict === 'retry' || (verdict === 'refresh-partitions' && noPartition);
    if (!bad) throw refused;
    await probe(session, batch);
    return isolate(session, table, items, noPartition);
  }

  /** @throws LOGHIVE_STORAGE_UNAVAILABLE when not even a plain row is taken. */
  async function probe(session: Session, { items }: Batch): Promise<void> {
    try {
      await table.probe(session, items[0]?.record);
    } catch (error) {
      if (verdictOf(error) === 'reconnect') throw error;
      throw asFault(error, session.place);
    }
  }

  async function write(session: Session, batch: Batch, failuresBefore: number, deadline: number): Promise<Outcome> {
    let failures = failuresBefore;
    let repeats = 0;
    for (;;) {
      try {
        return await attempt(session, batch, repeats >= MOST_REPEATS);
      } catch (error) {
        if (isStorageFault(error)) throw error;
        const verdict = verdictOf(error);
        if (verdict === 'reconnect') throw error;
        if (verdict === 'repeat' || verdict === 'refresh-partitions') {
          partitions.forget();
          repeats++;
          if (repeats > MOST_REPEATS) throw asFault(error, session.place);
          await delay(Math.random() * 20 * 2 ** repeats);
          continue;
        }
        if (!session.isOpen()) throw asFault(error, session.place);
        await probe(session, batch);
        failures++;
        if (failures < MOST_FAILURES) {
          await delay(100 * failures);
          continue;
        }
        if (batch.items.length === 1 || performance.now() > deadline) throw asFault(error, session.place);
        const [first, second] = halvesOf(batch);
        // A half gets one attempt before it is halved again; the first record that fails alone ends it.
        return sumOf(
          await write(session, first, MOST_FAILURES - 1, deadline),
          await write(session, second, MOST_FAILURES - 1, deadline),
        );
      }
    }
  }

  return {
    async write(session, batch) {
      return told(await write(session, batch, 0, performance.now() + PATIENCE_MS), batch.items.length);
    },
  };
}
