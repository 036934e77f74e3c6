/**
 * Cleans the pending lists of GIN indexes. Moving entries from the list into the index is most of the cost of the index
 * on `information`, and cheaper for many entries at once. By default PostgreSQL lets the writer that fills the list (4
 * MiB) do it. Here the list may grow larger and is cleaned continually on a separate connection, so that no writer
 * waits.
 *
 * Every search scans the whole list, so it is kept short by cleaning, not by its limit. Its entries are as safe as the
 * rest of the index. VACUUM, autovacuum, and a writer that hits the limit clean it too.
 *
 * Only the owner of an index may clean its list, so only the owner raises its limit.
 */
import type { DatabaseSession } from './connect.js';
import { attemptDdl, LOCK_TIMEOUT_MS } from './ddl.js';
import { recordsOf } from './partition-catalog.js';
import { transaction } from './transaction.js';

/** In KiB, the unit of `gin_pending_list_limit`. */
export const LIST_LIMIT_KIB = 64 * 1024;
/** Cleaning 64 MiB takes a few seconds, much longer on an overloaded machine. */
const CLEAN_SETTINGS = { statementTimeoutMs: 120_000, lockTimeoutMs: LOCK_TIMEOUT_MS };
const READ = { statementTimeoutMs: 10_000, lockTimeoutMs: LOCK_TIMEOUT_MS };
const RAISE = { statementTimeoutMs: 2000, lockTimeoutMs: LOCK_TIMEOUT_MS };
/**
 * Interval for reading the indexes again, in milliseconds. Partitions are created days in advance; a limit that could
 * not be raised because of a reader is raised later.
 */
const READ_INTERVAL_MS = 60_000;

export interface PendingLists {
  /**
   * Cleans the lists of all partitions and raises the limit of those without one.
   *
   * @throws the server error of the first list that could not be cleaned. The others are cleaned.
   */
  clean(session: DatabaseSession): Promise<void>;
}

interface GinIndex {
  readonly oid: number;
  /** Qualified and quoted. */
  readonly index: string;
  /** `gin_pending_list_limit` is not set. */
  readonly hasNoLimit: boolean;
}

export function createPendingLists(schema: string): PendingLists {
  let oids: readonly number[] = [];
  /** In terms of `performance.now()`. */
  let readAt = Number.NEGATIVE_INFINITY;

  async function readIndexes(session: DatabaseSession): Promise<void> {
    const { rows } = await transaction(session, READ, () => session.query<GinIndex>(OF_RECORDS, [recordsOf(schema)]));
    oids = rows.map(({ oid }) => oid);
    readAt = performance.now() + READ_INTERVAL_MS;
    for (const { index } of rows.filter(({ hasNoLimit }) => hasNoLimit)) {
      // One attempt, and none for the other indexes if it fails: waiting for this lock blocks readers.
      const work = () => transaction(session, RAISE, () => session.query(raisedLimit(index)));
      if ((await attemptDdl(work, 0)) !== undefined) return;
    }
  }

  async function cleanIndexes(session: DatabaseSession, ofOids: readonly number[]): Promise<void> {
    await transaction(session, CLEAN_SETTINGS, () => session.query(CLEAN, [ofOids]));
  }

  return {
    async clean(session) {
      if (performance.now() >= readAt) await readIndexes(session);
      if (oids.length === 0) return;
      try {
        await cleanIndexes(session, oids);
      } catch (error) {
        readAt = Number.NEGATIVE_INFINITY;
        // One index is locked, takes too long, or has a new owner. The others must still be cleaned. The first failure is
        // thrown below; those of the same index again say nothing new.
        for (const oid of session.isOpen() ? oids : []) await cleanIndexes(session, [oid]).catch(() => undefined);
        throw error;
      }
    },
  };
}

/** For a new partition, in the transaction that creates it. */
export async function raiseLimits(session: DatabaseSession, table: string): Promise<void> {
  const { rows } = await session.query<GinIndex>(`${GIN_INDEXES} where indrelid = $1::regclass`, [table]);
  for (const { index, hasNoLimit } of rows) if (hasNoLimit) await session.query(raisedLimit(index));
}

function raisedLimit(index: string): string {
  return `alter index ${index} set (gin_pending_list_limit = ${LIST_LIMIT_KIB})`;
}

/** GIN indexes that this role may clean. */
const GIN_INDEXES = `
  select class.oid::int8::float8 as oid, quote_ident(nspname) || '.' || quote_ident(class.relname) as index,
    not coalesce(array_to_string(reloptions, ' ') like '%gin_pending_list_limit=%', false) as "hasNoLimit"
  from pg_index
  join pg_class class on class.oid = indexrelid and class.relkind = 'i' and pg_has_role(class.relowner, 'USAGE')
  join pg_am on pg_am.oid = class.relam and amname = 'gin'
  join pg_namespace on pg_namespace.oid = class.relnamespace`;

/** Includes tables that are not partitioned, and nested partitions. */
const OF_RECORDS = `${GIN_INDEXES} where indisvalid and indrelid = any (
  select $1::regclass::oid union all select relid::oid from pg_partition_tree($1::regclass))`;

/** Skips dropped indexes. Each index is locked only while its own list is cleaned. */
const CLEAN = 'select gin_clean_pending_list(oid) from pg_class where oid = any ($1::int8[]::oid[])';
