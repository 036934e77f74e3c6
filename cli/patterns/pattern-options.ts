/** The checked options of `loghive patterns`. */
import type { PatternOptions } from '../../query/index.js';
import { LoghiveError } from '../../src/errors.js';
import { Expected } from '../../src/settings/option.js';
import { checkedOption, typedInteger } from '../checked-option.js';
import type { DatabaseOptions } from '../subcommand.js';
import { parseTime } from '../time-option.js';
import type { PatternFormat } from './pattern-formats.js';

/** As typed on the command line. */
export interface PatternCommandOptions extends DatabaseOptions {
  since?: string;
  until?: string;
  newSince?: string;
  comparedWith?: string;
  commands?: boolean;
  limit?: string;
  maxRecords: string;
  timeout: string;
  output: PatternFormat;
  timeZone?: string;
  pager: boolean;
}

export interface PatternPlan {
  readonly reading: Pick<PatternOptions, 'since' | 'until' | 'newOnly' | 'maxRecords' | 'timeoutMs'>;
  /** Infinity for `all`; undefined if the option was not given. */
  readonly limit: number | undefined;
  readonly commands: boolean;
  readonly pager: boolean;
}

export const DEFAULT_LIMIT = 50;

const OWNER = 'patterns';
const DEFAULT_COMPARISON = '7d';

/** @throws LoghiveError LOGHIVE_INVALID_OPTION */
export function planOf(options: PatternCommandOptions, timeZone: string, nowMs = Date.now()): PatternPlan {
  const { newSince, comparedWith, maxRecords, timeout } = options;
  const time = (option: string, text: string | undefined) =>
    text === undefined ? undefined : checkedOption(OWNER, option, text, (typed) => parseTime(typed, nowMs, timeZone));
  if (comparedWith !== undefined && newSince === undefined) {
    throw new LoghiveError('LOGHIVE_INVALID_OPTION', `${OWNER}: --compared-with needs --new-since.`);
  }
  const since = time('since', options.since) ?? time('new-since', newSince);
  return {
    reading: {
      since,
      until: time('until', options.until),
      newOnly:
        newSince === undefined || since === undefined
          ? undefined
          : { comparedSince: comparedSince(comparedWith ?? DEFAULT_COMPARISON, since, timeZone) },
      maxRecords: checkedOption(OWNER, 'max-records', maxRecords, numberOrAll('records')),
      timeoutMs: 1000 * checkedOption(OWNER, 'timeout', timeout, typedInteger(0, 86_400, 'seconds; 0: none')),
    },
    limit:
      options.limit === undefined ? undefined : checkedOption(OWNER, 'limit', options.limit, numberOrAll('patterns')),
    commands: options.commands === true,
    pager: options.pager,
  };
}

/** Undefined for `all`. Ages count from `newSince`, a canonical time. */
function comparedSince(text: string, newSince: string, timeZone: string): string | undefined {
  if (text === 'all') return undefined;
  return checkedOption(OWNER, 'compared-with', text, (typed) => {
    const time = parseTime(typed, Date.parse(newSince), timeZone);
    if (time < newSince) return time;
    throw new Expected("an age such as '7d', a time before --new-since, or 'all'");
  });
}

function numberOrAll(what: string): (text: string) => number {
  return (text) => {
    if (text === 'all') return Number.POSITIVE_INFINITY;
    if (/^\d{1,15}$/.test(text) && Number(text) > 0) return Number(text);
    throw new Expected(`a number of ${what}, or 'all'`);
  };
}
