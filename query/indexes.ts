/** Which indexes a search can use, and which conditions they serve. */
import { fieldIndexName, INFORMATION_INDEX, TEXT_INDEX } from '../consumer/store/index-definitions.js';
import type { Condition, FieldPath } from './condition.js';
import type { Statement } from './read-only.js';

/** The optional indexes that a table has, and that are complete. */
export interface SearchIndexes {
  /** On all of `information`. */
  readonly information: boolean;
  /** On the message (trigrams). */
  readonly text: boolean;
  /** Whether a field has an index of its own. */
  hasField(path: FieldPath): boolean;
}

/** What every table has. */
export const DEFAULT_INDEXES: SearchIndexes = { information: true, text: false, hasField: () => false };

/** Runs in the transaction of the caller. @param schema as text, not quoted. */
export async function readIndexes(statement: Statement, schema: string): Promise<SearchIndexes> {
  const rows = await statement<{ name: string }>(
    `select index.relname as name from pg_index
     join pg_class index on index.oid = indexrelid
     join pg_class parent on parent.oid = indrelid and parent.relname = 'records'
     where parent.relnamespace = to_regnamespace(quote_ident($1)) and indisvalid`,
    [schema],
  );
  const names = new Set(rows.map(({ name }) => name));
  return {
    information: names.has(INFORMATION_INDEX),
    text: names.has(TEXT_INDEX),
    hasField: (path) => names.has(fieldIndexName(path)),
  };
}

/** The paths to look at: without an index on all of `information`, those that have their own, if there are any. */
export function searchedPaths(paths: readonly FieldPath[], indexes: SearchIndexes): readonly FieldPath[] {
  if (indexes.information) return paths;
  const own = paths.filter((path) => indexes.hasField(path));
  return own.length === 0 ? paths : own;
}

/** Whether an index finds the records of the condition without reading others. Time, service and level do not count. */
export function isLookup(condition: Condition, indexes: SearchIndexes): boolean {
  switch (condition.type) {
    case 'and':
      return condition.conditions.some((each) => isLookup(each, indexes));
    case 'or':
      return condition.conditions.every((each) => isLookup(each, indexes));
    case 'text':
      return indexes.text && [...condition.text].length >= 3;
    case 'pattern':
      return indexes.text && condition.column === 'message' && hasTrigram(condition.pattern.sql);
    case 'field':
      if (condition.test.type !== 'equals') return false;
      return indexes.information || condition.paths.some((path) => indexes.hasField(path));
    default:
      return false;
  }
}

/** Classes, escapes and counts are no letters in a row. */
function hasTrigram(pattern: string): boolean {
  return /[\p{L}\p{N}]{3}/u.test(pattern.replace(/\\.|\[(?:\\.|[^\]\\])*\]|\{[^}]*\}/gs, ' '));
}

/** Whether the index on service and time, or the one on the times of errors, reads such records in order. */
export function isInOrder(condition: Condition): boolean {
  if (condition.type === 'service') return condition.services.length === 1;
  return condition.type === 'level' && condition.levels.every((level) => level === 'ERROR' || level === 'CRITICAL');
}
