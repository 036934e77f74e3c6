/** The records table and its partitions, as the system catalog describes them. */
import pg from 'pg';
import type { DatabaseSession } from './connect.js';
import type { Range } from './partition-days.js';
import { boundSeconds } from './sql.js';

export interface Partition extends Range {
  readonly oid: number;
  readonly name: string;
  /** Qualified and quoted. */
  readonly table: string;
  readonly isDefault: boolean;
  /** An ordinary table, not partitioned itself and not foreign. */
  readonly isTable: boolean;
  /** Uses the heap access method, so rows can be deleted; columnar storage of extensions may refuse it. */
  readonly isHeap: boolean;
}

export function recordsOf(schema: string): string {
  return `${pg.escapeIdentifier(schema)}.records`;
}

/**
 * Runs in the transaction of the caller.
 *
 * @returns the default partition first, then the earliest first; undefined if the table does not use declarative
 *   partitioning, for example because an extension manages its partitions.
 */
export async function readPartitions(
  session: DatabaseSession,
  schema: string,
): Promise<readonly Partition[] | undefined> {
  const { rows } = await session.query<Row>(PARTITIONS, [recordsOf(schema)]);
  if (!rows[0]?.partitioned) return undefined;
  const partitions = rows.flatMap(({ partitioned, oid, name, table, from, to, ...about }) =>
    oid === null
      ? []
      : [
          {
            ...about,
            oid,
            name,
            table,
            from: from === null ? Number.NEGATIVE_INFINITY : Number(from),
            to: to === null ? Number.POSITIVE_INFINITY : Number(to),
          },
        ],
  );
  return partitions.sort((a, b) => (a.from === b.from ? 0 : a.from - b.from));
}

interface Row {
  readonly partitioned: boolean;
  readonly oid: number | null;
  readonly name: string;
  readonly table: string;
  readonly isDefault: boolean;
  readonly isTable: boolean;
  readonly isHeap: boolean;
  readonly from: string | null;
  readonly to: string | null;
}

const PARTITIONS = `
  select parent.relkind = 'p' as partitioned, child.oid::int8::float8 as oid, child.relname as name,
    quote_ident(nspname) || '.' || quote_ident(child.relname) as "table", child.relkind = 'r' as "isTable",
    child.relkind = 'r' and amname = 'heap' as "isHeap", bound = 'DEFAULT' as "isDefault",
    ${boundSeconds('FROM')}::text as "from", ${boundSeconds('TO')}::text as "to"
  from pg_class parent
  left join pg_inherits on inhparent = parent.oid and parent.relkind = 'p' and not inhdetachpending
  left join pg_class child on child.oid = inhrelid
  left join pg_namespace on pg_namespace.oid = child.relnamespace
  left join pg_am on pg_am.oid = child.relam
  left join lateral (select pg_get_expr(child.relpartbound, child.oid) as bound) as bounds on true
  where parent.oid = $1::regclass`;
