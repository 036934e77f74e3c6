/** The patterns of the records that match a query: a limited number of records is read, the newest ones. */
import { LoghiveError } from '../src/errors.js';
import type { StoredRecord } from '../src/record.js';
import type { Page, PageOptions, SearchOptions } from './page.js';
import type { Query } from './parse.js';
import { createPatternGroups, type MessagePattern, type PatternGroups } from './pattern-groups.js';

export interface PatternOptions extends SearchOptions {
  /** Only patterns that no record has between `comparedSince` (undefined: the oldest record) and `since`. */
  readonly newOnly?: { readonly comparedSince: string | undefined } | undefined;
  /** Most records to read, the newest ones; with `newOnly` as many again before `since`. Default 100000. */
  readonly maxRecords?: number | undefined;
  /** Ends the reading: the promise resolves with what was found until then. */
  readonly stop?: AbortSignal | undefined;
  /** Called after each page with the number of records that were read, those before `since` included. */
  readonly onProgress?: ((records: number) => void) | undefined;
}

export interface Patterns {
  /** The most frequent first. */
  readonly patterns: readonly MessagePattern[];
  readonly reading: Reading;
  /** With `newOnly`: what the patterns were compared with, and how many of them are not new. */
  readonly comparison: (Reading & { readonly known: number }) | undefined;
  /** How many records belong to further patterns, which were not kept: there were more than 5000. */
  readonly ungrouped: number;
}

export interface Reading {
  /** How many matching records were read. */
  readonly records: number;
  /** Why it ended: all of the range was read, `maxRecords` or the time limit was reached, or it was stopped. */
  readonly end: 'all' | 'records' | 'time' | 'stopped';
  /** Everything from this time on was read. Undefined: all of the range; or, if it is not the end, nothing. */
  readonly readTo: string | undefined;
}

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_MAX_RECORDS = 100_000;
const MAX_PATTERNS = 5000;
const PAGE = 1000;
/** If not all records before `since` are read: patterns that are searched for one by one, and records read for each. */
const MAX_SEARCHES = 100;
const MAX_ALIKE = 1000;

type ReadPage = (query: Query, options: PageOptions) => Promise<Page>;

/**
 * `timeoutMs` is for all pages together; with `newOnly` the comparison has as much again. When it is over, the result is
 * that of what was read until then.
 *
 * @throws what `page` throws; LoghiveError LOGHIVE_SEARCH_TIMEOUT if nothing could be read in time.
 */
export async function readPatterns(
  page: ReadPage,
  query: Query,
  { since, until, newOnly, maxRecords = DEFAULT_MAX_RECORDS, timeoutMs, signal, stop, onProgress }: PatternOptions,
): Promise<Patterns> {
  const groups = createPatternGroups(query, MAX_PATTERNS);
  let total = 0;
  const onPage = (records: number) => {
    total += records;
    onProgress?.(total);
  };
  const limits = { timeoutMs, signal, stop, maxRecords, onPage };
  const window = { ...limits, since, until, startMs: performance.now() };
  const reading = await readNewest(page, query, window, (record) => {
    groups.add(record);
    return true;
  });
  const { size } = groups;
  const isCompared = newOnly !== undefined && since !== undefined && size > 0;
  const before = { ...limits, since: newOnly?.comparedSince, until: since, startMs: performance.now() };
  const comparison = isCompared ? await removeKnown(page, query, groups, before) : undefined;
  return {
    patterns: groups.list(),
    reading: summaryOf(reading),
    comparison: comparison && { ...summaryOf(comparison), known: size - groups.size },
    ungrouped: groups.ungrouped,
  };
}

/**
 * Removes the groups of records in the range. Reading them removes the frequent ones; those that are left are searched
 * for, because a rare one may occur far back.
 */
async function removeKnown(
  page: ReadPage,
  query: Query,
  groups: PatternGroups,
  before: ReadingOptions,
): Promise<Progress> {
  const compared = await readNewest(page, query, before, (record) => {
    groups.removeOf(record);
    return groups.size > 0;
  }).catch(outOfTime);
  if (compared.end !== 'records' || groups.size > MAX_SEARCHES) return compared;
  let end: Reading['end'] = 'all';
  for (const group of groups.all()) {
    if (!group.isKept()) continue;
    const rest = { ...before, cursor: compared.cursor, maxRecords: MAX_ALIKE };
    const searched = await readNewest(page, group.query, rest, (record) => {
      groups.removeOf(record);
      return group.isKept();
    }).catch(outOfTime);
    if (searched.end === 'time' || searched.end === 'stopped') return { ...compared, end: searched.end };
    if (searched.end === 'records') end = 'records';
  }
  return end === 'all' ? { ...compared, end, readTo: undefined } : compared;
}

interface ReadingOptions extends SearchOptions {
  readonly maxRecords: number;
  readonly cursor?: string | undefined;
  readonly stop: AbortSignal | undefined;
  readonly startMs: number;
  readonly onPage: (records: number) => void;
}

interface Progress extends Reading {
  /** Continues there. */
  readonly cursor: string | undefined;
}

function summaryOf({ records, end, readTo }: Progress): Reading {
  return { records, end, readTo };
}

/** @param take is given each record, the newest first; false: the rest makes no difference. */
async function readNewest(
  page: ReadPage,
  query: Query,
  {
    since,
    until,
    cursor: start,
    maxRecords,
    timeoutMs = DEFAULT_TIMEOUT_MS,
    signal,
    stop,
    startMs,
    onPage,
  }: ReadingOptions,
  take: (record: StoredRecord) => boolean,
): Promise<Progress> {
  const anySignal = AbortSignal.any([signal, stop].filter((each) => each !== undefined));
  const endMs = timeoutMs === 0 ? Number.POSITIVE_INFINITY : startMs + timeoutMs;
  const isStopped = () => stop?.aborted && !signal?.aborted;
  let records = 0;
  let cursor = start;
  let readTo: string | undefined;
  const ended = (end: Reading['end']): Progress => ({
    records,
    end,
    readTo: end === 'all' ? undefined : readTo,
    cursor,
  });
  for (;;) {
    if (isStopped()) return ended('stopped');
    const leftMs = endMs - performance.now();
    if (leftMs <= 0) return ended('time');
    let found: Page;
    try {
      found = await page(query, {
        ...{ since, until, cursor, limit: Math.min(PAGE, maxRecords - records), signal: anySignal },
        timeoutMs: timeoutMs === 0 ? 0 : Math.ceil(leftMs),
      });
    } catch (error) {
      if (isStopped()) return ended('stopped');
      if (isTimeout(error) && cursor !== start) return ended('time');
      throw error;
    }
    onPage(found.records.length);
    for (const record of found.records) {
      records += 1;
      if (!take(record)) return ended('all');
    }
    if (found.next === undefined) return ended('all');
    cursor = found.next;
    readTo = found.searchedTo ?? found.records.at(-1)?.timestamp ?? readTo;
    if (records >= maxRecords) return ended('records');
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof LoghiveError && error.code === 'LOGHIVE_SEARCH_TIMEOUT';
}

/** A comparison of nothing: what was found is shown nevertheless. */
function outOfTime(error: unknown): Progress {
  if (!isTimeout(error)) throw error;
  return { records: 0, end: 'time', readTo: undefined, cursor: undefined };
}
