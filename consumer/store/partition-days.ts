/** Which day's partition a record belongs to, and which days get one. A day is counted from 1970-01-01, in UTC. Pure. */
const DAY_MS = 86_400_000;

/**
 * How many days back there are partitions where records are kept for ever. Records of other days go to the default
 * partition: a stray year would otherwise make a table of its own.
 */
export const DAYS_BACK = 30;
export const DAYS_AHEAD = 7;

export function dayOf(epochMs: number): number {
  return Math.floor(epochMs / DAY_MS);
}

/** Timestamps begin with their date: `2026-01-31T…Z`. */
export function datesOf(records: Iterable<{ readonly timestamp: string }>): ReadonlySet<string> {
  const dates = new Set<string>();
  for (const { timestamp } of records) dates.add(timestamp.slice(0, 10));
  return dates;
}

/** The days of these dates that may have a partition, the earliest first. */
export function daysInWindow(dates: ReadonlySet<string>, today: number, daysBack: number = DAYS_BACK): number[] {
  return [...dates]
    .map((date) => (/^\d{4}-\d\d-\d\d$/.test(date) ? dayOf(Date.parse(`${date}T00:00:00Z`)) : Number.NaN))
    .filter((day) => day >= today - daysBack && day <= today + DAYS_AHEAD)
    .sort((a, b) => a - b);
}

/** Today and those made ahead of time. */
export function daysAhead(today: number): number[] {
  return Array.from({ length: DAYS_AHEAD + 1 }, (_, index) => today + index);
}

export function dateOf(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

export function partitionName(day: number): string {
  return `records_${dateOf(day).replaceAll('-', '')}`;
}

/** The half-open interval of a day as SQL literals that do not depend on the session's time zone. */
export function boundsOf(day: number): { from: string; to: string } {
  return { from: `'${dateOf(day)} 00:00:00+00'`, to: `'${dateOf(day + 1)} 00:00:00+00'` };
}

/** What a partition covers: [from, to) in epoch seconds. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Whether one partition takes the whole day. Partitions of other lengths, made by hand, count as well. */
export function isCovered(day: number, ranges: readonly Range[]): boolean {
  const from = (day * DAY_MS) / 1000;
  const to = ((day + 1) * DAY_MS) / 1000;
  return ranges.some((range) => range.from <= from && range.to >= to);
}
