/** How long records are kept, by whole days in UTC: today and as many days before it. Pure. */
import { LEVELS, type Level } from '../../src/level.js';
import { dateOf, dayOf } from './partition-days.js';

export interface Retention {
  /** Of all records. Undefined: for ever. */
  readonly days: number | undefined;
  /** Levels that are kept for less. */
  readonly levels: Readonly<Partial<Record<Level, number>>>;
}

/** What is kept of each level begins with this day; levels that are kept for ever are missing. */
export type FirstDays = ReadonlyMap<Level, number>;

export function firstDays({ days, levels }: Retention, today: number): FirstDays {
  const found = new Map<Level, number>();
  for (const level of LEVELS) {
    const kept = levels[level] ?? days;
    if (kept !== undefined) found.set(level, today - kept);
  }
  return found;
}

/** Whether a record is older than what is kept. Timestamps begin with their date: `2026-01-31T…Z`. */
export function expiredAt(
  nowMs: number,
  retention: Retention,
): (record: { readonly level: Level; readonly timestamp: string }) => boolean {
  const dates = new Map([...firstDays(retention, dayOf(nowMs))].map(([level, day]) => [level, dateOf(day)]));
  if (dates.size === 0) return () => false;
  return ({ level, timestamp }) => {
    const first = dates.get(level);
    return first !== undefined && timestamp.slice(0, first.length) < first;
  };
}
