/** Why PostgreSQL cannot take records, in words: what happened, to which server or object, what to do. Pure. */
import { type ErrorCode, LoghiveError, reasonOf } from '../../src/errors.js';
import { isSqlState } from './verdict.js';

/** Thrown whenever nothing may move until PostgreSQL is well again. `sqlstate` is undefined when it was not reached. */
export type StorageUnavailable = LoghiveError & { readonly reason: string; readonly sqlstate: string | undefined };

export function storageUnavailable(
  reason: string,
  {
    sqlstate,
    cause,
    code = 'LOGHIVE_STORAGE_UNAVAILABLE',
  }: { sqlstate?: string; cause?: unknown; code?: ErrorCode } = {},
): StorageUnavailable {
  const error = new LoghiveError(code, `PostgreSQL cannot take records: ${reason}`, { cause });
  return Object.assign(error, { reason, sqlstate });
}

/** The same for what `pg` or the socket failed with. Errors of Loghive stay as they are. */
export function asFault(error: unknown, place: Place, code?: ErrorCode): LoghiveError {
  if (error instanceof LoghiveError) return error;
  const sqlstate = sqlStateOf(error);
  return storageUnavailable(reasonFor(error, place), {
    cause: error,
    ...(sqlstate !== undefined && { sqlstate }),
    ...(code !== undefined && { code }),
  });
}

/** Whether it is one of ours already, so that it is not wrapped again. */
export function isStorageFault(error: unknown): error is StorageUnavailable {
  return error instanceof LoghiveError && 'reason' in error;
}

/** The SQLSTATE of an error of `pg`; undefined when the server did not say it. */
export function sqlStateOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && isSqlState(code) ? code : undefined;
}

/** What the words need to know about the place. */
export interface Place {
  /** `host:port`. */
  readonly host: string;
  readonly user: string;
  readonly database: string;
  readonly schema: string;
}

/** Completes "PostgreSQL cannot take records: ". */
export function reasonFor(error: unknown, place: Place): string {
  const state = sqlStateOf(error);
  const said = reasonOf(error);
  if (state === undefined) return withoutState(error, said, place);
  const [what, remedy] = said.includes('unsupported startup parameter') ? poolerWords(place) : wordsFor(state, place);
  return `${what}: ${said} (SQLSTATE ${state}).${remedy ? ` ${remedy}.` : ''}`;
}

function withoutState(error: unknown, said: string, { host, user }: Place): string {
  const code = String((error as { code?: unknown } | null)?.code ?? '');
  if (code === 'ECONNREFUSED') return `nothing listens at ${host}. Start PostgreSQL there, or correct host and port.`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return `the name of the host ${host} is not known to DNS (${code}). Correct it.`;
  }
  if (code === 'ENOENT' || code === 'EACCES')
    return `the socket of ${host} cannot be used (${code}). Correct its folder.`;
  if (said.includes('password must be a')) {
    return `${host} asks for a password for user ${user} and none is set. Set one in the database URL.`;
  }
  if (said.includes('timeout expired')) return `${host} did not answer in time. Check the address and the firewall.`;
  if (said.includes('does not support SSL')) {
    return `${host} speaks no TLS and sslmode asks for it. Turn on ssl at the server, or use sslmode=prefer.`;
  }
  if (code === 'ECONNRESET' || said.includes('terminated unexpectedly')) {
    return `${host} ended the connection. Check that PostgreSQL listens there, and its log.`;
  }
  return `the connection to ${host} failed: ${said}`;
}

function poolerWords({ host }: Place): readonly [string, string] {
  return [
    `the pooler at ${host} refuses the options of the database URL`,
    'Leave them out, or name "options" in its ignore_startup_parameters',
  ];
}

/** What it means, and what to do. */
function wordsFor(state: string, { host, user, database, schema }: Place): readonly [string, string?] {
  switch (state) {
    case '28P01':
      return [`${host} refuses the password of user ${user}`, 'Correct it in the database URL'];
    case '28000':
      return [`${host} refuses user ${user}`, 'Create the user, with LOGIN, or allow it in pg_hba.conf'];
    case '3D000':
      return [`there is no database ${database} on ${host}`, 'Create it'];
    case '3F000':
    case '42P01':
    case '42704':
      return [`schema ${schema} of database ${database} lacks what records are stored in`, 'Run "loghive migrate"'];
    case '42703':
      return [`a column of Loghive's tables in schema ${schema} is missing`, 'Add it again'];
    case '42501':
      return [
        `user ${user} lacks rights in schema ${schema} of database ${database}`,
        'Grant USAGE and CREATE on the schema, and the tables',
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
      return [`the disk of ${host} is full`, 'Free room'];
    case '53200':
      return [`${host} is out of memory`, 'Give it more, or lower its load'];
    case '53300':
      return [
        `${host} has no free connection for user ${user}`,
        'Raise max_connections or the CONNECTION LIMIT of the user or the database, or close some',
      ];
    case '57014':
      return [`${host} did not finish in time and cancelled the statement`, 'Look for locks and load there'];
    case 'P0001':
      return [`a trigger on a table of schema ${schema} refuses rows`, 'Correct or drop it'];
  }
  const group = {
    '08': `the connection to ${host} broke`,
    '22': `a table of schema ${schema} refuses a plain row`,
    '23': `a table of schema ${schema} refuses a plain row`,
    '53': `${host} is short of resources`,
    '57': `${host} is stopping, starting or was told to end the session`,
    '58': `${host} has trouble with its system`,
  }[state.slice(0, 2)];
  return [group ?? `${host} refuses`];
}
