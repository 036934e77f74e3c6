/** How many records a range of time has, roughly, from PostgreSQL's statistics. */
import { boundSeconds } from '../consumer/store/sql.js';
import { parseTimestamp } from '../src/time/timestamp.js';
import type { Statement } from './read-only.js';
import { checkedRange, type TimeRange } from './record-rows.js';

/**
 * The records of a partition count in proportion to the part of it that is in the range.
 *
 * @param schema quoted.
 */
export async function estimateRecords(statement: Statement, schema: string, range: TimeRange): Promise<number> {
  const rows = await statement<Partition>(PARTITIONS, [`${schema}.records`]);
  const { since, until } = checkedRange(range);
  const fromS = secondsOf(since) ?? Number.NEGATIVE_INFINITY;
  const toS = secondsOf(until) ?? Number.POSITIVE_INFINITY;
  return rows.reduce((sum, { records, start, end }) => {
    if (start === null || end === null) return sum + records;
    const overlapS = Math.min(end, toS) - Math.max(start, fromS);
    return sum + Math.max(0, overlapS / (end - start)) * records;
  }, 0);
}

function secondsOf(time: string | undefined): number | undefined {
  return time === undefined ? undefined : parseTimestamp(time)?.seconds;
}

interface Partition {
  readonly records: number;
  /** Epoch seconds; null for the default partition. */
  readonly start: number | null;
  readonly end: number | null;
}

/** `reltuples` is -1 before the first VACUUM or ANALYZE; the counter of live rows is empty after a crash. */
const PARTITIONS = `
  select greatest(part.reltuples, pg_stat_get_live_tuples(part.oid), 0)::float8 as records,
    ${boundSeconds('FROM')}::float8 as start, ${boundSeconds('TO')}::float8 as end
  from pg_class parent
  left join pg_inherits on inhparent = parent.oid
  join pg_class part on part.oid = coalesce(inhrelid, parent.oid)
  cross join lateral (select pg_get_expr(part.relpartbound, part.oid) as bound) bounds
  where parent.oid = $1::regclass`;
