/**
 * Stores a batch, and what the contract says for each way in which that can fail. Everything here is safe to repeat,
 * because the key (ts, id) stores a record once.
 *
 * A batch is one transaction, records and dead letters together. Only where its connection is lost again and again it
 * becomes several: see `Suspects`.
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
  type Rejected,
  type StoreItem,
  sumOf,
} from './batch.js';
import type { DatabaseSession } from './connect.js';
import type { DeadLetter } from './dead-letters.js';
import { type PartTimeouts, partTimeoutMs, shareOf, shareOfUsual } from './part-timeout.js';
import { assertTakesRecords } from './probe.js';
import type { RecordsTable } from './records-table.js';
import { asFault, isStorageFault, sqlStateOf } from './storage-fault.js';
import { Suspects } from './suspects.js';
import { isOfRecords, verdictOf } from './verdict.js';
import type { PartWriter } from './write-part.js';

/** The broker takes back what is not acknowledged within 30 minutes; a statement may be under way when this is over. */
const PATIENCE_MS = 10 * 60_000;
/** Between the two probes after a loss; longer the more often it happens. */
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 1000;
/** SQLSTATE for a connection that ended without a word of the server. */
const CONNECTION_FAILURE = '08006';

export interface Writer {
  /** @throws BatchRefused; LoghiveError LOGHIVE_STORAGE_UNAVAILABLE when nothing may move until the server is well. */
  write(batch: Batch): Promise<BatchOutcome>;
  /** A probe has succeeded: the connections that were lost before count, see `Suspects`. */
  serverWorks(): void;
}

export interface WriterOptions {
  readonly table: RecordsTable;
  readonly parts: PartWriter;
  /** The open session, or a new one. @throws LoghiveError LOGHIVE_STORAGE_UNAVAILABLE */
  readonly session: () => Promise<DatabaseSession>;
  /** Of a whole batch. */
  readonly timeouts: PartTimeouts;
  readonly warnings: StatusLog;
}

export function createWriter({ table, parts, session: openSession, timeouts, warnings }: WriterOptions): Writer {
  const suspects = new Suspects();

  /** A trigger may keep rows out on purpose, or put them elsewhere: that is not ours to judge, but it is told. */
  function told(outcome: BatchOutcome, sent: number): BatchOutcome {
    const missing = sent - outcome.stored - outcome.duplicates - outcome.rejected.length;
    if (missing > 0) {
      const sentence = `PostgreSQL took ${sent} records and stored ${outcome.stored}: a trigger on records keeps rows out of it.`;
      warnings.once(sentence, 'rows kept out');
    }
    return outcome;
  }

  /**
   * Twice, with some time between, unless it was the first loss: a server that goes up and down must not look like a bad
   * record.
   *
   * @throws LoghiveError LOGHIVE_STORAGE_UNAVAILABLE
   */
  async function assertServerWorks(items: readonly StoreItem[]): Promise<void> {
    const losses = suspects.lossesOf(items);
    const waits = losses === 0 ? [0] : [0, Math.min(FIRST_WAIT_MS * 2 ** (losses - 1), LONGEST_WAIT_MS)];
    for (const waitMs of waits) {
      await delay(waitMs);
      const session = await openSession();
      try {
        await assertTakesRecords(session, table, { like: items[0]?.record }, timeouts.leastMs);
      } catch (error) {
        session.destroy();
        throw asFault(error, session.place);
      }
    }
  }

  /** For records that are sent together. */
  function timeoutsFor(together: readonly StoreItem[], { items, retried }: Batch): PartTimeouts {
    const share = retried ? shareOfUsual(together) : together === items ? 1 : shareOf(together, items);
    return { ...timeouts, wholeMs: partTimeoutMs(timeouts, share) };
  }

  return {
    serverWorks: () => suspects.confirm(),
    async write(batch) {
      const deadline = performance.now() + PATIENCE_MS;
      let rest = batch;
      let outcome = NOTHING;
      let otherLosses = 0;
      const settle = (items: readonly StoreItem[], what: BatchOutcome, letters: readonly DeadLetter[]) => {
        suspects.settled(items);
        outcome = sumOf(outcome, what);
        rest = { ...rest, items: without(rest.items, items), letters };
      };

      while (rest.items.length > 0 || rest.letters.length > 0) {
        // Before anything is sent: the recovery after a crash may outlast the call that sent the record.
        const rejected = suspects.guilty(rest.items).map(({ item, error }) => rejectionOf(item, error));
        if (rejected.length > 0) {
          const items = rejected.map(({ item }) => item);
          settle(items, { ...NOTHING, rejected }, lettersOf(rest, rejected));
          continue;
        }
        const session = await openSession();
        const together = suspects.next(rest.items);
        try {
          const limits = { timeouts: timeoutsFor(together, batch), deadline };
          // Once something of it is settled, all of it cannot come again.
          const isWholeOrNothing = batch.isWholeOrNothing === true && rest === batch;
          const part = { ...rest, items: together, isWholeOrNothing };
          settle(together, await parts.write(session, part, limits), []);
        } catch (error) {
          if (error instanceof BatchRefused) throw error;
          const lost = isLoss(error, session);
          session.destroy();
          if (!lost) throw asFault(error, session.place);
          if (isOfRecords(error)) suspects.lost(together, error);
          else otherLosses++;
          // A host that did not answer within the time limit will not answer an immediate retry either.
          const isOver = verdictOf(error) !== 'reconnect' || otherLosses > 1 || performance.now() > deadline;
          if (isOver) throw asFault(error, session.place);
          await assertServerWorks(together);
          suspects.confirm();
        }
      }
      return told(outcome, batch.items.length);
    },
  };
}

/** The connection is gone, and it was not the server that said why storage must wait. */
function isLoss(error: unknown, session: DatabaseSession): boolean {
  return !isStorageFault(error) && (verdictOf(error) === 'reconnect' || !session.isOpen());
}

function rejectionOf(item: StoreItem, error: unknown): Rejected {
  const message = `the connection was lost each time this record was sent: ${reasonOf(error)}`;
  return { item, verdict: 'retry', code: sqlStateOf(error) ?? CONNECTION_FAILURE, message };
}

function without(items: readonly StoreItem[], gone: readonly StoreItem[]): readonly StoreItem[] {
  if (items === gone) return [];
  const settled = new Set(gone);
  return items.filter((item) => !settled.has(item));
}
