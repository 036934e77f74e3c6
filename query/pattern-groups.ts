/** Groups records by their shape, service and level, in limited memory. Pure. */
import type { Level } from '../src/level.js';
import type { StoredRecord } from '../src/record.js';
import { errorWordsOf, type Shape, shapeOf } from '../src/shape.js';
import type { Condition } from './condition.js';
import type { Query } from './parse.js';
import { finds, type PatternQuery, queriesFor } from './pattern-query.js';

/** Records of one service and level whose messages differ in numbers, ids, addresses, times and quoted values only. */
export interface MessagePattern {
  /** 16 hexadecimal digits; an alert for these records has the same. */
  readonly shape: string;
  /** `payment of order <number> failed`; with the error of the record, if that says more than the message. */
  readonly pattern: string;
  readonly service: string;
  readonly level: Level;
  readonly count: number;
  /** Timestamps of the oldest and of the newest record. */
  readonly first: string;
  readonly last: string;
  /** Finds all of the records. It may find others that look alike. */
  readonly query: string;
}

export interface PatternGroups {
  add(record: StoredRecord): void;
  /** Removes the group that the record would belong to. */
  removeOf(record: StoredRecord): void;
  /** The most frequent first; of equally frequent ones the one that began first. */
  list(): MessagePattern[];
  /** What finds the records of each group, and whether it has not been removed since. */
  all(): { readonly query: Query; isKept(): boolean }[];
  readonly size: number;
  /** How many records belong to none of the groups, because there were too many. */
  readonly ungrouped: number;
}

interface Group extends Omit<{ -readonly [K in keyof MessagePattern]: MessagePattern[K] }, 'query'> {
  /** The first one finds all records that were added. */
  queries: readonly PatternQuery[];
}

/**
 * @param scope the query whose records are added.
 * @param maxGroups records of further groups are only counted.
 */
export function createPatternGroups(scope: Query, maxGroups: number): PatternGroups {
  const groups = new Map<string, Group>();
  let ungrouped = 0;

  return {
    add(record) {
      const { service, level, timestamp } = record;
      const shape = shapeIn(record);
      const key = keyOf(shape, record);
      let group = groups.get(key);
      if (group === undefined && groups.size >= maxGroups) {
        ungrouped += 1;
        return;
      }
      if (group === undefined) {
        const queries = queriesFor(shape, record, scope);
        group = {
          shape: shape.hash,
          pattern: shape.title,
          service,
          level,
          count: 0,
          first: timestamp,
          last: timestamp,
          queries,
        };
        groups.set(key, group);
      }
      group.count += 1;
      if (timestamp < group.first) group.first = timestamp;
      if (timestamp > group.last) group.last = timestamp;
      while (group.queries.length > 1 && !finds(group.queries[0]!, record)) group.queries = group.queries.slice(1);
    },
    removeOf(record) {
      groups.delete(keyOf(shapeIn(record), record));
    },
    list() {
      const sorted = [...groups.values()].sort(
        (one, other) => other.count - one.count || (one.first < other.first ? -1 : 1),
      );
      return sorted.map(({ queries, ...pattern }) => ({ ...pattern, query: queries[0]!.text }));
    },
    all() {
      return [...groups].map(([key, { queries }]) => {
        const { text, own } = queries[0]!;
        const condition: Condition = { type: 'and', conditions: [own.condition, scope.condition] };
        return { query: { text, condition }, isKept: () => groups.has(key) };
      });
    },
    get size() {
      return groups.size;
    },
    get ungrouped() {
      return ungrouped;
    },
  };
}

function shapeIn({ message, information }: StoredRecord): Shape {
  return shapeOf(message, errorWordsOf(information));
}

function keyOf({ hash }: Shape, { level, service }: StoredRecord): string {
  return `${hash} ${level} ${service}`;
}
