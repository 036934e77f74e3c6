/**
 * Storage of the consumer: one connection to PostgreSQL, opened on demand and reopened after a loss. Calls may overlap;
 * they run one after the other.
 */
import { maskUrl } from '../../src/settings/mask-url.js';
import { StatusLog } from '../../src/status-log.js';
import { createAlertOutbox } from './alert-outbox.js';
import { type Batch, type BatchOutcome, partTimeouts } from './batch.js';
import { openSession } from './connect.js';
import { parseDatabaseUrl } from './database-url.js';
import { deadLettersTable } from './dead-letters-table.js';
import { migrate, readMigrations } from './migrate.js';
import { createPartitions } from './partitions.js';
import { probe } from './probe.js';
import { createReconnectingSession } from './reconnecting-session.js';
import { type ProbeRow, probeRowFor, recordsTable } from './records-table.js';
import { servicesTable, type TableRefusal } from './services-table.js';
import { isStorageFault } from './storage-fault.js';
import { type StoreConfig, sessionSettings } from './store-config.js';
import { createPartWriter } from './write-part.js';
import { createWriter } from './writer.js';

export { type Administration, openAdministration } from './administration.js';
export { type Batch, type BatchOutcome, BatchRefused, type Rejected, type StoreItem } from './batch.js';
export { parseDatabaseUrl } from './database-url.js';
export type { DeadLetterFilter, DeadLetterSummary, DeadLetterTotal, StoredDeadLetter } from './dead-letter-admin.js';
export type { DeadLetter } from './dead-letters-table.js';
export { type IndexBuilds, openIndexBuilds, openPendingListCleaner, type PendingListCleaner } from './index-builds.js';
export {
  databaseHosts,
  type Inspection,
  MAX_COUNTED,
  openInspection,
  type PartitionFacts,
  type Pooling,
  type PrivilegeFacts,
  type SchemaFacts,
  type ServerFacts,
} from './inspection.js';
export { type Maintained, openMaintenance, type StoreMaintenance } from './maintenance.js';
export type { DatabaseOverview } from './overview.js';
export { expiredAt, type Retention } from './partition-days.js';
export type { PartitionSize } from './partition-sizes.js';
export { isDeadLetterError } from './probe.js';
export type { KnownService, TableRefusal } from './services-table.js';
export { isStorageFault, type StorageUnavailable } from './storage-fault.js';
export type { StoreConfig } from './store-config.js';
export { buildTextIndex } from './text-index.js';

/**
 * `write`, `saveServices`, `services` and `probe` reject with LoghiveError LOGHIVE_STORAGE_UNAVAILABLE (`.reason`,
 * `.sqlstate`) if storage has to pause. `connect` and `migrate` also reject with LOGHIVE_STORAGE_TLS and
 * LOGHIVE_INVALID_OPTION (certificate files), which waiting does not fix.
 */
export interface Store {
  /** Opens the connection if it is closed. All other methods do so implicitly. */
  connect(): Promise<void>;
  /** Applies pending migrations. @throws LoghiveError LOGHIVE_MIGRATION_FAILED as well. @returns their names. */
  migrate(): Promise<string[]>;
  /**
   * Resolves when the batch is committed, except the records in `rejected`, together with the dead letters. If it
   * rejects, nothing is stored, unless connections were lost; records with an id can safely be written again. After a
   * connection loss during COMMIT, `duplicates` may contain records stored by this call.
   *
   * @throws BatchRefused as well.
   */
  write(batch: Batch): Promise<BatchOutcome>;
  /** Saves announced services. Resolves when they are committed, or refused by the table. */
  saveServices(services: readonly string[]): Promise<TableRefusal | undefined>;
  /** Clock of the server, epoch milliseconds. */
  serverNowMs(): Promise<number>;
  /** All saved services, and rows that users added to the table. */
  services(): Promise<readonly string[] | TableRefusal>;
  /**
   * Resolves if the server accepts what batches contain: a probe row, dead letters (those that were refused last) and
   * services, where a refusal by the services table alone is ignored. Everything is rolled back.
   */
  probe(): Promise<void>;
  /** Waits up to three seconds for calls in flight, then closes the connections. Never rejects. */
  close(): Promise<void>;
}

/**
 * Connects on first use.
 *
 * @param now epoch milliseconds; determines which days have partitions. Default: the wall clock.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION if the URL is invalid.
 */
export function openStore(config: StoreConfig, now: () => number = Date.now): Store {
  const { schema, statementTimeoutMs } = config;
  const target = parseDatabaseUrl(config.databaseUrl);
  const settings = sessionSettings(config);
  const warnings = new StatusLog((sentence) => config.notice(sentence, 'warning'));
  const table = recordsTable(schema, now);
  const partitions = createPartitions({ schema, now, warnings, daysBack: config.retentionDays });
  const deadLetters = deadLettersTable(schema);
  const announcedServices = servicesTable(schema, statementTimeoutMs);
  const { alertEventsOf, onAlertsRefused = () => undefined } = config;
  const outbox = alertEventsOf && createAlertOutbox(schema, alertEventsOf, onAlertsRefused);
  const parts = createPartWriter({ table, deadLetters, partitions, outbox });
  const timeouts = partTimeouts(statementTimeoutMs);
  const connection = createReconnectingSession(target, settings, (session) => {
    // Another host, or the same one after a restore, may have different partitions.
    partitions.forget();
    if (session.encoding !== 'UTF8') {
      warnings.once(
        `database ${session.place.database} uses encoding ${session.encoding}: records with characters that it cannot represent become dead letters. Create the database with encoding UTF8.`,
      );
    }
  });
  const writer = createWriter({ table, parts, session: connection.current, timeouts, warnings });
  /**
   * The probe row resembles the latest records: a constraint may refuse anything else, and during a shortage only a
   * small row may fit.
   */
  let probeRow: ProbeRow = {};
  let migrating: Promise<unknown> = Promise.resolve();

  async function applyMigrations(): Promise<string[]> {
    const migrations = await readMigrations();
    const own = await openSession(target, settings, connection.closing);
    connection.closing.addEventListener('abort', own.destroy);
    try {
      connection.closing.throwIfAborted();
      const notice = (text: string) => config.notice(text, 'info');
      return await migrate(own, { schema, notice, migrations, shownUrl: maskUrl(config.databaseUrl) });
    } finally {
      connection.closing.removeEventListener('abort', own.destroy);
      await own.end();
    }
  }

  return {
    async connect() {
      await connection.enqueue(connection.current);
    },
    migrate() {
      const applied = applyMigrations();
      // The caller handles the failure; close() only waits for the end.
      migrating = applied.catch(() => undefined);
      return applied;
    },
    write(batch) {
      return connection.runOnce(async () => {
        const { items } = batch;
        if (items.length > 0) probeRow = probeRowFor(items, undefined);
        try {
          return await writer.write(batch);
        } catch (error) {
          if (items.length > 0 && isStorageFault(error)) probeRow = probeRowFor(items, error.sqlstate);
          throw error;
        }
      });
    },
    saveServices: (services) => connection.run((open) => announcedServices.write(open, services)),
    services: () => connection.run((open) => announcedServices.read(open)),
    serverNowMs: () =>
      connection.run(async (open) => {
        const { rows } = await open.query('select extract(epoch from clock_timestamp())::float8 * 1000 as now');
        return (rows[0] as { now: number }).now;
      }),
    async probe() {
      const tables = { table, deadLetters, services: announcedServices };
      await connection.run((open) => probe(open, tables, probeRow, timeouts.minMs));
      writer.serverWorks();
    },
    close: () => connection.close({ pending: migrating }),
  };
}
