/**
 * Records that could not be taken because the application's call stack was full, by level. Whoever has no stack left can
 * still add one to a number, for that is no call. Pure.
 */
import { LEVELS, type Level } from '../level.js';

export type NotTaken = Record<Level, number> & {
  /** What the last one failed with. */
  error: unknown;
};

export function noneMissed(): NotTaken {
  return { DEBUG: 0, INFO: 0, WARNING: 0, ERROR: 0, CRITICAL: 0, error: undefined };
}

export function totalOf(notTaken: NotTaken): number {
  return notTaken.DEBUG + notTaken.INFO + notTaken.WARNING + notTaken.ERROR + notTaken.CRITICAL;
}

/** `INFO 2, ERROR 1` of those that are not among `told`. */
export function since(notTaken: NotTaken, told: NotTaken): ReadonlyMap<string, number> {
  const counts = LEVELS.map((level): [string, number] => [level, notTaken[level] - told[level]]);
  return new Map(counts.filter(([, count]) => count > 0));
}
