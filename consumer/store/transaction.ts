import type pg from 'pg';
import type { Session } from './connect.js';

/**
 * Commits, and makes sure that it was a commit: in a transaction that has failed PostgreSQL answers COMMIT with
 * "ROLLBACK" and no error.
 *
 * @param before statements that are sent along, each with its semicolon.
 */
export async function commit(session: Session, before = ''): Promise<void> {
  const answer: pg.QueryResult | pg.QueryResult[] = await session.query(`${before}commit`);
  const last = Array.isArray(answer) ? answer.at(-1) : answer;
  if (last?.command !== 'COMMIT') throw new Error(`PostgreSQL answered COMMIT with ${last?.command}`);
}

/** Whatever state the transaction is in; a connection that cannot even do that is given up. Never rejects. */
export async function rollback(session: Session): Promise<void> {
  try {
    await session.query('rollback');
  } catch {
    session.destroy();
  }
}
