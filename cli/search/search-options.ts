/** The checked options of `loghive search`. */
import type { SearchOptions } from '../../query/index.js';
import { LoghiveError } from '../../src/errors.js';
import { Expected } from '../../src/settings/option.js';
import { checkedOption, typedInteger } from '../checked-option.js';
import type { DatabaseOptions } from '../subcommand.js';
import { parseTime } from '../time-option.js';
import type { FormatOptions } from '../view/record-format.js';
import type { ViewOptions } from '../view/view-options.js';
import type { Order } from './record-batches.js';

/** As typed on the command line. */
export interface SearchCommandOptions extends ViewOptions, DatabaseOptions {
  since?: string;
  until?: string;
  limit?: string;
  order: Order;
  cursor?: string;
  context?: string;
  count?: boolean;
  histogram?: boolean;
  timeout: string;
  pager: boolean;
}

export interface SearchPlan {
  readonly result: 'records' | 'count' | 'histogram';
  readonly range: Pick<SearchOptions, 'since' | 'until' | 'timeoutMs'>;
  readonly order: Order;
  /** Infinity for `all`; undefined if the option was not given. */
  readonly limit: number | undefined;
  readonly cursor: string | undefined;
  /** Number of records to show before and after each match. */
  readonly context: number;
  readonly pager: boolean;
}

const OWNER = 'search';
/** With `newest-last`, all records are read before the first can be printed. */
const MAX_LIMIT = 100_000;
const MAX_CONTEXT = 1000;
const COUNT_FORMATS: ReadonlySet<string> = new Set(['pretty', 'json', 'ndjson']);

/** @throws LoghiveError LOGHIVE_INVALID_OPTION */
export function planOf(
  options: SearchCommandOptions,
  { name, timeZone }: Pick<FormatOptions, 'name' | 'timeZone'>,
  nowMs = Date.now(),
): SearchPlan {
  const time = (option: 'since' | 'until') =>
    checked(option, options[option], (text) => parseTime(text, nowMs, timeZone));
  const result = options.count ? 'count' : options.histogram ? 'histogram' : 'records';
  if (result !== 'records' && !COUNT_FORMATS.has(name)) {
    throw new LoghiveError(
      'LOGHIVE_INVALID_OPTION',
      `${OWNER}: --${result} has no format ${name}, only ${[...COUNT_FORMATS].join(', ')}.`,
    );
  }
  return {
    result,
    range: {
      since: time('since'),
      until: time('until'),
      timeoutMs: 1000 * checkedOption(OWNER, 'timeout', options.timeout, typedInteger(0, 86_400, 'seconds; 0: none')),
    },
    order: options.order,
    limit: checked('limit', options.limit, (text) => limitOf(text, options)),
    cursor: checked('cursor', options.cursor, (text) => cursorOf(text, options.order)),
    context: checked('context', options.context, typedInteger(0, MAX_CONTEXT, 'records')) ?? 0,
    pager: options.pager,
  };
}

function checked<T>(name: string, text: string | undefined, check: (text: string) => T): T | undefined {
  return text === undefined ? undefined : checkedOption(OWNER, name, text, check);
}

/** @throws Expected */
function limitOf(text: string, { order, cursor }: Pick<SearchCommandOptions, 'order' | 'cursor'>): number {
  if (text === 'all') {
    // All records are read from the oldest on, and the cursor leads the other way.
    if (order !== 'newest-last' || cursor === undefined) return Number.POSITIVE_INFINITY;
    throw new Expected(`a number up to ${MAX_LIMIT}; with --cursor, 'all' needs --order newest-first`);
  }
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1) throw new Expected("a number of records, or 'all'");
  if (order === 'newest-last' && number > MAX_LIMIT) {
    throw new Expected(`a number up to ${MAX_LIMIT}, or 'all'; --order newest-first takes any number`);
  }
  return number;
}

/** A cursor leads in one direction. @throws Expected */
function cursorOf(text: string, order: Order): string {
  if (text.startsWith(order === 'oldest-first' ? 'newer.' : 'older.')) return text;
  throw new Expected(`a cursor that a search with --order ${order} printed`);
}
