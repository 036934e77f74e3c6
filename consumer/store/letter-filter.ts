/** Which dead letters are meant, as a condition of SQL. Pure. */
import { LEVELS, type Level } from '../../src/level.js';
import { queueName } from '../../src/wire.js';

/** All of them hold for a letter that is meant; without any, every letter is. */
export interface LetterFilter {
  /** Whose record it is, or, where that could not be read, whose queue it came from. */
  readonly service?: string;
  readonly level?: Level;
  readonly code?: string;
  readonly queue?: string;
  /** Seen last at this time or later: an ISO 8601 text. */
  readonly since?: string;
  /** Seen last before this time. */
  readonly until?: string;
  readonly ids?: readonly string[];
}

export interface Condition {
  /** Without `where`; `true` where every row is meant. */
  readonly sql: string;
  readonly values: readonly unknown[];
}

export function conditionOf(
  filter: LetterFilter,
  more: readonly (readonly [sql: string, value: unknown])[] = [],
): Condition {
  const values: unknown[] = [];
  const parts: string[] = [];
  /** `?` stands for the value. */
  const add = (sql: string, value: unknown) => {
    values.push(value);
    parts.push(sql.replaceAll('?', `$${values.length}`));
  };
  const { service, level, code, queue, since, until, ids } = filter;
  if (service !== undefined) {
    add('(service = ? or service is null', service);
    add(
      'queue = any(?::text[]))',
      LEVELS.map((each) => queueName(service, each)),
    );
  }
  if (level !== undefined) {
    add('(level = ? or level is null', level);
    add('right(queue, length(?)) = ?)', queueName('', level));
  }
  if (code !== undefined) add('code = ?', code);
  if (queue !== undefined) add('queue = ?', queue);
  if (since !== undefined) add('last_seen >= ?::timestamptz', since);
  if (until !== undefined) add('last_seen < ?::timestamptz', until);
  if (ids !== undefined) add('id = any(?::bigint[])', ids);
  for (const [sql, value] of more) add(sql, value);
  return { sql: parts.length === 0 ? 'true' : parts.join(' and '), values };
}
