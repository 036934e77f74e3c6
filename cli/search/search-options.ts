/** The checked options of `loghive search`. */
import { migrationConfig } from '../../consumer/store-settings.js';
import type { SearchOptions } from '../../query/index.js';
import { Expected, integer } from '../../src/settings/option.js';
import { checkedOption } from '../checked-option.js';
import type { DatabaseOptions } from '../subcommand.js';
import { parseTime } from '../time-option.js';
import type { ViewOptions } from '../view/view-options.js';
import type { Order } from './command.js';

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

const OWNER = 'search';
const MAX_LIMIT = 100_000;
const MAX_CONTEXT = 1000;

/** @throws LoghiveError LOGHIVE_INVALID_OPTION */
export function rangeOf(
  { since, until, timeout }: Pick<SearchCommandOptions, 'since' | 'until' | 'timeout'>,
  timeZone: string,
  nowMs = Date.now(),
): Pick<SearchOptions, 'since' | 'until' | 'timeoutMs'> {
  const time = (name: string, text: string | undefined) =>
    text === undefined ? undefined : checkedOption(OWNER, name, text, (typed) => parseTime(typed, nowMs, timeZone));
  return {
    since: time('since', since),
    until: time('until', until),
    timeoutMs: checkedOption(OWNER, 'timeout', timeout, numberCheck(integer(0, 86_400, 'seconds; 0: none'))) * 1000,
  };
}

/** @returns Infinity for `all`; undefined if the option was not given. */
export function limitOf({ limit, order }: Pick<SearchCommandOptions, 'limit' | 'order'>): number | undefined {
  if (limit === undefined) return undefined;
  return checkedOption(OWNER, 'limit', limit, (text) => {
    if (text === 'all') return Number.POSITIVE_INFINITY;
    const number = Number(text);
    if (!/^\d+$/.test(text) || number < 1) throw new Expected("a number of records, or 'all'");
    // They are all read before the oldest of them can be printed.
    if (order === 'newest-last' && number > MAX_LIMIT) {
      throw new Expected(`a number up to ${MAX_LIMIT}, or 'all'; --order newest-first takes any number`);
    }
    return number;
  });
}

/** Number of records before and after each match. */
export function contextOf({ context }: Pick<SearchCommandOptions, 'context'>): number {
  if (context === undefined) return 0;
  return checkedOption(OWNER, 'context', context, numberCheck(integer(0, MAX_CONTEXT, 'records')));
}

/** @throws LoghiveError LOGHIVE_INVALID_OPTION */
export function databaseOf(owner: string, { databaseUrl, schema }: DatabaseOptions) {
  return migrationConfig(owner, { databaseUrl, schema });
}

function numberCheck(check: (value: unknown) => number): (text: string) => number {
  return (text) => check(/^\d+$/.test(text) ? Number(text) : text);
}
