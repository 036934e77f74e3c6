/** Describes for the log which session holds a lock that Loghive waits for. */
import type { DatabaseSession } from './connect.js';
import { transaction } from './transaction.js';

const SETTINGS = { statementTimeoutMs: 2000, lockTimeoutMs: 200 };
/** Minimum age of a transaction, in seconds. Younger ones are expected to end soon. */
const MIN_AGE_S = 2;

/**
 * @param tables qualified and quoted.
 * @returns undefined if no session has held a lock on them for long, or if the server does not report it.
 */
export async function lockHolder(session: DatabaseSession, tables: readonly string[]): Promise<string | undefined> {
  try {
    const { rows } = await transaction(session, SETTINGS, () => session.query<Row>(HOLDERS, [tables, MIN_AGE_S]));
    return rows[0] && describe(rows[0], 'held a lock on it');
  } catch {
    return undefined;
  }
}

/**
 * @param statement being executed by this role in another session.
 * @returns the session that blocks it, or undefined if it is not blocked.
 * @throws the server error.
 */
export async function blockerOf(session: DatabaseSession, statement: string): Promise<string | undefined> {
  const { rows } = await transaction(session, SETTINGS, () => session.query<Row>(BLOCKERS, [statement]));
  return rows[0] && describe(rows[0], 'had a transaction open');
}

/** @throws the server error. */
export async function cancelStatement(session: DatabaseSession, statement: string): Promise<void> {
  await transaction(session, SETTINGS, () => session.query(CANCEL, [statement]));
}

interface Row {
  /** Null for a prepared transaction. */
  readonly pid: number | null;
  readonly gid: string | null;
  readonly role: string | null;
  readonly application: string | null;
  /** Null if this role may not see it. */
  readonly since: string | null;
}

function describe({ pid, gid, role, application, since }: Row, done: string): string {
  const time = since === null ? '' : ` since ${since} UTC`;
  if (pid === null) {
    return `the prepared transaction "${gid ?? ''}" has ${done}${time}. End it with COMMIT PREPARED or ROLLBACK PREPARED`;
  }
  const who = [role && `user ${role}`, application && `application ${application}`].filter(Boolean).join(', ');
  return `session ${pid}${who === '' ? '' : ` (${who})`} has ${done}${time}. End its transaction, if necessary with "select pg_terminate_backend(${pid})"`;
}

/** Oldest first. Only members of pg_read_all_stats see the times of sessions of other roles. */
const HOLDERS = `
  select pid, gid, coalesce(usename::text, owner::text) as role, application_name as application,
    to_char(coalesce(xact_start, prepared), 'YYYY-MM-DD HH24:MI:SS') as since
  from pg_locks
  left join pg_stat_activity using (pid)
  left join pg_prepared_xacts on pid is null and virtualtransaction like '%/' || transaction::text
  where locktype = 'relation' and granted and pid is distinct from pg_backend_pid()
    and pg_locks.database = (select oid from pg_database where datname = current_database())
    and relation = any (select to_regclass(name) from unnest($1::text[]) as name)
    and coalesce(coalesce(xact_start, prepared) < clock_timestamp() - $2 * interval '1 second', true)
  order by coalesce(xact_start, prepared) limit 1`;

/**
 * Matches by query text, because behind a pooler the backend pid is unknown. pg_stat_activity keeps the first kilobyte
 * of a query.
 */
const EXECUTING = `datname = current_database() and pid <> pg_backend_pid() and usename = current_user
  and state = 'active' and left(query, 500) = left($1, 500)`;

/** pg_blocking_pids() reports prepared transactions as pid 0. */
const BLOCKERS = `
  select other.pid, prepared.gid, coalesce(other.usename::text, prepared.owner::text) as role, other.application_name as application,
    to_char(coalesce(other.xact_start, prepared.prepared), 'YYYY-MM-DD HH24:MI:SS') as since
  from (select unnest(pg_blocking_pids(pid)) as pid from pg_stat_activity where wait_event_type = 'Lock' and ${EXECUTING}) blocker
  left join pg_stat_activity other on other.pid = blocker.pid
  left join pg_prepared_xacts prepared on blocker.pid = 0 and prepared.database = current_database()
  order by coalesce(other.xact_start, prepared.prepared) limit 1`;

const CANCEL = `select pg_cancel_backend(pid) from pg_stat_activity where ${EXECUTING}`;
