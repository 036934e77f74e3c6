/** How `loghive dev` shows the records that were stored. */
import type { Writable } from 'node:stream';
import { matches } from '../../query/index.js';
import type { Environment } from '../../src/settings/option.js';
import { queryArgument } from '../search/query-argument.js';
import { formatOptions } from '../view/format-options.js';
import { highlightOf } from '../view/highlight.js';
import { LiveView } from '../view/live-view.js';
import { utcOffset } from '../view/local-time.js';
import { createFormat } from '../view/record-format.js';
import type { ViewOptions } from '../view/view-options.js';

export interface StoredViewOptions extends ViewOptions {
  quiet?: boolean;
  json?: boolean;
  /** A query; other records are stored without being shown. */
  show?: string;
}

export interface StoredView {
  readonly view: LiveView;
  /** Offset of the times shown, for example 'UTC+02:00'. */
  readonly timeZone: string;
}

/**
 * Undefined with `--quiet`.
 *
 * @throws LoghiveError LOGHIVE_INVALID_OPTION, LOGHIVE_INVALID_QUERY
 */
export function openStoredView(
  options: StoredViewOptions,
  environment: Environment,
  stream: Writable,
): StoredView | undefined {
  const given = options.json ? { ...options, output: 'ndjson' as const } : options;
  const format = formatOptions('dev', given, environment, process.stdout);
  const query = options.show === undefined ? undefined : queryArgument('dev', [options.show], environment);
  if (options.quiet) return undefined;
  const view = new LiveView({
    stream,
    format: createFormat({ ...format, highlight: query && highlightOf(query), isEndless: true }),
    shows: query && ((record) => matches(query, record)),
    // Text for people must not delay the consumer. A program gets every record.
    whenBehind: format.name === 'pretty' ? 'skip' : 'wait',
  });
  return { view, timeZone: utcOffset(Date.now(), format.timeZone) };
}
