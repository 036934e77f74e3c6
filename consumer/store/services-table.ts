/**
 * The table of services that have announced themselves. Records do not depend on it: where only this table says no (its
 * rights, a trigger on it, a lock, or it is gone), that is an answer, and no reason to pause.
 */
import pg from 'pg';
import type { Session } from './connect.js';
import { reasonFor, sqlStateOf } from './storage-fault.js';
import { commit, rollback } from './transaction.js';

/** Why the table refuses, in words. */
export interface TableRefusal {
  readonly refused: string;
}

/** Both throw the server's or the socket's error when it is not the table that said no. */
export interface ServicesTable {
  /** Resolves when they are committed, or refused. */
  write(session: Session, services: readonly string[]): Promise<TableRefusal | undefined>;
  /** All of them, whoever wrote them there, the oldest first. */
  read(session: Session): Promise<readonly string[] | TableRefusal>;
}

/** Records wait on the same connection meanwhile. */
const LOCK_TIMEOUT_MS = 1000;
/** Classes of SQLSTATE that speak of a statement and what it touches, not of the server; and a lock that is not had. */
const OF_THE_TABLE = /^(?:22|23|42|44|54|P0)|^55P03$/;

export function servicesTable(schema: string): ServicesTable {
  const table = `${pg.escapeIdentifier(schema)}.services`;
  const insert = `insert into ${table} (service) select unnest($1::text[]) on conflict`;
  const upsert = `${insert} (service) do update set last_seen = now()`;

  return {
    async write(session, services) {
      // In one order, so that two consumers never lock the same rows crosswise.
      const names = [...new Set(services)].sort();
      const written = await transaction(session, upsert, [names]);
      if (!('refused' in written) || written.sqlstate !== '42501') return refusalOf(written);
      // A role that may store records but not change them can do without `last_seen`.
      return refusalOf(await transaction(session, `${insert} do nothing`, [names]));
    },
    async read(session) {
      const answer = await transaction<{ service: string }>(
        session,
        `select service from ${table} order by first_seen, service`,
      );
      return refusalOf(answer) ?? (answer as pg.QueryResult<{ service: string }>).rows.map(({ service }) => service);
    },
  };
}

type Refused = TableRefusal & { readonly sqlstate: string };

function refusalOf(answer: object): TableRefusal | undefined {
  return 'refused' in answer ? { refused: (answer as Refused).refused } : undefined;
}

async function transaction<R extends pg.QueryResultRow>(
  session: Session,
  statement: string,
  values?: unknown[],
): Promise<pg.QueryResult<R> | Refused> {
  try {
    await session.query(`begin; set local lock_timeout = ${LOCK_TIMEOUT_MS}`);
    const result = await session.query<R>(statement, values);
    await commit(session);
    return result;
  } catch (error) {
    await rollback(session);
    const sqlstate = sqlStateOf(error) ?? '';
    if (!OF_THE_TABLE.test(sqlstate)) throw error;
    return { refused: reasonFor(error, session.place), sqlstate };
  }
}
