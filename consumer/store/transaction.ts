import type pg from 'pg';
import { begin, type TransactionSettings } from './begin.js';
import type { DatabaseSession } from './connect.js';

/** Commits what `work` has done; where it fails, nothing of it stays. @throws what it threw, or the server's error. */
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

/** @param before statements that are sent along, each with its semicolon. */
export async function commit(session: DatabaseSession, before = ''): Promise<void> {
  const answer: pg.QueryResult | pg.QueryResult[] = await session.query(`${before}commit`);
  const last = Array.isArray(answer) ? answer.at(-1) : answer;
  assertCommitted(last?.command);
}

/** In a transaction that has failed PostgreSQL answers COMMIT with "ROLLBACK" and no error. */
export function assertCommitted(command: string | undefined): void {
  if (command !== 'COMMIT') throw new Error(`PostgreSQL answered COMMIT with ${command}`);
}

/** Whatever state the transaction is in; a connection that cannot even do that is given up. Never rejects. */
export async function rollback(session: DatabaseSession): Promise<void> {
  if (!session.isOpen()) return;
  try {
    await session.query('rollback');
  } catch {
    session.destroy();
  }
}

/** Within a transaction: what fails is taken back, and the transaction can go on. @throws what the work threw. */
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
