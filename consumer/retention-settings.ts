/** How long records are kept, from arguments, the environment and `config.env`. Nothing set: for ever. */
import { LoghiveError } from '../src/errors.js';
import { LEVELS, type Level } from '../src/level.js';
import { type Check, integer, numberText, type Values } from '../src/settings/option.js';

/** In the form in which the store takes it. Not its own type: the types of options that programs compile against name no store. */
export interface RetentionSettings {
  /** Days for which records are kept; undefined: for ever. */
  readonly days: number | undefined;
  /** Levels that are kept for less. */
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
 * @throws LoghiveError LOGHIVE_INVALID_OPTION where a level is to be kept for longer than everything: its records would be
 *   deleted before anybody noticed.
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
        `option "${OPTION_OF[level]}" (RETENTION_DAYS_${level}) is ${kept}, but option "retentionDays" (RETENTION_DAYS) is ${retentionDays}: whole days are dropped after ${retentionDays} days, whatever their level. Set retentionDays to ${kept}, and the days of the levels that are to go earlier.`,
      );
    }
    levels[level] = kept;
  }
  return Object.freeze({ days: retentionDays, levels: Object.freeze(levels) });
}
