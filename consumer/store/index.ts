/**
 * The consumer's storage: one connection to PostgreSQL, opened when it is needed and again after it was lost. Calls may
 * overlap; they are carried out one after the other.
 */
import { maskUrl } from '../../src/settings/mask-url.js';
import { StatusLog } from '../../src/status-log.js';
import { createAlertOutbox } from './alert-outbox.js';
import type { Batch, BatchOutcome } from './batch.js';
import { openSession } from './connect.js';
import { parseDatabaseUrl } from './database-url.js';
import { createDeadLetters } from './dead-letters.js';
import { keepSession } from './kept-session.js';
import { migrate, readMigrations } from './migrate.js';
import { timeoutsOf } from './part-timeout.js';
import { createPartitions } from './partitions.js';
import { probe } from './probe.js';
import { type PlainRow, plainRowFor, recordsTable } from './records-table.js';
import { servicesTable, type TableRefusal } from './services-table.js';
import { isStorageFault } from './storage-fault.js';
import { type StoreConfig, sessionSettings } from './store-config.js';
import { createPartWriter } from './write-part.js';
import { createWriter } from './writer.js';

export { type Administration, openAdministration } from './administration.js';
export { type Batch, type BatchOutcome, BatchRefused, type Rejected, type StoreItem } from './batch.js';
export { parseDatabaseUrl } from './database-url.js';
export type { DeadLetter } from './dead-letters.js';
export { expiredAt, type Retention } from './expiry.js';
export { type IndexBuilds, openIndexBuilds } from './index-builds.js';
export { type IndexUpkeep, openIndexUpkeep } from './index-upkeep.js';
export type { LetterFilter } from './letter-filter.js';
export type { Letter, LetterSummary, LetterTotal } from './letters.js';
export { type Maintained, openMaintenance, type StoreMaintenance } from './maintenance.js';
export type { PartitionSize } from './partition-sizes.js';
export { isOfDeadLetters } from './probe.js';
export type { KnownService } from './services-list.js';
export type { TableRefusal } from './services-table.js';
export { isStorageFault, type StorageUnavailable } from './storage-fault.js';
export type { StoreConfig } from './store-config.js';

/**
 * `write`, `keepServices`, `services` and `probe` reject with LoghiveError LOGHIVE_STORAGE_UNAVAILABLE (`.reason` in words,
 * `.sqlstate`) whenever nothing may move until PostgreSQL is well. `connect` and `migrate` do too, and besides with
 * LOGHIVE_STORAGE_TLS and LOGHIVE_INVALID_OPTION (certificate files), which waiting alone does not mend.
 */
export interface Store {
  /** Opens the connection, if it is not open. The other calls do so by themselves. */
  connect(): Promise<void>;
  /** Applies what is missing of the schema. @throws LoghiveError LOGHIVE_MIGRATION_FAILED as well. @returns the names. */
  migrate(): Promise<string[]>;
  /**
   * When it resolves, all of the batch is committed but the records in `rejected`, and the dead letters of those that
   * have one. When it rejects, nothing is, unless connections were lost; writing the same again is safe for records with
   * an id. After a connection that broke during COMMIT, `duplicates` may hold what this call stored.
   *
   * @throws BatchRefused as well.
   */
  write(batch: Batch): Promise<BatchOutcome>;
  /** Notes that these services have announced themselves. When it resolves, that is committed, or the table refuses it. */
  keepServices(services: readonly string[]): Promise<TableRefusal | undefined>;
  /** The server's clock, in epoch milliseconds. */
  serverNowMs(): Promise<number>;
  /** All services that were ever noted, and what else stands in that table. */
  services(): Promise<readonly string[] | TableRefusal>;
  /**
   * Resolves when the server takes what batches consist of: a plain row, dead letters (those that were refused last) and
   * services, unless only their table says no. All is taken back.
   */
  probe(): Promise<void>;
  /** Waits for the calls under way, three seconds at most, then ends them and the connections. Never rejects. */
  close(): Promise<void>;
}

/**
 * Nothing is opened yet.
 *
 * @param now epoch milliseconds; decides which days' partitions exist. Default the wall clock.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION when the URL is wrong.
 */
export function openStore(config: StoreConfig, now: () => number = Date.now): Store {
  const { schema, statementTimeoutMs } = config;
  const target = parseDatabaseUrl(config.databaseUrl);
  const settings = sessionSettings(config);
  const warnings = new StatusLog((sentence) => config.notice(sentence, 'warning'));
  const table = recordsTable(schema, now);
  const partitions = createPartitions({ schema, now, warnings, daysBack: config.retentionDays });
  const deadLetters = createDeadLetters(schema);
  const announced = servicesTable(schema, statementTimeoutMs);
  const { alertEventsOf, onAlertsRefused = () => undefined } = config;
  const outbox = alertEventsOf && createAlertOutbox(schema, alertEventsOf, onAlertsRefused);
  const parts = createPartWriter({ table, deadLetters, partitions, outbox });
  const timeouts = timeoutsOf(statementTimeoutMs);
  const kept = keepSession(target, settings, (session) => {
    // Another host, or the same one after a restore, may have other partitions.
    partitions.forget();
    if (session.encoding !== 'UTF8') {
      warnings.once(
        `database ${session.place.database} is encoded in ${session.encoding}: records with characters that it cannot hold become dead letters. Create the database with encoding UTF8.`,
      );
    }
  });
  const writer = createWriter({ table, parts, session: kept.current, timeouts, warnings });
  /**
   * What the records are like that are written at present: a rule of the table may let nothing else pass, and where room is
   * short a few bytes may find some.
   */
  let plainRow: PlainRow = {};
  let migrating: Promise<unknown> = Promise.resolve();

  async function applyMigrations(): Promise<string[]> {
    const migrations = await readMigrations();
    const own = await openSession(target, settings, kept.closing);
    kept.closing.addEventListener('abort', own.destroy);
    try {
      kept.closing.throwIfAborted();
      const notice = (text: string) => config.notice(text, 'info');
      return await migrate(own, { schema, notice, migrations, shownUrl: maskUrl(config.databaseUrl) });
    } finally {
      kept.closing.removeEventListener('abort', own.destroy);
      await own.end();
    }
  }

  return {
    async connect() {
      await kept.inTurn(kept.current);
    },
    migrate() {
      const applied = applyMigrations();
      // Whoever asked for it hears of its failure; close() only waits for its end.
      migrating = applied.catch(() => undefined);
      return applied;
    },
    write(batch) {
      return kept.guarded(async () => {
        const { items } = batch;
        if (items.length > 0) plainRow = plainRowFor(items, undefined);
        try {
          return await writer.write(batch);
        } catch (error) {
          if (items.length > 0 && isStorageFault(error)) plainRow = plainRowFor(items, error.sqlstate);
          throw error;
        }
      });
    },
    keepServices: (services) => kept.run((open) => announced.write(open, services)),
    services: () => kept.run((open) => announced.read(open)),
    serverNowMs: () =>
      kept.run(async (open) => {
        const { rows } = await open.query('select extract(epoch from clock_timestamp())::float8 * 1000 as now');
        return (rows[0] as { now: number }).now;
      }),
    async probe() {
      const tables = { table, deadLetters, services: announced };
      await kept.run((open) => probe(open, tables, plainRow, timeouts.leastMs));
      writer.serverWorks();
    },
    close: () => kept.close({ others: migrating }),
  };
}
