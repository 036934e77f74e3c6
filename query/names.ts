/** Names that occur in the table: services, and fields of `information`. For completion. */
import { printableLine } from '../src/printable.js';
import type { Statement } from './read-only.js';

/** Newest partitions to look at: a service that has logged nothing for longer is not worth its time. */
const DAYS = 8;

/**
 * Services that announced themselves, and those with recent records, sorted.
 *
 * @param schema quoted.
 */
export async function readServices(statement: Statement, schema: string): Promise<string[]> {
  // Jumps from one service to the next in the index, instead of reading all of its entries.
  const rows = await statement<{ service: string }>(
    `with recursive recent as (
      (select service from ${schema}.records where ts >= current_date - ${DAYS} order by service limit 1)
      union all
      select (select service from ${schema}.records where ts >= current_date - ${DAYS} and records.service > recent.service
        order by service limit 1) from recent where recent.service is not null
    )
    select service from recent where service is not null
    union select service from ${schema}.services
    order by 1`,
    [],
  );
  return rows.map(({ service }) => service);
}

/** Records to look at. */
const SAMPLE = 500;
const MAX_DEPTH = 4;
/** Longer names are data, and so are the names in an object with many. */
const MAX_NAME = 60;

/**
 * Names of fields in the newest records, most frequent first, as they are written in a query.
 *
 * @param schema quoted.
 */
export async function readFieldNames(statement: Statement, schema: string): Promise<string[]> {
  const rows = await statement<{ information: string }>(
    `select information::text as information from ${schema}.records order by ts desc, id desc limit ${SAMPLE}`,
    [],
  );
  const counts = new Map<string, number>();
  const add = (value: unknown, prefix: string, depth: number) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || depth > MAX_DEPTH) {
      if (prefix !== '') counts.set(prefix, (counts.get(prefix) ?? 0) + 1);
      return;
    }
    for (const [name, inner] of Object.entries(value)) {
      // Nobody types control characters, not even in quotes.
      if (name.length > MAX_NAME || printableLine(name) !== name) continue;
      add(inner, `${prefix === '' ? '' : `${prefix}.`}${writtenName(name)}`, depth + 1);
    }
  };
  for (const { information } of rows) add(JSON.parse(information), '', 1);
  return [...counts].sort(([, one], [, other]) => other - one).map(([name]) => name);
}

/** Dots stay: they lead to a nested field as well as to one whose name has dots. */
function writtenName(name: string): string {
  return /^[^\s()"',:<>=!/\\.-][^\s()"',:<>=!/\\]*$/.test(name) ? name : JSON.stringify(name);
}
