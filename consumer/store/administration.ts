/** Operations of the command line on the database: dead letters, partitions, services. */
import { LoghiveError } from '../../src/errors.js';
import type { DatabaseSession } from './connect.js';
import { parseDatabaseUrl } from './database-url.js';
import type { DeadLetterFilter } from './dead-letter-admin.js';
import {
  type DeadLetterGroup,
  type DeadLetterPage,
  type DeadLetterRange,
  type DeadLetterSummary,
  type DeadLetterTotal,
  deadLetterAdmin,
  type StoredDeadLetter,
} from './dead-letter-admin.js';
import { type DatabaseOverview, databaseOverview } from './overview.js';
import { type PartitionSize, partitionSizes } from './partition-sizes.js';
import { createReconnectingSession } from './reconnecting-session.js';
import { type KnownService, servicesAdmin } from './services-table.js';
import { asFault, isStorageFault } from './storage-fault.js';
import { type StoreConfig, sessionSettings } from './store-config.js';

/** One connection, opened on demand. All methods reject with a LoghiveError that has a readable message. */
export interface Administration {
  readonly letters: {
    total(filter: DeadLetterFilter): Promise<DeadLetterTotal>;
    groups(filter: DeadLetterFilter): Promise<readonly DeadLetterGroup[]>;
    list(filter: DeadLetterFilter, before: string | undefined, limit: number): Promise<readonly DeadLetterSummary[]>;
    get(id: string): Promise<StoredDeadLetter | undefined>;
    read(filter: DeadLetterFilter, range: DeadLetterRange): Promise<DeadLetterPage<readonly StoredDeadLetter[]>>;
    /** Never retried: `send` has side effects. */
    republish(
      filter: DeadLetterFilter,
      range: DeadLetterRange,
      send: (letters: readonly StoredDeadLetter[]) => Promise<readonly string[]>,
    ): Promise<DeadLetterPage<void>>;
    drop(filter: DeadLetterFilter, range: DeadLetterRange): Promise<DeadLetterPage<number>>;
  };
  readonly services: {
    all(): Promise<readonly KnownService[]>;
    add(services: readonly string[]): Promise<readonly string[]>;
    remove(service: string): Promise<boolean>;
  };
  partitions(exact: boolean): Promise<readonly PartitionSize[]>;
  overview(): Promise<DatabaseOverview>;
  close(): Promise<void>;
}

/** @throws LoghiveError LOGHIVE_INVALID_OPTION if the URL is invalid. */
export function openAdministration(config: StoreConfig): Administration {
  const { schema } = config;
  const connection = createReconnectingSession(parseDatabaseUrl(config.databaseUrl), sessionSettings(config));
  const table = deadLetterAdmin(schema);
  const services = servicesAdmin(schema);
  const run = <T>(work: (session: DatabaseSession) => Promise<T>) => connection.run(work).catch(rethrowReadable);
  const runOnce = <T>(work: (session: DatabaseSession) => Promise<T>) => {
    const once = async () => {
      const session = await connection.current();
      try {
        return await work(session);
      } catch (error) {
        session.destroy();
        throw asFault(error, session.place);
      }
    };
    return connection.runOnce(once).catch(rethrowReadable);
  };
  return {
    letters: {
      total: (filter) => run((session) => table.total(session, filter)),
      groups: (filter) => run((session) => table.groups(session, filter)),
      list: (filter, before, limit) => run((session) => table.list(session, filter, before, limit)),
      get: (id) => run((session) => table.get(session, id)),
      read: (filter, range) => run((session) => table.read(session, filter, range)),
      republish: (filter, range, send) => runOnce((session) => table.republish(session, filter, range, send)),
      drop: (filter, range) => run((session) => table.drop(session, filter, range)),
    },
    services: {
      all: () => run((session) => services.all(session)),
      add: (names) => run((session) => services.add(session, names)),
      remove: (service) => run((session) => services.remove(session, service)),
    },
    partitions: (exact) => run((session) => partitionSizes(session, schema, exact)),
    overview: () => run((session) => databaseOverview(session, schema)),
    close: () => connection.close(),
  };
}

/** No records are stored here, so drop the prefix "PostgreSQL cannot store records". */
function rethrowReadable(error: unknown): never {
  if (!isStorageFault(error)) throw error;
  throw new LoghiveError(error.code, `PostgreSQL: ${error.reason}`, { cause: error });
}
