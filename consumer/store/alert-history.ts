/** Stored errors, oldest first, for the preview of alerts. */
import pg from 'pg';
import type { StoredRecord } from '../../src/record.js';
import { openSession } from './connect.js';
import { parseDatabaseUrl } from './database-url.js';
import { isoTime } from './sql.js';
import { asFault } from './storage-fault.js';
import { type StoreConfig, sessionSettings } from './store-config.js';
import { transaction } from './transaction.js';

const PAGE = 1000;

type HistoryConfig = Pick<
  StoreConfig,
  'databaseUrl' | 'schema' | 'statementTimeoutMs' | 'writeTimeoutMs' | 'connectTimeoutMs'
>;

/**
 * Pages of ERROR and CRITICAL records, up to now.
 *
 * @param sinceMs epoch milliseconds.
 * @throws LoghiveError LOGHIVE_STORAGE_UNAVAILABLE
 */
export async function* storedErrors(config: HistoryConfig, sinceMs: number): AsyncGenerator<StoredRecord[]> {
  const { schema, statementTimeoutMs } = config;
  const session = await openSession(parseDatabaseUrl(config.databaseUrl), sessionSettings(config));
  const statement = `
    select id, ${isoTime('ts')} as timestamp, service, level::text as level, message,
      information::text as information
    from ${pg.escapeIdentifier(schema)}.records
    where level >= 'ERROR' and (ts, id) > ($1, $2) and ts <= now() order by ts, id limit ${PAGE}`;
  let after = { timestamp: new Date(sinceMs).toISOString(), id: '00000000-0000-0000-0000-000000000000' };
  try {
    for (;;) {
      const { rows } = await transaction(session, { statementTimeoutMs }, () =>
        session.query<Record<keyof StoredRecord, string>>(statement, [after.timestamp, after.id]),
      );
      yield rows as unknown as StoredRecord[];
      const last = rows.at(-1);
      if (last === undefined || rows.length < PAGE) return;
      after = last;
    }
  } catch (error) {
    throw asFault(error, session.place);
  } finally {
    await session.end();
  }
}
