/** The query of a command line. */
import stringWidth from 'string-width';
import { isInvalidQuery, parseQuery, type Query, traceFieldsOf } from '../../query/index.js';
import { LoghiveError } from '../../src/errors.js';
import { printableLine } from '../../src/printable.js';
import type { Environment } from '../../src/settings/option.js';

/** Characters shown on each side of an error in a long query. */
const AROUND = 60;

/**
 * @param owner the command, for error messages.
 * @param words the arguments; the shell has split a query that was not quoted.
 * @param environment has the fields that `trace:` looks at.
 * @throws LoghiveError LOGHIVE_INVALID_QUERY whose message shows the query, with carets under what is wrong.
 */
export function queryArgument(owner: string, words: readonly string[], environment: Environment): Query {
  const text = words.join(' ');
  try {
    return parseQuery(text, { traceFields: traceFieldsOf(environment) });
  } catch (error) {
    if (!isInvalidQuery(error)) throw error;
    const { start, end, reason } = error;
    throw new LoghiveError(
      'LOGHIVE_INVALID_QUERY',
      `${owner}: the query is invalid at character ${start + 1}:\n${pointedAt(text, start, end)}\n${reason}`,
      { cause: error },
    );
  }
}

/** The query, and below it carets under the characters from `start` to `end`. */
function pointedAt(text: string, start: number, end: number): string {
  const from = Math.max(0, start - AROUND);
  const to = Math.min(text.length, start + AROUND);
  const before = (from > 0 ? '…' : '') + printableLine(text.slice(from, start));
  const wrong = printableLine(text.slice(start, Math.min(end, to)));
  const after = printableLine(text.slice(Math.min(end, to), to)) + (to < text.length ? '…' : '');
  return `${before}${wrong}${after}\n${' '.repeat(stringWidth(before))}${'^'.repeat(Math.max(1, stringWidth(wrong)))}`;
}
