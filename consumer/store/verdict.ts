/**
 * What an error of PostgreSQL means for the records in hand: the table of the delivery contract as one pure function.
 * Codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
 */

/** What was being done. Errors of DDL, of connecting and of dead letters are never a record's fault. */
export type Phase = 'connect' | 'copy' | 'insert' | 'letter' | 'ddl' | 'query';

export interface Failure {
  /** SQLSTATE. Undefined or a code of Node's (`ECONNRESET`): the connection itself failed. */
  readonly code?: string | undefined;
  readonly constraint?: string | undefined;
  readonly phase: Phase;
}

/**
 * - `on-conflict`: a record of the batch is stored already, or twice in it; insert with ON CONFLICT.
 * - `refresh-partitions`: the partition changed under a waiting COPY; drop the cache, repeat.
 * - `repeat`: a deadlock or a serialization failure; the same again.
 * - `hopeless`, `retry`: one record is bad, if the table takes a plain one (the probe row); find it. `retry` when the
 *   table's rules may change (a constraint), `hopeless` when no table of this shape could ever take it.
 * - `later`: DDL that can wait; the default partition takes the rows meanwhile.
 * - `reconnect`: the connection is gone, the outcome unknown; repeating is safe because of the key.
 * - `pause`: nothing moves until a probe succeeds. Where it succeeds each time, one record may be the cause after all.
 */
export type Verdict =
  | 'on-conflict'
  | 'refresh-partitions'
  | 'repeat'
  | 'hopeless'
  | 'retry'
  | 'later'
  | 'reconnect'
  | 'pause';

/**
 * The server ends the session with these, so that the connection is gone when they are read:
 * shutdown by an administrator, crash, start-up or shutdown, dropped database, and the session's own time-outs.
 */
const SESSION_ENDED = new Set(['57P01', '57P02', '57P03', '57P04', '57P05', '25P03', '25P04']);

/** Any code that is not in the table pauses: it is safer to wait for a person than to give up a record. */
export function verdict({ code, constraint, phase }: Failure): Verdict {
  // ETIMEDOUT: the host did not answer within the time limit. An immediate retry would wait as long again.
  if (phase === 'connect' || code === 'ETIMEDOUT') return 'pause';
  if (!isSqlState(code) || code.startsWith('08') || SESSION_ENDED.has(code)) return 'reconnect';
  if (code.startsWith('40')) return 'repeat';
  if (phase === 'ddl') return ddlVerdict(code);
  if (phase === 'query' || phase === 'letter') return 'pause';
  if (code === '23505') return phase === 'copy' ? 'on-conflict' : 'retry';
  if (code === '23514' && !constraint) return 'refresh-partitions';
  if (code.startsWith('22') || code.startsWith('54')) return 'hopeless';
  if (code.startsWith('23')) return 'retry';
  return 'pause';
}

/**
 * Resources, read-only mode and a stopping server: the COPY after it would fail for the same reason. In every other
 * case (a reader holds the lock, the role may insert but not create tables, a table made by hand is in the way, an
 * event trigger forbids DDL, moving rows takes too long) the default partition takes the rows.
 */
function ddlVerdict(code: string): Verdict {
  if (code === '57014') return 'later';
  return ['25', '53', '57', '58', 'XX'].includes(code.slice(0, 2)) ? 'pause' : 'later';
}

/** Five digits or capitals, as every SQLSTATE; `EPIPE` has that shape too and is a code of Node's. */
export function isSqlState(code: string | undefined): code is string {
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code) && /\d/.test(code);
}

/** An error of the server or of the socket with what was being done when it came. */
export type TaggedError = Error & { code?: string; constraint?: string; phase?: Phase };

/** Notes the phase on whatever `work` fails with, unless it is noted already. */
export async function during<T>(phase: Phase, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    (error as TaggedError).phase ??= phase;
    throw error;
  }
}

export function verdictOf(error: unknown): Verdict {
  const { code, constraint, phase = 'query' } = error as TaggedError;
  return verdict({ code, constraint, phase });
}

/** Whether it came while records were on their way: whatever else fails, fails without regard to them. */
export function isOfRecords(error: unknown): boolean {
  const { phase } = error as TaggedError;
  return phase === 'copy' || phase === 'insert';
}

/**
 * What a failure to store a batch says about its records, while the server takes a plain one.
 *
 * - `record`: one of them is bad.
 * - `unclear`: one of them, or the server, for a while.
 * - `chance`: none; the same again may succeed.
 * - `connection`: nothing, the connection is gone.
 */
export type Blame = 'record' | 'unclear' | 'chance' | 'connection';

/** @param repeated true: the same was tried again as often as chance can explain. */
export function blameOf(error: unknown, repeated: boolean): Blame {
  switch (verdictOf(error)) {
    case 'reconnect':
      return 'connection';
    case 'hopeless':
    case 'retry':
      return 'record';
    case 'refresh-partitions':
      return repeated ? 'record' : 'chance';
    case 'repeat':
      return repeated ? 'unclear' : 'chance';
    default:
      return 'unclear';
  }
}
