/** Conditions as SQL. Every text of the query is a parameter, the names of fields included. Pure. */
import { LEVELS, type Level } from '../src/level.js';
import type { Condition } from './condition.js';
import { jsonPathOf } from './json-path.js';
import type { Query } from './parse.js';

/** For the columns of the table `records`. */
export interface SqlCondition {
  /** A boolean expression, never null. */
  readonly sql: string;
  readonly values: readonly unknown[];
}

/**
 * @param schema quoted.
 * @param first number of the first parameter. Default 1.
 */
export function compileQuery({ condition }: Pick<Query, 'condition'>, schema: string, first = 1): SqlCondition {
  const values: unknown[] = [];
  const parameter = (value: unknown) => `$${first - 1 + values.push(value)}`;

  function sqlOf(part: Condition): string {
    switch (part.type) {
      case 'everything':
        return 'true';
      case 'and':
      case 'or':
        return `(${part.conditions.map(sqlOf).join(` ${part.type} `)})`;
      case 'not':
        return `(${sqlOf(part.condition)}) is not true`;
      case 'text':
        return `message ${isCaseless(part.text) ? 'like' : 'ilike'} ${parameter(`%${part.text.replace(/[\\%_]/g, '\\$&')}%`)}`;
      case 'pattern':
        return `${part.column} ~${part.pattern.ignoresCase ? '*' : ''} ${parameter(part.pattern.sql)}`;
      case 'level':
        return levelCondition(part.levels);
      case 'service':
        return part.services.length === 1
          ? `service = ${parameter(part.services[0])}`
          : `service = any (${parameter(part.services)}::text[])`;
      case 'field':
        return `information @@ ${parameter(jsonPathOf(part.paths, part.test))}::jsonpath`;
    }
  }

  /** `>=` in the form of the partial index of ERROR and CRITICAL. */
  function levelCondition(levels: readonly Level[]): string {
    const [lowest] = levels;
    if (lowest === undefined) return 'false';
    if (levels.length === 1) return `level = ${parameter(lowest)}::${schema}.level`;
    if (levels.at(-1) === 'CRITICAL' && levels.length === LEVELS.length - LEVELS.indexOf(lowest)) {
      return `level >= ${parameter(lowest)}::${schema}.level`;
    }
    return `level = any (${parameter(levels)}::${schema}.level[])`;
  }

  return { sql: sqlOf(condition), values };
}

/** LIKE is several times faster than ILIKE. */
function isCaseless(text: string): boolean {
  return text.toLowerCase() === text.toUpperCase();
}
