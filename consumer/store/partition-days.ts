/**
 * Days of records: which days get a partition, and which have expired. Days are counted from 1970-01-01 in UTC. Pure.
 */
import { LEVELS, type Level } from '../../src/level.js';

const DAY_MS = 86_400_000;

/**
 * Number of past days that get a partition if records are kept forever. Other records go to the default partition;
 * otherwise a stray date would create its own table.
 */
export const DAYS_BACK = 30;
export const DAYS_AHEAD = 7;

export function dayOf(epochMs: number): number {
  return Math.floor(epochMs / DAY_MS);
}

/** Timestamps start with their date: `2026-01-31T…Z`. */
export function datesOf(records: Iterable<{ readonly timestamp: string }>): ReadonlySet<string> {
  const dates = new Set<string>();
  for (const { timestamp } of records) dates.add(timestamp.slice(0, 10));
  return dates;
}

/** The days of these dates that may have a partition, earliest first. */
export function daysInWindow(dates: ReadonlySet<string>, today: number, daysBack: number = DAYS_BACK): number[] {
  return [...dates]
    .map((date) => (/^\d{4}-\d\d-\d\d$/.test(date) ? dayOf(Date.parse(`${date}T00:00:00Z`)) : Number.NaN))
    .filter((day) => day >= today - daysBack && day <= today + DAYS_AHEAD)
    .sort((a, b) => a - b);
}

/** Today and the days created in advance. */
export function daysAhead(today: number): number[] {
  return Array.from({ length: DAYS_AHEAD + 1 }, (_, index) => today + index);
}

export function dateOf(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

export function partitionName(day: number): string {
  return `records_${dateOf(day).replaceAll('-', '')}`;
}

/** Half-open interval of a day as SQL literals that do not depend on the time zone of the session. */
export function boundsOf(day: number): { from: string; to: string } {
  return { from: `'${dateOf(day)} 00:00:00+00'`, to: `'${dateOf(day + 1)} 00:00:00+00'` };
}

/** Range of a partition: [from, to) in epoch seconds. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Whether a single partition covers the whole day. Partitions of other lengths, created by users, count too. */
export function isCovered(day: number, ranges: readonly Range[]): boolean {
  const from = (day * DAY_MS) / 1000;
  const to = ((day + 1) * DAY_MS) / 1000;
  return ranges.some((range) => range.from <= from && range.to >= to);
}

// Retention in whole UTC days: today and `days` days before it.

export interface Retention {
  /** All records. Undefined: forever. */
  readonly days: number | undefined;
  /** Levels with a shorter retention. */
  readonly levels: Readonly<Partial<Record<Level, number>>>;
}

/** First day that is kept, per level. Levels that are kept forever are absent. */
export type FirstDays = ReadonlyMap<Level, number>;

export function firstDays({ days, levels }: Retention, today: number): FirstDays {
  const found = new Map<Level, number>();
  for (const level of LEVELS) {
    const kept = levels[level] ?? days;
    if (kept !== undefined) found.set(level, today - kept);
  }
  return found;
}

/** Returns a function that checks whether a record has expired. Timestamps start with their date: `2026-01-31T…Z`. */
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
