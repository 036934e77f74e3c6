/** A transaction that only reads, and is cancelled on the server when its reader goes away. */
import type { DatabaseSession } from '../consumer/store/connect.js';
import { begin } from '../consumer/store/sql.js';
import { sqlStateOf } from '../consumer/store/storage-fault.js';
import { rollback } from '../consumer/store/transaction.js';
import { LoghiveError } from '../src/errors.js';

export interface ReadLimits {
  /** For all of `work`, in milliseconds. Default 30000; 0: none. */
  readonly timeoutMs?: number | undefined;
  /** Cancels the statement on the server. The promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Default: read committed. In 'repeatable read', all statements see the same. */
  readonly isolation?: 'read committed' | 'repeatable read' | undefined;
}

/** A statement of `work`. */
export type Statement = <Row>(text: string, values: readonly unknown[]) => Promise<Row[]>;

const DEFAULT_TIMEOUT_MS = 30_000;
/** For statements that take no time, and for the way of an answer, in milliseconds. */
export const ANSWER_TIMEOUT_MS = 10_000;

/**
 * Runs `work` in a read-only transaction of its own.
 *
 * @throws LoghiveError LOGHIVE_SEARCH_TIMEOUT; the signal's reason; the server error.
 */
export async function readOnly<T>(
  session: DatabaseSession,
  { timeoutMs = DEFAULT_TIMEOUT_MS, signal, isolation }: ReadLimits,
  work: (statement: Statement) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const endMs = performance.now() + timeoutMs;
  let canceled: Promise<void> | undefined;
  const cancel = () => {
    canceled = session.cancel();
  };
  signal?.addEventListener('abort', cancel);
  let isFirst = true;

  async function statement<Row>(text: string, values: readonly unknown[]): Promise<Row[]> {
    signal?.throwIfAborted();
    const leftMs = timeoutMs === 0 ? 0 : Math.max(1, Math.ceil(endMs - performance.now()));
    if (!isFirst && timeoutMs > 0) await session.query(`set local statement_timeout = ${leftMs}`);
    isFirst = false;
    // The server answers first, unless the connection is half-open.
    const { rows } = await session.query(text, [...values], leftMs === 0 ? 0 : leftMs + ANSWER_TIMEOUT_MS);
    return rows as Row[];
  }

  try {
    await session.query(begin({ statementTimeoutMs: timeoutMs, readOnly: true, isolation }));
    return await work(statement);
  } catch (error) {
    signal?.throwIfAborted();
    throw isCanceled(error) ? timeout(timeoutMs, error) : error;
  } finally {
    signal?.removeEventListener('abort', cancel);
    // Otherwise it could reach the next statement of the session.
    await canceled;
    // Nothing to commit; and it is safe after an error.
    await rollback(session);
  }
}

function timeout(timeoutMs: number, cause: unknown): LoghiveError {
  return new LoghiveError(
    'LOGHIVE_SEARCH_TIMEOUT',
    `PostgreSQL did not finish within ${timeoutMs / 1000} s. Search a shorter range of time, add a condition that an index serves (a service, a level, a field), or raise the time limit.`,
    { cause },
  );
}

/** Whether the statement was canceled by its time limit, or by somebody else. */
export function isCanceled(error: unknown): boolean {
  return sqlStateOf(error) === '57014';
}
