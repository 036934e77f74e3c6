/** Explains why PostgreSQL cannot store records: what happened, on which server or object, and what to do. Pure. */
import { type ErrorCode, LoghiveError, reasonOf } from '../../src/errors.js';
import { isSqlState } from './error-action.js';

/**
 * Thrown if storage has to pause until PostgreSQL works again. `sqlstate` is undefined if the server was not reached.
 */
export type StorageUnavailable = LoghiveError & { readonly reason: string; readonly sqlstate: string | undefined };

export function storageUnavailable(
  reason: string,
  {
    sqlstate,
    cause,
    code = 'LOGHIVE_STORAGE_UNAVAILABLE',
  }: { sqlstate?: string; cause?: unknown; code?: ErrorCode } = {},
): StorageUnavailable {
  const error = new LoghiveError(code, `PostgreSQL cannot store records: ${reason}`, { cause });
  return Object.assign(error, { reason, sqlstate });
}

/** Converts an error of `pg` or the socket. Errors of Loghive are returned unchanged. */
export function asFault(error: unknown, place: Place, code?: ErrorCode): LoghiveError {
  if (error instanceof LoghiveError) return error;
  const sqlstate = sqlStateOf(error);
  return storageUnavailable(reasonFor(error, place), {
    cause: error,
    ...(sqlstate !== undefined && { sqlstate }),
    ...(code !== undefined && { code }),
  });
}

/** Whether the error is already converted. */
export function isStorageFault(error: unknown): error is StorageUnavailable {
  return error instanceof LoghiveError && 'reason' in error;
}

/** The SQLSTATE of an error of `pg`; undefined if it does not come from the server. */
export function sqlStateOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && isSqlState(code) ? code : undefined;
}

/** The place that messages name. */
export interface Place {
  /** `host:port`. */
  readonly host: string;
  readonly user: string;
  readonly database: string;
  readonly schema: string;
}

/** Completes "PostgreSQL cannot store records: ". */
export function reasonFor(error: unknown, place: Place): string {
  const state = sqlStateOf(error);
  const message = reasonOf(error);
  if (state === undefined) return connectionReason(error, message, place);
  const [what, remedy] = message.includes('unsupported startup parameter')
    ? explainPooler(place)
    : explain(state, place);
  return `${what}: ${message} (SQLSTATE ${state}).${remedy ? ` ${remedy}.` : ''}`;
}

function connectionReason(error: unknown, message: string, { host, user }: Place): string {
  const code = String((error as { code?: unknown } | null)?.code ?? '');
  if (code === 'ECONNREFUSED') return `nothing listens at ${host}. Start PostgreSQL there, or correct host and port.`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return `DNS does not resolve the host name of ${host} (${code}). Correct it.`;
  }
  if (code === 'ENOENT' || code === 'EACCES')
    return `the Unix socket of ${host} cannot be used (${code}). Correct its directory.`;
  if (message.includes('password must be a')) {
    return `${host} requires a password for user ${user}, but none is set. Set it in the database URL.`;
  }
  if (message.includes('timeout expired')) return `${host} did not answer in time. Check the address and the firewall.`;
  if (message.includes('does not support SSL')) {
    return `${host} does not support TLS, but sslmode requires it. Enable ssl on the server, or use sslmode=prefer.`;
  }
  if (code === 'ECONNRESET' || message.includes('terminated unexpectedly')) {
    return `${host} closed the connection. Check that PostgreSQL listens there, and check its log.`;
  }
  return `the connection to ${host} failed: ${message}`;
}

function explainPooler({ host }: Place): readonly [string, string] {
  return [
    `the pooler at ${host} refuses the options of the database URL`,
    'Remove them, or add "options" to its ignore_startup_parameters',
  ];
}

/** Meaning and remedy of a SQLSTATE. */
function explain(state: string, { host, user, database, schema }: Place): readonly [string, string?] {
  switch (state) {
    case '28P01':
      return [`${host} refuses the password of user ${user}`, 'Correct it in the database URL'];
    case '28000':
      return [`${host} refuses user ${user}`, 'Create the user with LOGIN, or allow it in pg_hba.conf'];
    case '3D000':
      return [`there is no database ${database} on ${host}`, 'Create it'];
    case '3F000':
    case '42P01':
    case '42704':
      return [`schema ${schema} of database ${database} lacks Loghive's tables or types`, 'Run "loghive migrate"'];
    case '42703':
      return [`a column of Loghive's tables in schema ${schema} is missing`, 'Restore it'];
    case '42501':
      return [
        `user ${user} lacks privileges in schema ${schema} of database ${database}`,
        'Grant USAGE and CREATE on the schema, and the privileges on its tables',
      ];
    case '23502':
      return [
        `a table of schema ${schema} has a NOT NULL column without a default that Loghive does not fill`,
        'Give it a default',
      ];
    case '25006':
      return [`${host} is read-only`, 'Point the database URL at the primary'];
    case '55P03':
      return [`a table of schema ${schema} is locked by another session`, 'End that session, or wait for it'];
    case '53100':
      return [`the disk of ${host} is full`, 'Free disk space'];
    case '53200':
      return [`${host} is out of memory`, 'Add memory, or reduce its load'];
    case '53300':
      return [
        `${host} has no free connection for user ${user}`,
        'Raise max_connections or the CONNECTION LIMIT of the user or the database, or close connections',
      ];
    case '57014':
      return [`${host} did not finish in time and canceled the statement`, 'Check its locks and its load'];
    case 'P0001':
      return [`a trigger on a table of schema ${schema} refuses rows`, 'Correct or drop it'];
  }
  const group = {
    '08': `the connection to ${host} broke`,
    '22': `a table of schema ${schema} refuses a probe row`,
    '23': `a table of schema ${schema} refuses a probe row`,
    '53': `${host} is short of resources`,
    '57': `${host} is shutting down, starting up or ended the session`,
    '58': `${host} reports a system error`,
  }[state.slice(0, 2)];
  return [group ?? `${host} reports an error`];
}

// Records do not depend on the services and alert tables. An error of such a table is a result, not a reason to pause.

/** SQLSTATE classes that concern the server or the session, not the statement and its tables. */
const SERVER_ERRORS = /^(?:08|25|28|3D|40|53|57P|58)/;

/** Whether the statement or its table caused the error, and not the server. */
export function isTableError(error: unknown): boolean {
  const sqlstate = sqlStateOf(error);
  return sqlstate !== undefined && !SERVER_ERRORS.test(sqlstate);
}
