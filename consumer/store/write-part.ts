/**
 * Stores records and dead letters in one transaction for as long as the connection holds, and finds out whose fault a
 * refusal is: nobody's (it is repeated), a record's (it is isolated), or the server's (storage pauses).
 */
import { setTimeout as delay } from 'node:timers/promises';
import { reasonOf } from '../../src/errors.js';
import type { AlertOutbox } from './alert-outbox.js';
import { type Batch, type BatchOutcome, BatchRefused, duplicatesIn, without } from './batch.js';
import type { DatabaseSession } from './connect.js';
import { copyText } from './copy-text.js';
import type { DeadLetters } from './dead-letters.js';
import { afterRefusal, isolate, MOST_REFUSALS } from './isolate.js';
import type { PartTimeouts } from './part-timeout.js';
import { datesOf } from './partition-days.js';
import type { Partitions } from './partitions.js';
import { assertTakesRecords } from './probe.js';
import { plainRowFor, type RecordsTable } from './records-table.js';
import { asFault, isStorageFault, sqlStateOf } from './storage-fault.js';
import { transaction } from './transaction.js';
import { blameOf, during, isOfRecords, verdictOf } from './verdict.js';

/** Of class 40, and of a partition that changed under the COPY. */
const MOST_REPEATS = 5;

export interface PartWriterOptions {
  readonly table: RecordsTable;
  readonly deadLetters: DeadLetters;
  readonly partitions: Partitions;
  /** Undefined: nobody wants alerts. */
  readonly outbox?: AlertOutbox | undefined;
}

export interface PartLimits {
  readonly timeouts: PartTimeouts;
  /** In the time of `performance.now()`. */
  readonly deadline: number;
}

export interface PartWriter {
  /**
   * @throws BatchRefused; LoghiveError LOGHIVE_STORAGE_UNAVAILABLE when nothing may move until the server is well, nothing being stored
   *   then; the server's or socket's error when the connection broke, the outcome being unknown.
   */
  write(session: DatabaseSession, batch: Batch, limits: PartLimits): Promise<BatchOutcome>;
}

export function createPartWriter({ table, deadLetters, partitions, outbox }: PartWriterOptions): PartWriter {
  /** What goes wrong here the default partition makes up for, unless it is the server. */
  async function ensurePartitions(session: DatabaseSession, batch: Batch, timeouts: PartTimeouts): Promise<void> {
    const dates = datesOf(batch.items.map(({ record }) => record));
    try {
      await during('ddl', partitions.ensure(session, dates));
    } catch (error) {
      const verdict = verdictOf(error);
      if (verdict === 'reconnect' || verdict === 'repeat') throw error;
      if (verdict === 'later') return;
      await assertServerWorks(session, batch, error, timeouts);
      partitions.leave(session, error);
    }
  }

  function assertServerWorks(
    session: DatabaseSession,
    { items }: Batch,
    error: unknown,
    { leastMs }: PartTimeouts,
  ): Promise<void> {
    return assertTakesRecords(session, table, plainRowFor(items, sqlStateOf(error)), leastMs);
  }

  async function storeByCopy(
    session: DatabaseSession,
    batch: Batch,
    statementTimeoutMs: number,
  ): Promise<BatchOutcome> {
    const { items, letters } = batch;
    const records = items.map(({ record }) => record);
    const rows = copyText(records);
    const events = outbox?.eventsOf(records) ?? [];
    const alerts = outbox?.hasWork(events) ? outbox : undefined;
    if (letters.length === 0 && alerts === undefined)
      return stored(await table.copyAndCommit(session, rows, { statementTimeoutMs }));
    const settings = { statementTimeoutMs, immediate: true };
    const all = async () => {
      const count = items.length > 0 ? await table.copy(session, rows) : 0;
      if (letters.length > 0) await deadLetters.write(session, letters);
      return { count, afterCommit: await alerts?.write(session, events) };
    };
    const { count, afterCommit } = await during('copy', transaction(session, settings, all));
    afterCommit?.();
    return stored(count);
  }

  /** Where a record of the batch is there already. */
  async function storeByInsert(
    session: DatabaseSession,
    batch: Batch,
    statementTimeoutMs: number,
  ): Promise<BatchOutcome> {
    const records = batch.items.map(({ record }) => record);
    const all = async () => {
      const duplicates = await table.insert(session, records);
      await deadLetters.write(session, batch.letters);
      const events = outbox?.eventsOf(without(records, duplicates)) ?? [];
      return { duplicates, afterCommit: outbox?.hasWork(events) ? await outbox.write(session, events) : undefined };
    };
    const settings = { statementTimeoutMs, immediate: batch.letters.length > 0 || outbox !== undefined };
    const { duplicates, afterCommit } = await during('insert', transaction(session, settings, all));
    afterCommit?.();
    return { stored: records.length - duplicates.length, ...duplicatesIn(duplicates), rejected: [] };
  }

  async function store(session: DatabaseSession, batch: Batch, statementTimeoutMs: number): Promise<BatchOutcome> {
    try {
      return await storeByCopy(session, batch, statementTimeoutMs);
    } catch (error) {
      if (verdictOf(error) !== 'on-conflict') throw error;
      return await storeByInsert(session, batch, statementTimeoutMs);
    }
  }

  return {
    async write(session, batch, { timeouts, deadline }) {
      const { wholeMs, leastMs } = timeouts;
      let refusals = 0;
      let repeats = 0;
      let refusedWith: unknown;
      for (;;) {
        const repeated = repeats >= MOST_REPEATS;
        try {
          await ensurePartitions(session, batch, timeouts);
          // The second and the third time a moment has to do.
          if (refusals < MOST_REFUSALS) return await store(session, batch, refusals === 0 ? wholeMs : leastMs);
          return await isolate(session, batch, {
            table,
            deadLetters,
            outbox,
            timeouts,
            deadline,
            repeated,
            refusedWith,
          });
        } catch (error) {
          if (isStorageFault(error) || !session.isOpen()) throw error;
          const blame = blameOf(error, repeated);
          if (blame === 'connection') throw error;
          if (blame === 'chance') {
            partitions.forget();
            repeats++;
            await delay(Math.random() * 20 * 2 ** repeats);
            continue;
          }
          if (!isOfRecords(error) || performance.now() > deadline) throw asFault(error, session.place);
          await assertServerWorks(session, batch, error, timeouts);
          refusedWith = error;
          // Where it is certain that a record is bad, nothing is gained by sending all of them again.
          refusals = blame === 'record' ? MOST_REFUSALS : refusals + 1;
          if (refusals < MOST_REFUSALS) await afterRefusal(batch, refusals);
          else if (batch.isWholeOrNothing) {
            throw new BatchRefused(`PostgreSQL refuses the batch, but takes a plain row: ${reasonOf(error)}`, {
              cause: error,
            });
          }
        }
      }
    },
  };
}

const stored = (count: number): BatchOutcome => ({ stored: count, duplicates: 0, rejected: [] });
