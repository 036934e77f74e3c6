/**
 * Conditions as SQL on the columns of the table. Every text of the query is a parameter, the names of fields included.
 * Pure.
 */
import { LEVELS, type Level } from '../src/level.js';
import type { Condition, FieldPath, QueryValue } from './condition.js';
import { plainNumber } from './decimal.js';
import { DEFAULT_INDEXES, type SearchIndexes, searchedPaths } from './indexes.js';
import { isNumber, jsonPathOf } from './json-path.js';

/** The parameters of a statement. */
export function parameters(): { values: unknown[]; bind: (value: unknown) => string } {
  const values: unknown[] = [];
  return { values, bind: (value) => `$${values.push(value)}` };
}

/**
 * @param schema quoted.
 * @param bind adds a parameter. @returns its place holder, `$3`.
 */
export function sqlOf(
  condition: Condition,
  schema: string,
  bind: (value: unknown) => string,
  indexes: SearchIndexes = DEFAULT_INDEXES,
): string {
  const compiled = (each: Condition) => sqlOf(each, schema, bind, indexes);
  switch (condition.type) {
    case 'everything':
      return 'true';
    case 'and':
    case 'or':
      return `(${condition.conditions.map(compiled).join(` ${condition.type} `)})`;
    case 'not':
      return `(${compiled(condition.condition)}) is not true`;
    case 'text':
      return `message ${isCaseless(condition.text) ? 'like' : 'ilike'} ${bind(`%${condition.text.replace(/[\\%_]/g, '\\$&')}%`)}`;
    case 'pattern':
      return `${condition.column} ~${condition.pattern.ignoresCase ? '*' : ''} ${bind(condition.pattern.sql)}`;
    case 'level':
      return levelCondition(condition.levels, schema, bind);
    case 'service':
      return condition.services.length === 1
        ? `service = ${bind(condition.services[0])}`
        : `service = any (${bind(condition.services)}::text[])`;
    case 'field': {
      const { test } = condition;
      const paths = test.type === 'equals' ? searchedPaths(condition.paths, indexes) : condition.paths;
      const exact = `information @@ ${bind(jsonPathOf(paths, test))}::jsonpath`;
      if (indexes.information || test.type !== 'equals' || !paths.every(indexes.hasField)) return exact;
      const texts = bind(test.values.flatMap(textsOf));
      return `(${paths.map((path) => `${fieldText(path, bind)} = any (${texts}::text[])`).join(' or ')}) and ${exact}`;
    }
  }
}

/** `>=` in the form of the partial index of ERROR and CRITICAL. */
function levelCondition(levels: readonly Level[], schema: string, bind: (value: unknown) => string): string {
  const [lowest] = levels;
  if (lowest === undefined) return 'false';
  if (levels.length === 1) return `level = ${bind(lowest)}::${schema}.level`;
  if (levels.at(-1) === 'CRITICAL' && levels.length === LEVELS.length - LEVELS.indexOf(lowest)) {
    return `level >= ${bind(lowest)}::${schema}.level`;
  }
  return `level = any (${bind(levels)}::${schema}.level[])`;
}

/** The expression of the field's own index. */
function fieldText(path: FieldPath, bind: (value: unknown) => string): string {
  return path.length === 1 ? `information ->> ${bind(path[0])}::text` : `information #>> ${bind(path)}::text[]`;
}

/** How PostgreSQL writes the value. It keeps the zeros of a number: 7.50. */
function textsOf(value: QueryValue): string[] {
  if (!isNumber(value)) return [value.text];
  const plain = plainNumber(value.json);
  const dotted = plain.includes('.') ? plain : `${plain}.`;
  return [value.text, plain, ...Array.from({ length: MAX_ZEROS }, (_, zeros) => `${dotted}${'0'.repeat(zeros + 1)}`)];
}

const MAX_ZEROS = 6;

/** LIKE is several times faster than ILIKE. */
function isCaseless(text: string): boolean {
  return text.toLowerCase() === text.toUpperCase();
}
