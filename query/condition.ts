/** A parsed query: conditions on a record. Pure. */
import type { Level } from '../src/level.js';
import type { Pattern } from './pattern.js';

/** Names that lead to a value of `information`: `['order', 'id']`. */
export type FieldPath = readonly string[];

export type Comparison = '<' | '<=' | '>' | '>=';

/** A value as it was written. `7` is a number and a text; `"7"` is only a text. */
export interface QueryValue {
  readonly text: string;
  /** The JSON of the number, `true`, `false` or `null` that was written without quotes. */
  readonly json?: string;
}

/** What the value at the end of a path must be. For an array, one of its items is enough. */
export type FieldTest =
  | { readonly type: 'exists' }
  /** Equal to one of the values. */
  | { readonly type: 'equals'; readonly values: readonly QueryValue[] }
  | { readonly type: 'compares'; readonly comparison: Comparison; readonly value: QueryValue }
  | { readonly type: 'matches'; readonly pattern: Pattern };

export type Condition =
  | { readonly type: 'everything' }
  | { readonly type: 'and' | 'or'; readonly conditions: readonly Condition[] }
  | { readonly type: 'not'; readonly condition: Condition }
  /** The message contains the text, whatever its case. */
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'pattern'; readonly column: 'message' | 'service'; readonly pattern: Pattern }
  | { readonly type: 'level'; readonly levels: readonly Level[] }
  | { readonly type: 'service'; readonly services: readonly string[] }
  /** A value that one of the paths leads to passes the test. */
  | { readonly type: 'field'; readonly paths: readonly FieldPath[]; readonly test: FieldTest };

/** The conditions that all have to hold. */
export function conjuncts(condition: Condition): readonly Condition[] {
  if (condition.type === 'everything') return [];
  return condition.type === 'and' ? condition.conditions.flatMap(conjuncts) : [condition];
}
