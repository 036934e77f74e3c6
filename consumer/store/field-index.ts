/** The indexes that a user may want on single fields of `information`, as SQL. Pure. */
import { createHash } from 'node:crypto';
import pg from 'pg';

/** The names on the way to a field: `['order', 'id']`. */
export type FieldPath = readonly string[];

/** What one writes in a search for the field to be found by its index. */
export function fieldExpression(path: FieldPath): string {
  const [name = ''] = path;
  if (path.length === 1) return `information ->> ${pg.escapeLiteral(name)}`;
  return `information #>> ${pg.escapeLiteral(`{${path.map(arrayElement).join(',')}}`)}`;
}

/** Without records that have no such field; a comparison with a value implies that, so that it is found all the same. */
export function fieldIndexDefinition(path: FieldPath): string {
  const expression = fieldExpression(path);
  return `((${expression})) where (${expression}) is not null`;
}

const LONGEST_WORDS = 30;

/** `records_by_order_id_1f3a9c2b`: readable, and as different as the paths are. */
export function fieldIndexName(path: FieldPath): string {
  const words = path
    .join('_')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .slice(0, LONGEST_WORDS);
  return `records_by_${words}_${hashOf(JSON.stringify(path))}`;
}

/** That of one partition, whose name may have any length. */
export function partOfIndexName(index: string, partition: string): string {
  return `${partition.slice(0, 40)}_${hashOf(`${index} ${partition}`)}`;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

/** Names of letters, digits and underscores stand as they are, so that the expression is short to write. */
function arrayElement(name: string): string {
  if (/^[A-Za-z_]\w*$/.test(name) && name.toLowerCase() !== 'null') return name;
  return `"${name.replaceAll(/["\\]/g, '\\$&')}"`;
}
