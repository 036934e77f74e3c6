/**
 * Stores a batch and handles each failure as the delivery contract says. Every step is safe to repeat, because the key
 * (ts, id) stores a record once.
 *
 * A batch is one transaction of records and dead letters. It is split into several only if its connection is lost
 * repeatedly: see `LossTracker`.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { reasonOf } from '../../src/errors.js';
import type { StatusLog } from '../../src/status-log.js';
import {
  type Batch,
  type BatchOutcome,
  BatchRefused,
  lettersOf,
  NOTHING,
  type PartTimeouts,
  partTimeoutMs,
  type Rejected,
  type StoreItem,
  shareOf,
  shareOfUsual,
  sumOf,
} from './batch.js';
import type { DatabaseSession } from './connect.js';
import type { DeadLetter } from './dead-letters-table.js';
import { actionFor, isWriteError } from './error-action.js';
import { LossTracker } from './loss-tracker.js';
import { assertTakesRecords } from './probe.js';
import type { RecordsTable } from './records-table.js';
import { asFault, isStorageFault, sqlStateOf } from './storage-fault.js';
import type { PartWriter } from './write-part.js';

/**
 * The broker requeues what is not acknowledged within 30 minutes; a statement may still be running when this time is
 * over.
 */
const MAX_WRITE_MS = 10 * 60_000;
/** Delay between the two probes after a loss; grows with the number of losses. */
const FIRST_WAIT_MS = 100;
const MAX_WAIT_MS = 1000;
/** SQLSTATE for a connection that was lost without a message from the server. */
const CONNECTION_FAILURE = '08006';

export interface Writer {
  /** @throws BatchRefused; LoghiveError LOGHIVE_STORAGE_UNAVAILABLE if storage has to pause. */
  write(batch: Batch): Promise<BatchOutcome>;
  /** Call it after a successful probe: it confirms earlier connection losses, see `LossTracker`. */
  serverWorks(): void;
}

export interface WriterOptions {
  readonly table: RecordsTable;
  readonly parts: PartWriter;
  /** The open session, or a new one. @throws LoghiveError LOGHIVE_STORAGE_UNAVAILABLE */
  readonly session: () => Promise<DatabaseSession>;
  /** For a whole batch. */
  readonly timeouts: PartTimeouts;
  readonly warnings: StatusLog;
}

export function createWriter({ table, parts, session: openSession, timeouts, warnings }: WriterOptions): Writer {
  const tracker = new LossTracker();

  /** A trigger may drop or redirect rows on purpose, so this is only a warning. */
  function warnAboutMissingRows(outcome: BatchOutcome, sent: number): BatchOutcome {
    const missing = sent - outcome.stored - outcome.duplicates - outcome.rejected.length;
    if (missing > 0) {
      const sentence = `PostgreSQL accepted ${sent} records but stored ${outcome.stored}: a trigger on the records table discards rows.`;
      warnings.once(sentence, 'rows discarded');
    }
    return outcome;
  }

  /**
   * Probes twice with a delay, except after the first loss: an unstable server must not look like a bad record.
   *
   * @throws LoghiveError LOGHIVE_STORAGE_UNAVAILABLE
   */
  async function assertServerWorks(items: readonly StoreItem[]): Promise<void> {
    const losses = tracker.maxLossCount(items);
    const waits = losses === 0 ? [0] : [0, Math.min(FIRST_WAIT_MS * 2 ** (losses - 1), MAX_WAIT_MS)];
    for (const waitMs of waits) {
      await delay(waitMs);
      const session = await openSession();
      try {
        await assertTakesRecords(session, table, { like: items[0]?.record }, timeouts.minMs);
      } catch (error) {
        session.destroy();
        throw asFault(error, session.place);
      }
    }
  }

  /** Timeouts for records that are sent together. */
  function timeoutsFor(together: readonly StoreItem[], { items, retried }: Batch): PartTimeouts {
    const share = retried ? shareOfUsual(together) : together === items ? 1 : shareOf(together, items);
    return { ...timeouts, fullMs: partTimeoutMs(timeouts, share) };
  }

  return {
    serverWorks: () => tracker.confirmLoss(),
    async write(batch) {
      const deadline = performance.now() + MAX_WRITE_MS;
      let rest = batch;
      let outcome = NOTHING;
      let otherLosses = 0;
      const resolve = (items: readonly StoreItem[], what: BatchOutcome, letters: readonly DeadLetter[]) => {
        tracker.resolved(items);
        outcome = sumOf(outcome, what);
        rest = { ...rest, items: without(rest.items, items), letters };
      };

      while (rest.items.length > 0 || rest.letters.length > 0) {
        // Checked before sending: the recovery after a crash may outlast the call that sent the record.
        const rejected = tracker.culprits(rest.items).map(({ item, error }) => rejectionOf(item, error));
        if (rejected.length > 0) {
          const items = rejected.map(({ item }) => item);
          resolve(items, { ...NOTHING, rejected }, lettersOf(rest, rejected));
          continue;
        }
        const session = await openSession();
        const together = tracker.nextPart(rest.items);
        try {
          const limits = { timeouts: timeoutsFor(together, batch), deadline };
          // Once part of the batch is stored, it cannot be redelivered as a whole.
          const isWholeOrNothing = batch.isWholeOrNothing === true && rest === batch;
          const part = { ...rest, items: together, isWholeOrNothing };
          resolve(together, await parts.write(session, part, limits), []);
        } catch (error) {
          if (error instanceof BatchRefused) throw error;
          const lost = isLoss(error, session);
          session.destroy();
          if (!lost) throw asFault(error, session.place);
          if (isWriteError(error)) tracker.recordLoss(together, error);
          else otherLosses++;
          // A host that did not answer within the time limit will not answer an immediate retry either.
          const isOver = actionFor(error) !== 'reconnect' || otherLosses > 1 || performance.now() > deadline;
          if (isOver) throw asFault(error, session.place);
          await assertServerWorks(together);
          tracker.confirmLoss();
        }
      }
      return warnAboutMissingRows(outcome, batch.items.length);
    },
  };
}

/** Whether the connection was lost, rather than the server reporting why storage must pause. */
function isLoss(error: unknown, session: DatabaseSession): boolean {
  return !isStorageFault(error) && (actionFor(error) === 'reconnect' || !session.isOpen());
}

function rejectionOf(item: StoreItem, error: unknown): Rejected {
  const message = `the connection was lost each time this record was sent: ${reasonOf(error)}`;
  return { item, action: 'retry', code: sqlStateOf(error) ?? CONNECTION_FAILURE, message };
}

function without(items: readonly StoreItem[], gone: readonly StoreItem[]): readonly StoreItem[] {
  if (items === gone) return [];
  const excluded = new Set(gone);
  return items.filter((item) => !excluded.has(item));
}
