/**
 * The table of services that have announced themselves. Records do not depend on it: where only this table says no (its
 * rights, a trigger on it, a lock, or it is gone), that is an answer, and no reason to pause.
 */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import type { DatabaseSession } from './connect.js';
import { reasonFor, sqlStateOf } from './storage-fault.js';
import { isOfTable } from './table-refusal.js';
import { transaction, underSavepoint } from './transaction.js';
import { verdictOf } from './verdict.js';

/** Why the table refuses, in words. */
export interface TableRefusal {
  readonly refused: string;
}

/** Each throws the server's or the socket's error when it is not the table that said no. */
export interface ServicesTable {
  /** Resolves when they are committed, or refused. */
  write(session: DatabaseSession, services: readonly string[]): Promise<TableRefusal | undefined>;
  /** All of them, whoever wrote them there, the oldest first. */
  read(session: DatabaseSession): Promise<readonly string[] | TableRefusal>;
  /** Within the transaction under way, which the caller takes back: what `write` would do with a service of its own. */
  probe(session: DatabaseSession): Promise<void>;
}

/** Records wait on the same connection meanwhile. */
const LOCK_TIMEOUT_MS = 1000;

export function servicesTable(schema: string, statementTimeoutMs: number): ServicesTable {
  const table = `${pg.escapeIdentifier(schema)}.services`;
  const settings = { statementTimeoutMs, lockTimeoutMs: LOCK_TIMEOUT_MS };
  const insertInto = `insert into ${table} (service) select unnest($1::text[]) on conflict`;

  async function insert(session: DatabaseSession, names: readonly string[]): Promise<undefined> {
    try {
      await underSavepoint(session, () =>
        session.query(`${insertInto} (service) do update set last_seen = now()`, [names]),
      );
    } catch (error) {
      if (sqlStateOf(error) !== '42501') throw error;
      // A role that may store records but not change them can do without `last_seen`.
      await session.query(`${insertInto} do nothing`, [names]);
    }
    return undefined;
  }

  return {
    async write(session, services) {
      // In one order, so that two consumers never lock the same rows crosswise.
      const names = [...new Set(services)].sort();
      const written = transaction(session, settings, () => insert(session, names));
      return orRefusal(session, written);
    },
    async read(session) {
      const statement = `select service from ${table} order by first_seen, service`;
      const query = () => session.query<{ service: string }>(statement);
      const answer = await orRefusal(session, transaction(session, settings, query));
      return 'refused' in answer ? answer : answer.rows.map(({ service }) => service);
    },
    async probe(session) {
      await session.query(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`);
      try {
        // A name that nobody else writes, so that consumers who probe at once do not wait for each other.
        await insert(session, [`probe-${randomUUID()}`]);
      } catch (error) {
        // Records were taken a moment ago, so whatever the server says is of this table: its disk may be another one.
        if (sqlStateOf(error) === undefined || verdictOf(error) === 'reconnect') throw error;
      }
    },
  };
}

async function orRefusal<T>(session: DatabaseSession, work: Promise<T>): Promise<T | TableRefusal> {
  try {
    return await work;
  } catch (error) {
    if (!isOfTable(error)) throw error;
    return { refused: reasonFor(error, session.place) };
  }
}
