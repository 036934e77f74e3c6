/** The indexes that a user can configure, as SQL. Pure. */
import { createHash } from 'node:crypto';
import pg from 'pg';
import { LIST_LIMIT_KIB } from './pending-lists.js';

/** Path of property names: `['order', 'id']`. */
export type FieldPath = readonly string[];

export interface IndexSettings {
  /** Whether to have an index on all of `information`; undefined: leave it as it is. */
  readonly information: boolean | undefined;
  /** Fields with their own index. */
  readonly fields: readonly FieldPath[];
  /** An index on the trigrams of the message: the quoted schema of the extension pg_trgm. */
  readonly trigrams?: string | undefined;
}

export interface IndexDefinition {
  readonly name: string;
  /** What follows the table in `create index`. */
  readonly definition: string;
  /** Shown in the log when the index is ready. */
  readonly use: string;
}

export const INFORMATION_INDEX = 'records_information';
/** On the trigrams of the message. */
export const TEXT_INDEX = 'records_message';

export function indexDefinitions({ information, fields, trigrams }: IndexSettings): IndexDefinition[] {
  const optional = fields.map((path) => ({
    name: fieldIndexName(path),
    definition: fieldIndexDefinition(path),
    use: `Use it with ${fieldExpression(path)} = '…'.`,
  }));
  if (trigrams !== undefined) {
    const definition = `using gin (message ${trigrams}.gin_trgm_ops) with (gin_pending_list_limit = ${LIST_LIMIT_KIB})`;
    optional.push({ name: TEXT_INDEX, definition, use: "Use it with message ILIKE '%…%'." });
  }
  if (information !== true) return optional;
  const definition = `using gin (information jsonb_path_ops) with (gin_pending_list_limit = ${LIST_LIMIT_KIB})`;
  return [{ name: INFORMATION_INDEX, definition, use: "Use it with information @> '…'." }, ...optional];
}

/** The expression that a query must use for the index to apply. */
function fieldExpression(path: FieldPath): string {
  const [name = ''] = path;
  if (path.length === 1) return `information ->> ${pg.escapeLiteral(name)}`;
  return `information #>> ${pg.escapeLiteral(`{${path.map(arrayElement).join(',')}}`)}`;
}

/**
 * Skips records without the field. A comparison with a value implies `is not null`, so the partial index still applies.
 */
function fieldIndexDefinition(path: FieldPath): string {
  const expression = fieldExpression(path);
  return `((${expression})) where (${expression}) is not null`;
}

const MAX_WORDS_LENGTH = 30;

/** `records_by_order_id_1f3a9c2b`: readable, and unique per path. */
export function fieldIndexName(path: FieldPath): string {
  const words = path
    .join('_')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .slice(0, MAX_WORDS_LENGTH);
  return `records_by_${words}_${hashOf(JSON.stringify(path))}`;
}

/** Index name of one partition, whose name may be of any length. */
export function partOfIndexName(index: string, partition: string): string {
  return `${partition.slice(0, 40)}_${hashOf(`${index} ${partition}`)}`;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

/** Plain names stay unquoted, which keeps the expression short. */
function arrayElement(name: string): string {
  if (/^[A-Za-z_]\w*$/.test(name) && name.toLowerCase() !== 'null') return name;
  return `"${name.replaceAll(/["\\]/g, '\\$&')}"`;
}
