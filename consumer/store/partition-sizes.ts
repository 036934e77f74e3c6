/** Partitions of the records table for operators: days, rows, sizes. */
import type { DatabaseSession } from './connect.js';
import { readPartitions, recordsOf } from './partition-catalog.js';
import { transaction } from './transaction.js';

export interface PartitionSize {
  readonly name: string;
  readonly isDefault: boolean;
  /** Epoch seconds, [from, to); infinite if unbounded. */
  readonly from: number;
  readonly to: number;
  /** Estimate of PostgreSQL, or the exact count. */
  readonly rows: number;
  /** Table, indexes and TOAST. */
  readonly bytes: number;
}

const SETTINGS = { statementTimeoutMs: 300_000, lockTimeoutMs: 10_000 };

/**
 * @param exact counts the rows, which reads all of them; otherwise they are estimated from the catalog.
 * @returns earliest first; one unbounded entry if the table does not use declarative partitioning.
 */
export function partitionSizes(
  session: DatabaseSession,
  schema: string,
  exact: boolean,
): Promise<readonly PartitionSize[]> {
  return transaction(session, SETTINGS, async () => {
    const partitions = await readPartitions(session, schema);
    if (partitions === undefined) return [await whole(session, schema, exact)];
    const { rows } = await session.query<{ oid: number; rows: number; bytes: string | null }>(SIZES, [
      partitions.map(({ oid }) => oid),
    ]);
    const sizes = new Map(rows.map((row) => [row.oid, row]));
    const found: PartitionSize[] = [];
    for (const { oid, name, table, isDefault, from, to } of partitions) {
      const size = sizes.get(oid);
      // Dropped meanwhile.
      if (size?.bytes == null) continue;
      const bounds = isDefault ? EVERYTHING : { from, to };
      const counted = exact ? await count(session, table) : Math.max(0, Math.round(size.rows));
      found.push({ name, isDefault, ...bounds, rows: counted, bytes: Number(size.bytes) });
    }
    return found;
  });
}

const EVERYTHING = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };

async function whole(session: DatabaseSession, schema: string, exact: boolean): Promise<PartitionSize> {
  const { rows } = await session.query<{ rows: number; bytes: string }>(
    `select greatest(reltuples, pg_stat_get_live_tuples(oid))::float8 as rows, pg_total_relation_size(oid) as bytes
     from pg_class where oid = $1::regclass`,
    [recordsOf(schema)],
  );
  const estimate = Math.max(0, Math.round(rows[0]?.rows ?? 0));
  return {
    name: 'records',
    isDefault: false,
    ...EVERYTHING,
    rows: exact ? await count(session, recordsOf(schema)) : estimate,
    bytes: Number(rows[0]?.bytes ?? 0),
  };
}

async function count(session: DatabaseSession, table: string): Promise<number> {
  const { rows } = await session.query<{ n: string }>(`select count(*) as n from ${table}`);
  return Number(rows[0]?.n ?? 0);
}

/**
 * The live row counter is current within a second but empty after a crash; reltuples is -1 before the first VACUUM or
 * ANALYZE.
 */
const SIZES = `
  select oid::int8::float8 as oid, greatest(reltuples, pg_stat_get_live_tuples(oid))::float8 as rows,
    pg_total_relation_size(oid) as bytes
  from pg_class where oid::int8 = any($1::int8[])`;
