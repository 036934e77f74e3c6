/** Checks whether PostgreSQL accepts what batches contain, in a transaction that is rolled back. */
import type { DatabaseSession } from './connect.js';
import type { DeadLettersTable } from './dead-letters-table.js';
import { actionFor, type TaggedError, withPhase } from './error-action.js';
import type { ProbeRow, RecordsTable } from './records-table.js';
import type { ServicesTable } from './services-table.js';
import { begin } from './sql.js';
import { asFault, isTableError } from './storage-fault.js';
import { rollback } from './transaction.js';

/**
 * The transaction is never committed. `lock_timeout` is half of `statement_timeout`, so that the error names the lock
 * as the cause.
 */
const opening = (statementTimeoutMs: number) =>
  begin({ statementTimeoutMs, lockTimeoutMs: Math.ceil(statementTimeoutMs / 2), immediate: true });

export interface Tables {
  readonly table: RecordsTable;
  readonly deadLetters: DeadLettersTable;
  readonly services: ServicesTable;
}

/**
 * @throws the server or socket error if records or dead letters are refused. A refusal by the services table does not
 *   pause storage: see `services-table.ts`.
 */
export async function probe(
  session: DatabaseSession,
  { table, deadLetters, services }: Tables,
  row: ProbeRow,
  statementTimeoutMs: number,
): Promise<void> {
  try {
    await table.storeProbeRow(session, opening(statementTimeoutMs), row);
    await withPhase('dead-letter', deadLetters.probe(session));
    await services.probe(session);
  } finally {
    await rollback(session);
  }
}

/** Whether only dead letters were refused. Batches without bad records can still be stored. */
export function isDeadLetterError(error: unknown): boolean {
  const { cause } = error as Error;
  return (cause as TaggedError | undefined)?.phase === 'dead-letter' && isTableError(cause);
}

/**
 * @throws LoghiveError LOGHIVE_STORAGE_UNAVAILABLE if the table refuses the probe row; the socket error if the
 *   connection broke.
 */
export async function assertTakesRecords(
  session: DatabaseSession,
  table: RecordsTable,
  row: ProbeRow,
  statementTimeoutMs: number,
): Promise<void> {
  try {
    await table.storeProbeRow(session, opening(statementTimeoutMs), row);
  } catch (error) {
    throw actionFor(error) === 'reconnect' ? error : asFault(error, session.place);
  } finally {
    await rollback(session);
  }
}
