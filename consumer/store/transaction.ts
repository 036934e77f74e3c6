import type pg from 'pg';
import type { DatabaseSession } from './connect.js';
import { begin, type TransactionSettings } from './sql.js';

/**
 * Runs `work` in a transaction: commits on success, rolls back on failure. @throws the error of `work`, or the server
 * error.
 */
export async function transaction<T>(
  session: DatabaseSession,
  settings: TransactionSettings,
  work: () => Promise<T>,
): Promise<T> {
  try {
    await session.query(begin(settings));
    const result = await work();
    await commit(session);
    return result;
  } catch (error) {
    await rollback(session);
    throw error;
  }
}

/** @param before statements to send in the same round trip, each with its semicolon. */
export async function commit(session: DatabaseSession, before = ''): Promise<void> {
  const answer: pg.QueryResult | pg.QueryResult[] = await session.query(`${before}commit`);
  const last = Array.isArray(answer) ? answer.at(-1) : answer;
  assertCommitted(last?.command);
}

/** PostgreSQL answers COMMIT of a failed transaction with the command tag "ROLLBACK" and no error. */
export function assertCommitted(command: string | undefined): void {
  if (command !== 'COMMIT') throw new Error(`PostgreSQL answered COMMIT with ${command}`);
}

/** Safe in any transaction state. Closes the connection if ROLLBACK fails. Never rejects. */
export async function rollback(session: DatabaseSession): Promise<void> {
  if (!session.isOpen()) return;
  try {
    await session.query('rollback');
  } catch {
    session.destroy();
  }
}

/**
 * Runs `work` under a savepoint of the current transaction and rolls back to it on failure. @throws the error of
 * `work`.
 */
export async function underSavepoint(session: DatabaseSession, work: () => Promise<unknown>): Promise<void> {
  await session.query('savepoint work');
  try {
    await work();
    await session.query('release savepoint work');
  } catch (error) {
    await session.query('rollback to savepoint work').catch(session.destroy);
    throw error;
  }
}
