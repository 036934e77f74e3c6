/** Who keeps Loghive waiting for a lock, in words for the log. */
import type { DatabaseSession } from './connect.js';
import { transaction } from './transaction.js';

const SETTINGS = { statementTimeoutMs: 2000, lockTimeoutMs: 200 };
/** What began later, in seconds, is a statement like any other: it ends by itself. */
const LONG_S = 2;

/**
 * @param tables with their schemas, quoted.
 * @returns undefined where nobody has held any of them for long, or the server does not say.
 */
export async function lockHolder(session: DatabaseSession, tables: readonly string[]): Promise<string | undefined> {
  try {
    const { rows } = await transaction(session, SETTINGS, () => session.query<Row>(HOLDERS, [tables, LONG_S]));
    return rows[0] && sentenceOf(rows[0], 'held a lock on it');
  } catch {
    return undefined;
  }
}

/**
 * @param statement that this role is having carried out in another session.
 * @returns whom it waits for; undefined where it does not wait. @throws the server's error.
 */
export async function blockerOf(session: DatabaseSession, statement: string): Promise<string | undefined> {
  const { rows } = await transaction(session, SETTINGS, () => session.query<Row>(BLOCKERS, [statement]));
  return rows[0] && sentenceOf(rows[0], 'had a transaction open');
}

/** As a person would. @throws the server's error. */
export async function cancelStatement(session: DatabaseSession, statement: string): Promise<void> {
  await transaction(session, SETTINGS, () => session.query(CANCEL, [statement]));
}

interface Row {
  /** Null: a prepared transaction. */
  readonly pid: number | null;
  readonly gid: string | null;
  readonly role: string | null;
  readonly application: string | null;
  /** Null where this role may not know. */
  readonly since: string | null;
}

function sentenceOf({ pid, gid, role, application, since }: Row, done: string): string {
  const time = since === null ? '' : ` since ${since} UTC`;
  if (pid === null) {
    return `the prepared transaction "${gid ?? ''}" has ${done}${time}. COMMIT PREPARED or ROLLBACK PREPARED ends it`;
  }
  const who = [role && `user ${role}`, application && `application ${application}`].filter(Boolean).join(', ');
  return `session ${pid}${who === '' ? '' : ` (${who})`} has ${done}${time}. End its transaction, if need be by "select pg_terminate_backend(${pid})"`;
}

/** The longest first. Times of other roles' sessions are seen by members of pg_read_all_stats only. */
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

/** Behind a pooler the session that carries it out is not known by its number. The server keeps the first kilobyte of it. */
const CARRIED_OUT = `datname = current_database() and pid <> pg_backend_pid() and usename = current_user
  and state = 'active' and left(query, 500) = left($1, 500)`;

/** Prepared transactions have no number of their own: 0 stands for any. */
const BLOCKERS = `
  select other.pid, prepared.gid, coalesce(other.usename::text, prepared.owner::text) as role, other.application_name as application,
    to_char(coalesce(other.xact_start, prepared.prepared), 'YYYY-MM-DD HH24:MI:SS') as since
  from (select unnest(pg_blocking_pids(pid)) as pid from pg_stat_activity where wait_event_type = 'Lock' and ${CARRIED_OUT}) blocker
  left join pg_stat_activity other on other.pid = blocker.pid
  left join pg_prepared_xacts prepared on blocker.pid = 0 and prepared.database = current_database()
  order by coalesce(other.xact_start, prepared.prepared) limit 1`;

const CANCEL = `select pg_cancel_backend(pid) from pg_stat_activity where ${CARRIED_OUT}`;
