/** A short overview of the database for operators. No statement scans the table of records. */
import pg from 'pg';
import type { DatabaseSession } from './connect.js';
import { recordsOf } from './partition-catalog.js';
import { isoTime } from './sql.js';
import { transaction } from './transaction.js';

/** Times are ISO 8601, UTC; null if there is none. */
export interface DatabaseOverview {
  readonly version: string;
  /** Of the whole database, which may hold other tables as well. */
  readonly databaseBytes: number;
  readonly oldest: string | null;
  readonly newest: string | null;
  readonly services: number;
  readonly deadLetters: { readonly count: number; readonly newest: string | null };
  readonly alerts: {
    /** The latest alert that was sent. */
    readonly last: { readonly at: string; readonly kind: string; readonly channel: string } | null;
    /** Deliveries that are not sent yet. */
    readonly waiting: number;
  };
}

const SETTINGS = { statementTimeoutMs: 30_000, lockTimeoutMs: 5000 };

export function databaseOverview(session: DatabaseSession, schema: string): Promise<DatabaseOverview> {
  const of = (table: string) => `${pg.escapeIdentifier(schema)}.${table}`;
  const records = recordsOf(schema);
  const statement = `
    select current_setting('server_version') as version, pg_database_size(current_database())::float8 as "databaseBytes",
      (select ${isoTime('ts')} from ${records} order by ts limit 1) as oldest,
      (select ${isoTime('ts')} from ${records} order by ts desc limit 1) as newest,
      (select count(*)::int from ${of('services')}) as services,
      (select count(*)::int from ${of('dead_letters')}) as letters,
      (select ${isoTime('max(last_seen)')} from ${of('dead_letters')}) as "newestLetter",
      (select count(*)::int from ${of('alert_deliveries')} where sent_at is null) as waiting`;
  const lastAlert = `
    select ${isoTime('sent_at')} as at, kind, channel
    from ${of('alert_deliveries')} join ${of('alert_notices')} on id = notice
    where sent_at is not null order by sent_at desc limit 1`;
  return transaction(session, SETTINGS, async () => {
    const { rows } = await session.query<Row>(statement);
    const { version, databaseBytes, oldest, newest, services, letters, newestLetter, waiting } = rows[0]!;
    const { rows: alerts } = await session.query<NonNullable<DatabaseOverview['alerts']['last']>>(lastAlert);
    return {
      ...{ version, databaseBytes, oldest, newest, services },
      deadLetters: { count: letters, newest: newestLetter },
      alerts: { last: alerts[0] ?? null, waiting },
    };
  });
}

interface Row extends Pick<DatabaseOverview, 'version' | 'databaseBytes' | 'oldest' | 'newest' | 'services'> {
  readonly letters: number;
  readonly newestLetter: string | null;
  readonly waiting: number;
}
