/**
 * Maps an error of PostgreSQL to an action: the table of the delivery contract as one pure function.
 * Codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
 */

/** The operation that failed. Errors of DDL, of connecting and of dead letters are never caused by a record. */
export type Phase = 'connect' | 'copy' | 'insert' | 'dead-letter' | 'ddl' | 'query';

export interface Failure {
  /** SQLSTATE. If undefined or a Node code (`ECONNRESET`), the connection itself failed. */
  readonly code?: string | undefined;
  readonly constraint?: string | undefined;
  readonly phase: Phase;
}

/**
 * - `on-conflict`: a record is already stored, or occurs twice in the batch; insert with ON CONFLICT.
 * - `refresh-partitions`: the partition changed under a waiting COPY; drop the cache and retry.
 * - `retry-transaction`: a deadlock or a serialization failure; retry the same transaction.
 * - `dead-letter`, `retry`: if the table accepts a probe row, one record is bad; isolate it. `retry` if the rules of
 *   the table may change (a constraint), `dead-letter` if no table of this shape could ever store it.
 * - `defer`: DDL that can wait; the default partition stores the rows meanwhile.
 * - `reconnect`: the connection is lost and the outcome unknown; retrying is safe because of the key.
 * - `pause`: storage pauses until a probe succeeds. If every probe succeeds, one record may be the cause after all.
 */
export type ErrorAction =
  | 'on-conflict'
  | 'refresh-partitions'
  | 'retry-transaction'
  | 'dead-letter'
  | 'retry'
  | 'defer'
  | 'reconnect'
  | 'pause';

/**
 * The server ends the session with these, so the connection is already gone: shutdown by an administrator, crash,
 * startup or shutdown, dropped database, and the session timeouts.
 */
const SESSION_ENDED = new Set(['57P01', '57P02', '57P03', '57P04', '57P05', '25P03', '25P04']);

/** Unlisted codes pause: waiting for an operator is safer than dropping a record. */
export function errorAction({ code, constraint, phase }: Failure): ErrorAction {
  // ETIMEDOUT: an immediate retry would wait just as long.
  if (phase === 'connect' || code === 'ETIMEDOUT') return 'pause';
  if (!isSqlState(code) || code.startsWith('08') || SESSION_ENDED.has(code)) return 'reconnect';
  if (code.startsWith('40')) return 'retry-transaction';
  if (phase === 'ddl') return ddlAction(code);
  if (phase === 'query' || phase === 'dead-letter') return 'pause';
  if (code === '23505') return phase === 'copy' ? 'on-conflict' : 'retry';
  if (code === '23514' && !constraint) return 'refresh-partitions';
  if (code.startsWith('22') || code.startsWith('54')) return 'dead-letter';
  if (code.startsWith('23')) return 'retry';
  return 'pause';
}

/**
 * Resource shortages, read-only mode and a stopping server would also fail the COPY that follows. In every other case
 * (a reader holds the lock, the role may insert but not create tables, a table with that name exists, an event trigger
 * forbids DDL, moving rows takes too long) the default partition stores the rows.
 */
function ddlAction(code: string): ErrorAction {
  if (code === '57014') return 'defer';
  return ['25', '53', '57', '58', 'XX'].includes(code.slice(0, 2)) ? 'pause' : 'defer';
}

/** Five digits or capitals, at least one digit: `EPIPE` is a Node code. */
export function isSqlState(code: string | undefined): code is string {
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code) && /\d/.test(code);
}

/** A server or socket error, tagged with the operation that failed. */
export type TaggedError = Error & { code?: string; constraint?: string; phase?: Phase };

/** Tags any error of `work` with the phase, unless it is already tagged. */
export async function withPhase<T>(phase: Phase, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    (error as TaggedError).phase ??= phase;
    throw error;
  }
}

export function actionFor(error: unknown): ErrorAction {
  const { code, constraint, phase = 'query' } = error as TaggedError;
  return errorAction({ code, constraint, phase });
}

/** Whether the error came while records were being written. All other failures are unrelated to them. */
export function isWriteError(error: unknown): boolean {
  const { phase } = error as TaggedError;
  return phase === 'copy' || phase === 'insert';
}

/**
 * What caused a batch to fail, given that the server accepts a probe row.
 *
 * - `record`: one of its records is bad.
 * - `unknown`: one of its records, or a temporary problem of the server.
 * - `transient`: no record; a retry may succeed.
 * - `connection`: the connection is lost.
 */
export type ErrorCause = 'record' | 'unknown' | 'transient' | 'connection';

/** @param repeated whether it was retried as often as transient errors can explain. */
export function causeOf(error: unknown, repeated: boolean): ErrorCause {
  switch (actionFor(error)) {
    case 'reconnect':
      return 'connection';
    case 'dead-letter':
    case 'retry':
      return 'record';
    case 'refresh-partitions':
      return repeated ? 'record' : 'transient';
    case 'retry-transaction':
      return repeated ? 'unknown' : 'transient';
    default:
      return 'unknown';
  }
}
