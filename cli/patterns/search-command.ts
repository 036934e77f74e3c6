/** The command that shows the records of a pattern. Pure. */
import type { MessagePattern } from '../../query/index.js';

export interface SearchCommandContext {
  /** As a canonical time. */
  readonly until?: string | undefined;
  /** Options to pass on, as typed. */
  readonly schema?: string | undefined;
  readonly timeZone?: string | undefined;
}

/** For a POSIX shell. The database is not named: its URL may hold a password. */
export function searchCommandOf(
  { query, first }: Pick<MessagePattern, 'query' | 'first'>,
  { until, schema, timeZone }: SearchCommandContext,
): string {
  const options = [
    ['since', `${first.slice(0, 19)}Z`],
    ['until', until],
    ['schema', schema],
    ['time-zone', timeZone],
  ].flatMap(([name, value]) => (value === undefined ? [] : [`--${name} ${wordOf(value)}`]));
  return ['loghive search', quoted(query), ...options].join(' ');
}

function wordOf(text: string): string {
  return /^[\w.:/+-]+$/.test(text) ? text : quoted(text);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
