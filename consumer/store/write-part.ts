/**
 * Stores records and dead letters in one transaction while the connection lasts, and finds the cause of a refusal:
 * transient (retry), a record (isolate it), or the server (pause storage).
 */
import { setTimeout as delay } from 'node:timers/promises';
import { reasonOf } from '../../src/errors.js';
import type { AlertOutbox } from './alert-outbox.js';
import { type Batch, type BatchOutcome, BatchRefused, duplicatesIn, type PartTimeouts, without } from './batch.js';
import type { DatabaseSession } from './connect.js';
import { copyText } from './copy-text.js';
import type { DeadLettersTable } from './dead-letters-table.js';
import { actionFor, causeOf, isWriteError, withPhase } from './error-action.js';
import { afterRefusal, isolate, MAX_REFUSALS } from './isolate.js';
import { datesOf } from './partition-days.js';
import type { Partitions } from './partitions.js';
import { assertTakesRecords } from './probe.js';
import { probeRowFor, type RecordsTable } from './records-table.js';
import { asFault, isStorageFault, sqlStateOf } from './storage-fault.js';
import { transaction } from './transaction.js';

/** Retries of class 40 errors, and of a partition that changed under the COPY. */
const MAX_REPEATS = 5;

export interface PartWriterOptions {
  readonly table: RecordsTable;
  readonly deadLetters: DeadLettersTable;
  readonly partitions: Partitions;
  /** Undefined if alerts are disabled. */
  readonly outbox?: AlertOutbox | undefined;
}

export interface PartLimits {
  readonly timeouts: PartTimeouts;
  /** In terms of `performance.now()`. */
  readonly deadline: number;
}

export interface PartWriter {
  /**
   * @throws BatchRefused; LoghiveError LOGHIVE_STORAGE_UNAVAILABLE if storage has to pause, with nothing stored; the
   *   server or socket error if the connection broke, with unknown outcome.
   */
  write(session: DatabaseSession, batch: Batch, limits: PartLimits): Promise<BatchOutcome>;
}

export function createPartWriter({ table, deadLetters, partitions, outbox }: PartWriterOptions): PartWriter {
  /** The default partition makes up for any failure here, unless the server is at fault. */
  async function ensurePartitions(session: DatabaseSession, batch: Batch, timeouts: PartTimeouts): Promise<void> {
    const dates = datesOf(batch.items.map(({ record }) => record));
    try {
      await withPhase('ddl', partitions.ensure(session, dates));
    } catch (error) {
      const action = actionFor(error);
      if (action === 'reconnect' || action === 'retry-transaction') throw error;
      if (action === 'defer') return;
      await assertServerWorks(session, batch, error, timeouts);
      partitions.defer(session, error);
    }
  }

  function assertServerWorks(
    session: DatabaseSession,
    { items }: Batch,
    error: unknown,
    { minMs }: PartTimeouts,
  ): Promise<void> {
    return assertTakesRecords(session, table, probeRowFor(items, sqlStateOf(error)), minMs);
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
    const { count, afterCommit } = await withPhase('copy', transaction(session, settings, all));
    afterCommit?.();
    return stored(count);
  }

  /** Used if a record of the batch is already stored. */
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
    const { duplicates, afterCommit } = await withPhase('insert', transaction(session, settings, all));
    afterCommit?.();
    return { stored: records.length - duplicates.length, ...duplicatesIn(duplicates), rejected: [] };
  }

  async function store(session: DatabaseSession, batch: Batch, statementTimeoutMs: number): Promise<BatchOutcome> {
    try {
      return await storeByCopy(session, batch, statementTimeoutMs);
    } catch (error) {
      if (actionFor(error) !== 'on-conflict') throw error;
      return await storeByInsert(session, batch, statementTimeoutMs);
    }
  }

  return {
    async write(session, batch, { timeouts, deadline }) {
      const { fullMs, minMs } = timeouts;
      let refusals = 0;
      let repeats = 0;
      let refusedWith: unknown;
      for (;;) {
        const repeated = repeats >= MAX_REPEATS;
        try {
          await ensurePartitions(session, batch, timeouts);
          // Repeated attempts get the minimum timeout.
          if (refusals < MAX_REFUSALS) return await store(session, batch, refusals === 0 ? fullMs : minMs);
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
          const cause = causeOf(error, repeated);
          if (cause === 'connection') throw error;
          if (cause === 'transient') {
            partitions.forget();
            repeats++;
            await delay(Math.random() * 20 * 2 ** repeats);
            continue;
          }
          if (!isWriteError(error) || performance.now() > deadline) throw asFault(error, session.place);
          await assertServerWorks(session, batch, error, timeouts);
          refusedWith = error;
          // If a record is certainly bad, sending the whole batch again is useless.
          refusals = cause === 'record' ? MAX_REFUSALS : refusals + 1;
          if (refusals < MAX_REFUSALS) await afterRefusal(batch, refusals);
          else if (batch.isWholeOrNothing) {
            throw new BatchRefused(`PostgreSQL refuses the batch, but accepts a probe row: ${reasonOf(error)}`, {
              cause: error,
            });
          }
        }
      }
    },
  };
}

const stored = (count: number): BatchOutcome => ({ stored: count, duplicates: 0, rejected: [] });
