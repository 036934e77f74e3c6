/** Whether a record in memory matches a query: the same answer that PostgreSQL gives. Pure. */
import type { StoredRecord } from '../src/record.js';
import { itemTexts, memberTexts } from '../src/value/json-members.js';
import type { Comparison, Condition, FieldPath, FieldTest, QueryValue } from './condition.js';
import { compareNumbers } from './decimal.js';
import { isNumber } from './json-path.js';
import type { Query } from './parse.js';
import { type Pattern, regExpOf } from './pattern.js';

/** Never throws. */
export function matches(query: Query, record: StoredRecord): boolean {
  return holds(query.condition, record);
}

function holds(condition: Condition, record: StoredRecord): boolean {
  switch (condition.type) {
    case 'everything':
      return true;
    case 'and':
      return condition.conditions.every((each) => holds(each, record));
    case 'or':
      return condition.conditions.some((each) => holds(each, record));
    case 'not':
      return !holds(condition.condition, record);
    case 'text':
      return record.message.toLowerCase().includes(condition.text.toLowerCase());
    case 'pattern':
      return compiled(condition.pattern).test(record[condition.column]);
    case 'level':
      return condition.levels.includes(record.level);
    case 'service':
      return condition.services.includes(record.service);
    case 'field':
      return condition.paths.some((path) =>
        valuesAt(record.information, path).some((json) => passes(json, condition.test)),
      );
  }
}

const patterns = new WeakMap<Pattern, RegExp>();

function compiled(pattern: Pattern): RegExp {
  const known = patterns.get(pattern);
  if (known !== undefined) return known;
  const made = regExpOf(pattern);
  patterns.set(pattern, made);
  return made;
}

/** The JSON of the values at the path. On the way, as in jsonpath's lax mode, an array stands for its items. */
function valuesAt(information: string, path: FieldPath): string[] {
  let values = [information];
  for (const name of path) {
    values = values.flatMap(items).flatMap((json) => (json.startsWith('{') ? (memberTexts(json).get(name) ?? []) : []));
  }
  return values;
}

function items(json: string): string[] {
  return json.startsWith('[') ? itemTexts(json) : [json];
}

function passes(json: string, test: FieldTest): boolean {
  switch (test.type) {
    case 'exists':
      return true;
    case 'equals':
      return items(json).some((item) => test.values.some((value) => equals(item, value)));
    case 'compares':
      return items(json).some((item) => compares(item, test.comparison, test.value));
    case 'matches':
      return items(json).some(
        (item) => item.startsWith('"') && compiled(test.pattern).test(JSON.parse(item) as string),
      );
  }
}

function equals(item: string, value: QueryValue): boolean {
  if (item.startsWith('"')) return (JSON.parse(item) as string) === value.text;
  if (value.json === undefined) return false;
  return isNumber(value) ? isNumeric(item) && compareNumbers(item, value.json) === 0 : item === value.json;
}

function compares(item: string, comparison: Comparison, value: QueryValue): boolean {
  const order = orderOf(item, value);
  if (order === undefined) return false;
  if (order === 0) return comparison.length === 2;
  return comparison.startsWith(order < 0 ? '<' : '>');
}

/** Undefined if the two cannot be compared. */
function orderOf(item: string, value: QueryValue): number | undefined {
  if (isNumber(value)) return isNumeric(item) ? compareNumbers(item, value.json) : undefined;
  if (!item.startsWith('"')) return undefined;
  // Like jsonpath: by code points, which is the order of UTF-8.
  return Buffer.compare(Buffer.from(JSON.parse(item) as string), Buffer.from(value.text));
}

function isNumeric(json: string): boolean {
  return /^[-\d]/.test(json);
}
