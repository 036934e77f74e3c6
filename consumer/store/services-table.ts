/**
 * The table of announced services. Records do not depend on it: if only this table fails (privileges, a trigger, a
 * lock, or it was dropped), that is a result, not a reason to pause.
 */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import type { DatabaseSession } from './connect.js';
import { actionFor } from './error-action.js';
import { isoTime } from './sql.js';
import { isTableError, reasonFor, sqlStateOf } from './storage-fault.js';
import { transaction, underSavepoint } from './transaction.js';

/** Why the table refuses, as a readable message. */
export interface TableRefusal {
  readonly refused: string;
}

/** All methods throw the server or socket error if it was not caused by the table. */
export interface ServicesTable {
  /** Resolves when they are committed or refused. */
  write(session: DatabaseSession, services: readonly string[]): Promise<TableRefusal | undefined>;
  /** All services, including those that other programs added, oldest first. */
  read(session: DatabaseSession): Promise<readonly string[] | TableRefusal>;
  /** Does what `write` would do with a unique service, in a transaction that the caller rolls back. */
  probe(session: DatabaseSession): Promise<void>;
}

/** Short, because records wait on the same connection. */
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
      // Without the UPDATE privilege, `last_seen` is not updated.
      await session.query(`${insertInto} do nothing`, [names]);
    }
    return undefined;
  }

  return {
    async write(session, services) {
      // Sorted, so that two consumers never deadlock.
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
        // Unique, so that consumers probing at the same time do not wait for each other.
        await insert(session, [`probe-${randomUUID()}`]);
      } catch (error) {
        // Records were accepted just before, so any server error concerns this table: it may be on another disk.
        if (sqlStateOf(error) === undefined || actionFor(error) === 'reconnect') throw error;
      }
    },
  };
}

async function orRefusal<T>(session: DatabaseSession, work: Promise<T>): Promise<T | TableRefusal> {
  try {
    return await work;
  } catch (error) {
    if (!isTableError(error)) throw error;
    return { refused: reasonFor(error, session.place) };
  }
}

// The services table for operators.

export interface KnownService {
  readonly service: string;
  /** First and last announcement, ISO 8601, UTC. */
  readonly firstSeen: string;
  readonly lastSeen: string;
}

/** All methods throw the server or socket error. */
export interface ServicesAdmin {
  /** Sorted by name. */
  all(session: DatabaseSession): Promise<readonly KnownService[]>;
  /** @returns the services that were added. */
  add(session: DatabaseSession, services: readonly string[]): Promise<readonly string[]>;
  /** @returns whether it existed. */
  remove(session: DatabaseSession, service: string): Promise<boolean>;
}

const SETTINGS = { statementTimeoutMs: 60_000, lockTimeoutMs: 10_000 };

export function servicesAdmin(schema: string): ServicesAdmin {
  const table = `${pg.escapeIdentifier(schema)}.services`;
  return {
    all: (session) =>
      transaction(session, SETTINGS, async () => {
        const { rows } = await session.query<KnownService & pg.QueryResultRow>(
          `select service, ${isoTime('first_seen')} as "firstSeen", ${isoTime('last_seen')} as "lastSeen"
           from ${table} order by service collate "C"`,
        );
        return rows;
      }),
    add: (session, services) =>
      transaction(session, SETTINGS, async () => {
        const { rows } = await session.query<{ service: string }>(
          `insert into ${table} (service) select unnest($1::text[]) on conflict (service) do nothing returning service`,
          [[...new Set(services)].sort()],
        );
        return rows.map(({ service }) => service);
      }),
    remove: (session, service) =>
      transaction(session, SETTINGS, async () => {
        const { rowCount } = await session.query(`delete from ${table} where service = $1`, [service]);
        return rowCount === 1;
      }),
  };
}
