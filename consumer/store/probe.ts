/** Whether PostgreSQL takes what batches consist of: it is stored and taken back in one transaction. */
import { begin } from './begin.js';
import type { DatabaseSession } from './connect.js';
import type { DeadLetters } from './dead-letters.js';
import type { PlainRow, RecordsTable } from './records-table.js';
import type { ServicesTable } from './services-table.js';
import { asFault } from './storage-fault.js';
import { isOfTable } from './table-refusal.js';
import { rollback } from './transaction.js';
import { during, type TaggedError, verdictOf } from './verdict.js';

/** There will be no COMMIT. It waits for a lock less long than for anything else: then PostgreSQL says that it was a lock. */
const opening = (statementTimeoutMs: number) =>
  begin({ statementTimeoutMs, lockTimeoutMs: Math.ceil(statementTimeoutMs / 2), immediate: true });

export interface Tables {
  readonly table: RecordsTable;
  readonly deadLetters: DeadLetters;
  readonly services: ServicesTable;
}

/**
 * @throws the server's or the socket's error when records or dead letters are refused. That services are is no reason to
 *   wait: see `services-table.ts`.
 */
export async function probe(
  session: DatabaseSession,
  { table, deadLetters, services }: Tables,
  row: PlainRow,
  statementTimeoutMs: number,
): Promise<void> {
  try {
    await table.storePlainRow(session, opening(statementTimeoutMs), row);
    await during('letter', deadLetters.probe(session));
    await services.probe(session);
  } finally {
    await rollback(session);
  }
}

/** Whether a probe failed over dead letters only: records without a bad one among them are stored. */
export function isOfDeadLetters(error: unknown): boolean {
  const { cause } = error as Error;
  return (cause as TaggedError | undefined)?.phase === 'letter' && isOfTable(cause);
}

/**
 * @throws LoghiveError LOGHIVE_STORAGE_UNAVAILABLE when the table takes no plain row; the socket's error when the
 *   connection broke.
 */
export async function assertTakesRecords(
  session: DatabaseSession,
  table: RecordsTable,
  row: PlainRow,
  statementTimeoutMs: number,
): Promise<void> {
  try {
    await table.storePlainRow(session, opening(statementTimeoutMs), row);
  } catch (error) {
    throw verdictOf(error) === 'reconnect' ? error : asFault(error, session.place);
  } finally {
    await rollback(session);
  }
}
