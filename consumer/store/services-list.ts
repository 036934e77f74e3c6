/** The table of services as a person sees to it. */
import pg from 'pg';
import type { DatabaseSession } from './connect.js';
import { isoTime } from './iso-time.js';
import { transaction } from './transaction.js';

export interface KnownService {
  readonly service: string;
  /** ISO 8601, UTC: of its announcements. */
  readonly firstSeen: string;
  readonly lastSeen: string;
}

/** Each throws the server's or the socket's error. */
export interface ServicesList {
  /** By their names. */
  all(session: DatabaseSession): Promise<readonly KnownService[]>;
  /** @returns those that were not there before. */
  add(session: DatabaseSession, services: readonly string[]): Promise<readonly string[]>;
  /** @returns whether it was there. */
  remove(session: DatabaseSession, service: string): Promise<boolean>;
}

const SETTINGS = { statementTimeoutMs: 60_000, lockTimeoutMs: 10_000 };

export function servicesList(schema: string): ServicesList {
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
