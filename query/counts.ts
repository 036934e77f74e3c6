/** How many records match a query: in total, and over time. */

import { isoTime } from '../consumer/store/sql.js';
import { LEVELS, type Level } from '../src/level.js';
import { formatTimestamp, parseTimestamp } from '../src/time/timestamp.js';
import { parameters, sqlOf } from './compile.js';
import type { SearchIndexes } from './indexes.js';
import type { Query } from './parse.js';
import type { Statement } from './read-only.js';
import { checkedRange, type TimeRange } from './record-rows.js';

export interface Histogram {
  /** Length of a bar, in seconds: a round number, such as 60 or 3600. */
  readonly stepS: number;
  /** All bars of the range, the oldest first, also empty ones. */
  readonly bars: readonly HistogramBar[];
}

export interface HistogramBar {
  /** A multiple of the step. */
  readonly start: string;
  readonly counts: Readonly<Record<Level, number>>;
}

interface Search {
  readonly statement: Statement;
  /** Quoted. */
  readonly schema: string;
  readonly indexes: SearchIndexes;
}

export async function countMatching({ statement, ...search }: Search, query: Query, range: TimeRange): Promise<number> {
  const { from, values } = matching(search, query, checkedRange(range));
  const [row] = await statement<{ n: string }>(`select count(*) as n ${from}`, values);
  return Number(row?.n ?? 0);
}

/** In seconds. */
const STEPS_S = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800,
  2_592_000, 31_536_000, 315_360_000, 3_153_600_000,
] as const;

/** @param maxBars most bars of the result. Without `since` or `until`, they show the time in which records match. */
export async function histogram(
  { statement, ...search }: Search,
  query: Query,
  range: TimeRange,
  maxBars: number,
): Promise<Histogram> {
  const checked = checkedRange(range);
  const [fromS, toS] = await extent({ statement, ...search }, query, checked);
  const stepS = STEPS_S.find((step) => Math.ceil(toS / step) - Math.floor(fromS / step) <= maxBars) ?? STEPS_S.at(-1)!;
  const { from, values } = matching(search, query, checked);
  const rows = await statement<{ bar: string; level: Level; n: string }>(
    `select floor(extract(epoch from ts) / ${stepS})::int8 as bar, level::text as level, count(*) as n ${from}
    group by 1, 2`,
    values,
  );
  const bars = new Map<number, Record<Level, number>>();
  const none = () => Object.fromEntries(LEVELS.map((level) => [level, 0])) as Record<Level, number>;
  for (let bar = Math.floor(fromS / stepS); bar * stepS < toS; bar++) bars.set(bar, none());
  for (const { bar, level, n } of rows) {
    const counts = bars.get(Number(bar)) ?? none();
    counts[level] = Number(n);
    bars.set(Number(bar), counts);
  }
  const sorted = [...bars].sort(([one], [other]) => one - other);
  return {
    stepS,
    bars: sorted.map(([bar, counts]) => ({ start: formatTimestamp({ seconds: bar * stepS, micros: 0 }), counts })),
  };
}

function matching({ schema, indexes }: Omit<Search, 'statement'>, { condition }: Query, { since, until }: TimeRange) {
  const { values, bind } = parameters();
  const conditions = [
    sqlOf(condition, schema, bind, indexes),
    ...(since === undefined ? [] : [`ts >= ${bind(since)}::timestamptz`]),
    ...(until === undefined ? [] : [`ts < ${bind(until)}::timestamptz`]),
  ];
  return { from: `from ${schema}.records where ${conditions.join(' and ')}`, values };
}

/** First and last second. */
async function extent({ statement, ...search }: Search, query: Query, range: TimeRange): Promise<[number, number]> {
  let { since, until } = range;
  if (since === undefined || until === undefined) {
    const { from, values } = matching(search, query, range);
    const [row] = await statement<{ first: string | null; last: string | null }>(
      `select ${isoTime('min(ts)')} as first, ${isoTime('max(ts)')} as last ${from}`,
      values,
    );
    since ??= row?.first ?? until;
    until ??= row?.last ?? since;
  }
  const [first, last] = [since, until].map((text) => (text === undefined ? undefined : parseTimestamp(text)));
  return first && last ? [first.seconds, last.seconds + (last.micros > 0 ? 1 : 0)] : [0, 0];
}
