/**
 * The consumer's storage: one connection to PostgreSQL, opened when it is needed and again after it was lost. Calls may
 * overlap; they are carried out one after the other.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { LoghiveError } from '../../src/errors.js';
import { maskUrl } from '../../src/settings/mask-url.js';
import { StatusLog } from '../../src/status-log.js';
import type { Batch, Outcome } from './batch.js';
import { openSession, type Session } from './connect.js';
import { parseDatabaseUrl } from './database-url.js';
import { createDeadLetters } from './dead-letters.js';
import { migrate, readMigrations } from './migrate.js';
import { timeoutsOf } from './part-timeout.js';
import { createPartitions } from './partitions.js';
import { probe } from './probe.js';
import { type PlainRow, recordsTable } from './records-table.js';
import { servicesTable, type TableRefusal } from './services-table.js';
import { asFault, isStorageFault, storageUnavailable } from './storage-fault.js';
import { verdictOf } from './verdict.js';
import { createPartWriter } from './write-part.js';
import { createWriter } from './writer.js';

export type { Batch, Outcome, Rejected, StoreItem } from './batch.js';
export { parseDatabaseUrl } from './database-url.js';
export type { DeadLetter } from './dead-letters.js';
export type { TableRefusal } from './services-table.js';
export { isStorageFault, type StorageUnavailable } from './storage-fault.js';

/** Checked and frozen where it is made. */
export interface StoreConfig {
  /** See `parseDatabaseUrl`. */
  readonly databaseUrl: string;
  /** Default 'logs'. */
  readonly schema: string;
  /** `statement_timeout`: the server cancels what takes longer for a whole batch. Milliseconds; less than `writeTimeoutMs`. */
  readonly statementTimeoutMs: number;
  /** A statement that gets no answer for so long ends the connection. Milliseconds. */
  readonly writeTimeoutMs: number;
  /** For one host, TLS and login included. Milliseconds. */
  readonly connectTimeoutMs: number;
  /** Takes one sentence for people: a migration that is applied ('info'), a partition that cannot be made ('warning'). */
  readonly notice: (text: string, level: 'info' | 'warning') => void;
}

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
   */
  write(batch: Batch): Promise<Outcome>;
  /** Notes that these services have announced themselves. When it resolves, that is committed, or the table refuses it. */
  keepServices(services: readonly string[]): Promise<TableRefusal | undefined>;
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

const CLOSE_PATIENCE_MS = 3000;

/**
 * Nothing is opened yet.
 *
 * @param now epoch milliseconds; decides which days' partitions exist. Default the wall clock.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION when the URL is wrong.
 */
export function openStore(config: StoreConfig, now: () => number = Date.now): Store {
  const { schema, statementTimeoutMs, connectTimeoutMs, writeTimeoutMs } = config;
  const target = parseDatabaseUrl(config.databaseUrl);
  const settings = { schema, connectTimeoutMs, answerTimeoutMs: writeTimeoutMs };
  const warnings = new StatusLog((sentence) => config.notice(sentence, 'warning'));
  const table = recordsTable(schema, now);
  const partitions = createPartitions({ schema, now, warnings });
  const deadLetters = createDeadLetters(schema);
  const announced = servicesTable(schema, statementTimeoutMs);
  const parts = createPartWriter({ table, deadLetters, partitions });
  const timeouts = timeoutsOf(statementTimeoutMs);
  const writer = createWriter({ table, parts, session: current, timeouts, warnings });
  /** What the records are like that are written at present: a rule of the table may let nothing else pass. */
  let like: PlainRow['like'];
  let session: Session | undefined;
  let closed = false;
  /** Gives up what is still under way when the store is closed. */
  const abort = new AbortController();
  let last: Promise<unknown> = Promise.resolve();
  let migrating: Promise<unknown> = Promise.resolve();

  /** Statements of one connection must not overlap. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = last.then(work);
    last = turn.catch(() => undefined);
    return turn;
  }

  async function current(): Promise<Session> {
    if (closed) throw storageUnavailable('the store is closed.');
    if (session?.isOpen()) return session;
    session = await openSession(target, settings, abort.signal);
    if (closed) {
      session.destroy();
      throw storageUnavailable('the store was closed meanwhile.');
    }
    // Another host, or the same one after a restore, may have other partitions.
    partitions.forget();
    if (session.encoding !== 'UTF8') {
      warnings.once(
        `database ${session.place.database} is encoded in ${session.encoding}: records with characters that it cannot hold become dead letters. Create the database with encoding UTF8.`,
      );
    }
    return session;
  }

  /** A connection that broke is opened again once: it may have been idle for long, and repeating is safe. */
  async function withSession<T>(work: (session: Session) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const open = await current();
      try {
        return await work(open);
      } catch (error) {
        // After a failure the next one starts afresh: the primary may be another host by then.
        open.destroy();
        if (attempt === 1 && !isStorageFault(error) && verdictOf(error) === 'reconnect') continue;
        throw asFault(error, open.place);
      }
    }
  }

  const guarded = <T>(work: () => Promise<T>) =>
    inTurn(work).catch((error) => {
      throw asUnavailable(error);
    });

  async function applyMigrations(): Promise<string[]> {
    const migrations = await readMigrations();
    const own = await openSession(target, settings, abort.signal);
    abort.signal.addEventListener('abort', own.destroy);
    try {
      abort.signal.throwIfAborted();
      const notice = (text: string) => config.notice(text, 'info');
      return await migrate(own, { schema, notice, migrations, shownUrl: maskUrl(config.databaseUrl) });
    } finally {
      abort.signal.removeEventListener('abort', own.destroy);
      await own.end();
    }
  }

  return {
    async connect() {
      await inTurn(current);
    },
    migrate() {
      const applied = applyMigrations();
      migrating = applied.catch(() => undefined);
      return applied;
    },
    write(batch) {
      return guarded(async () => {
        const [first] = batch.items;
        if (first) like = { service: first.record.service, level: first.record.level };
        return writer.write(batch);
      });
    },
    keepServices: (services) => guarded(() => withSession((open) => announced.write(open, services))),
    services: () => guarded(() => withSession((open) => announced.read(open))),
    async probe() {
      const tables = { table, deadLetters, services: announced };
      await guarded(() => withSession((open) => probe(open, tables, { like }, timeouts.leastMs)));
      writer.serverWorks();
    },
    async close() {
      if (closed) return;
      const underWay = Promise.all([last, migrating]);
      await Promise.race([underWay, delay(CLOSE_PATIENCE_MS, undefined, { ref: false })]);
      closed = true;
      abort.abort();
      if (session?.isOpen()) await session.end();
    },
  };
}

/** While the consumer runs, a broken certificate is a reason to wait like any other. */
function asUnavailable(error: unknown): unknown {
  if (!(error instanceof LoghiveError) || error.code === 'LOGHIVE_STORAGE_UNAVAILABLE') return error;
  return storageUnavailable(isStorageFault(error) ? error.reason : error.message, { cause: error });
}
