/** Says before a search that it will be slow, and what would make it fast. Pure. */
import { type Condition, conjuncts, type FieldPath } from './condition.js';
import { isInOrder, isLookup, type SearchIndexes, searchedPaths } from './indexes.js';
import type { Query } from './parse.js';

/** PostgreSQL reads a few hundred thousand records a second. */
const MANY_RECORDS = 1_000_000;

/**
 * @param records estimated number in the searched range of time.
 * @returns sentences; none if indexes serve the query, or if there are few records.
 */
export function warningsFor({ condition }: Query, indexes: SearchIndexes, records: number): string[] {
  const all = conjuncts(condition);
  const narrowed = all.flatMap((each) => narrowedFields(each, indexes));
  const rest = all.filter((each) => !isInOrder(each));
  if (rest.length === 0 || records < MANY_RECORDS || rest.some((each) => isLookup(each, indexes))) return narrowed;
  const range = `${Math.round(records / 1_000_000)} million records in this time range`;
  const reasons = rest.map((each) => reasonOf(each, indexes));
  const advice = [...new Set(reasons.flatMap((reason) => reason.advice))];
  const isOrdered = rest.length < all.length;
  return [
    ...narrowed,
    `No index finds ${reasons[0]!.what}: ${isOrdered ? 'those of the' : 'the'} ${range} ${isOrdered ? 'that match the rest ' : ''}are read until there are enough matches. Faster: ${[...advice, 'a shorter range of time'].join(', or ')}.`,
  ];
}

function reasonOf(condition: Condition, indexes: SearchIndexes): { what: string; advice: string[] } {
  switch (condition.type) {
    case 'text':
    case 'pattern':
      return {
        what: condition.type === 'text' ? 'a text in the message' : 'a regular expression',
        advice: indexes.text
          ? ['a text of three letters or more']
          : ['a service or level>=error in addition', 'an index on the message (loghive migrate --with-text-search)'],
      };
    case 'field':
      return {
        what: condition.test.type === 'equals' ? 'fields' : 'fields other than by equality',
        advice:
          condition.test.type === 'equals'
            ? ['an index on the field (INDEX_FIELDS) or on all fields (INDEX_INFORMATION=on)']
            : ['a service or level>=error in addition'],
      };
    case 'level':
      return { what: 'levels below error', advice: ['a service in addition'] };
    case 'or':
      return { what: 'alternatives if one of them has none', advice: ['one search for each'] };
    case 'not':
      return { what: 'what is excluded', advice: ['a service or level>=error in addition'] };
    default:
      return { what: 'several services at once', advice: ['one service'] };
  }
}

/** Fields of which only some have an index: the others are not searched. */
function narrowedFields(condition: Condition, indexes: SearchIndexes): string[] {
  if (condition.type !== 'field' || condition.test.type !== 'equals') return [];
  const searched = searchedPaths(condition.paths, indexes);
  const nested = (paths: readonly FieldPath[]) => [...new Set(paths.map((path) => path.join('.')))];
  const left = nested(condition.paths).filter((name) => !nested(searched).includes(name));
  if (left.length === 0) return [];
  return [
    `Only ${nested(searched).join(', ')} ${searched.length === 1 ? 'has' : 'have'} an index, so ${left.join(', ')} ${left.length === 1 ? 'is' : 'are'} not searched (INDEX_FIELDS, INDEX_INFORMATION).`,
  ];
}
