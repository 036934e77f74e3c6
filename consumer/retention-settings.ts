/** Retention of records, from arguments, the environment and `config.env`. Default: forever. */
import { LoghiveError } from '../src/errors.js';
import { LEVELS, type Level } from '../src/level.js';
import { type Check, integer, numberText, type Values } from '../src/settings/option.js';

/**
 * In the form that the store expects. A separate type, because applications compile against the option types, which
 * must not depend on the store.
 */
export interface RetentionSettings {
  /** How many days records are kept; undefined: forever. */
  readonly days: number | undefined;
  /** Levels with a shorter retention, in days. */
  readonly levels: Readonly<Partial<Record<Level, number>>>;
}

const days: Check<number | undefined> = integer(1, 36_500, 'days');

const option = (variable: string) => ({ check: days, fallback: undefined, env: [variable], parse: numberText });

export const retentionOptions = {
  retentionDays: option('RETENTION_DAYS'),
  retentionDaysDebug: option('RETENTION_DAYS_DEBUG'),
  retentionDaysInfo: option('RETENTION_DAYS_INFO'),
  retentionDaysWarning: option('RETENTION_DAYS_WARNING'),
  retentionDaysError: option('RETENTION_DAYS_ERROR'),
  retentionDaysCritical: option('RETENTION_DAYS_CRITICAL'),
} as const;

const OPTION_OF: Readonly<Record<Level, Exclude<keyof typeof retentionOptions, 'retentionDays'>>> = {
  DEBUG: 'retentionDaysDebug',
  INFO: 'retentionDaysInfo',
  WARNING: 'retentionDaysWarning',
  ERROR: 'retentionDaysError',
  CRITICAL: 'retentionDaysCritical',
};

/**
 * @throws LoghiveError LOGHIVE_INVALID_OPTION if a level's retention exceeds the general one: its records would
 *   silently be deleted early.
 */
export function retentionSettings(values: Values<typeof retentionOptions>): RetentionSettings {
  const { retentionDays } = values;
  const levels: Partial<Record<Level, number>> = {};
  for (const level of LEVELS) {
    const kept = values[OPTION_OF[level]];
    if (kept === undefined) continue;
    if (retentionDays !== undefined && kept > retentionDays) {
      throw new LoghiveError(
        'LOGHIVE_INVALID_OPTION',
        `option "${OPTION_OF[level]}" (RETENTION_DAYS_${level}) is ${kept}, but option "retentionDays" (RETENTION_DAYS) is ${retentionDays}: whole days are dropped after ${retentionDays} days, regardless of level. Set retentionDays to ${kept}, and a shorter retention for the other levels.`,
      );
    }
    levels[level] = kept;
  }
  return Object.freeze({ days: retentionDays, levels: Object.freeze(levels) });
}
