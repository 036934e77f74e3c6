/**
 * The lists in which a GIN index keeps what it has not sorted in yet. Sorting in is most of what the index on `information`
 * costs, and cheaper the more is sorted in at once; PostgreSQL lets the writer do it who finds the list full, at 4 MiB. Here
 * the list may become longer, and is emptied again and again over a connection of its own, so that no writer waits.
 *
 * Whoever searches reads the list from its beginning to its end: it is kept short by being emptied, not by its limit. What
 * is in it is as safe as the rest of the index, and PostgreSQL empties it too: VACUUM, autovacuum, and the writer who finds it
 * at its limit.
 *
 * Only the owner of an index may empty its list, so only the owner gives it a longer one.
 */
import type { DatabaseSession } from './connect.js';
import { attemptDdl, LOCK_TIMEOUT_MS } from './ddl-attempt.js';
import { recordsOf } from './partition-catalog.js';
import { transaction } from './transaction.js';

/** In KiB, as `gin_pending_list_limit` counts. */
export const LIST_LIMIT_KIB = 64 * 1024;
/** A list of 64 MiB takes a few seconds; on a machine that is short of everything, many. */
const EMPTY = { statementTimeoutMs: 120_000, lockTimeoutMs: LOCK_TIMEOUT_MS };
const LOOK = { statementTimeoutMs: 10_000, lockTimeoutMs: LOCK_TIMEOUT_MS };
const RAISE = { statementTimeoutMs: 2000, lockTimeoutMs: LOCK_TIMEOUT_MS };
/** Partitions are made days ahead. Limits that could not be raised, because somebody was reading, are by then. */
const LOOK_AGAIN_MS = 60_000;

export interface PendingLists {
  /**
   * Sorts in what is in the lists of all partitions, and gives those their limit that have none.
   *
   * @throws the server's error, that of the first list that could not be emptied. The others are.
   */
  empty(session: DatabaseSession): Promise<void>;
}

interface GinIndex {
  readonly oid: number;
  /** Schema and name, quoted. */
  readonly index: string;
  /** Nobody has set it. */
  readonly hasNoLimit: boolean;
}

export function createPendingLists(schema: string): PendingLists {
  let oids: readonly number[] = [];
  /** In the time of `performance.now()`. */
  let lookAt = Number.NEGATIVE_INFINITY;

  async function look(session: DatabaseSession): Promise<void> {
    const { rows } = await transaction(session, LOOK, () => session.query<GinIndex>(OF_RECORDS, [recordsOf(schema)]));
    oids = rows.map(({ oid }) => oid);
    lookAt = performance.now() + LOOK_AGAIN_MS;
    for (const { index } of rows.filter(({ hasNoLimit }) => hasNoLimit)) {
      // Tried once, and no other one where it fails: what waits for this lock makes readers wait.
      const work = () => transaction(session, RAISE, () => session.query(raisedLimit(index)));
      if ((await attemptDdl(work, 0)) !== undefined) return;
    }
  }

  async function clean(session: DatabaseSession, ofOids: readonly number[]): Promise<void> {
    await transaction(session, EMPTY, () => session.query(CLEAN, [ofOids]));
  }

  return {
    async empty(session) {
      if (performance.now() >= lookAt) await look(session);
      if (oids.length === 0) return;
      try {
        await clean(session, oids);
      } catch (error) {
        lookAt = Number.NEGATIVE_INFINITY;
        // One is locked, takes too long, or belongs to somebody else by now. That must not keep the others full.
        for (const oid of session.isOpen() ? oids : []) await clean(session, [oid]).catch(() => undefined);
        throw error;
      }
    },
  };
}

/** For a partition that nobody knows yet, in the transaction in which it is made. */
export async function raiseLimits(session: DatabaseSession, table: string): Promise<void> {
  const { rows } = await session.query<GinIndex>(`${GIN_INDEXES} where indrelid = $1::regclass`, [table]);
  for (const { index, hasNoLimit } of rows) if (hasNoLimit) await session.query(raisedLimit(index));
}

function raisedLimit(index: string): string {
  return `alter index ${index} set (gin_pending_list_limit = ${LIST_LIMIT_KIB})`;
}

/** With a list, and with the right to empty it. */
const GIN_INDEXES = `
  select class.oid::int8::float8 as oid, quote_ident(nspname) || '.' || quote_ident(class.relname) as index,
    not coalesce(array_to_string(reloptions, ' ') like '%gin_pending_list_limit=%', false) as "hasNoLimit"
  from pg_index
  join pg_class class on class.oid = indexrelid and class.relkind = 'i' and pg_has_role(class.relowner, 'USAGE')
  join pg_am on pg_am.oid = class.relam and amname = 'gin'
  join pg_namespace on pg_namespace.oid = class.relnamespace`;

/** Also where the table is not partitioned, or a partition is partitioned again. */
const OF_RECORDS = `${GIN_INDEXES} where indisvalid and indrelid = any (
  select $1::regclass::oid union all select relid::oid from pg_partition_tree($1::regclass))`;

/** Those that have not been dropped meanwhile. Each is locked only while its own list is emptied. */
const CLEAN = 'select gin_clean_pending_list(oid) from pg_class where oid = any ($1::int8[]::oid[])';
