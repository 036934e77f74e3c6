/**
 * Search in the table of records: one query language for the command line, the page and the alerts.
 *
 * ```ts
 * const query = parseQuery('service:shop level>=warning -health');       // throws InvalidQuery with a position
 * matches(query, record);                                                // a filter for records in memory
 *
 * const reader = openRecordReader({ databaseUrl: 'postgres://…' });      // connects on first use
 * const page = await reader.page(query, { since, limit: 100, signal });  // newest first; page.next is its cursor
 * const { patterns } = await reader.patterns(query, { since });          // messages by shape, with a query for each
 * for await (const event of reader.tail(query, { lines: 20, signal })) …
 * await reader.close();
 * ```
 *
 * Times are texts like `StoredRecord.timestamp` (`2026-01-31T10:30:45.123456Z`): a number cannot hold microseconds of
 * every year.
 */
export type { Comparison, Condition, FieldPath, FieldTest, QueryValue } from './condition.js';
export type { Histogram, HistogramBar } from './counts.js';
export { type InvalidQuery, isInvalidQuery } from './invalid-query.js';
export { matches } from './matches.js';
export type { PatternOptions, Patterns, Reading } from './message-patterns.js';
export type { Page, PageOptions, SearchOptions } from './page.js';
export { type ParseOptions, parseQuery, type Query, TRACE_FIELDS } from './parse.js';
export { type Pattern, regExpOf } from './pattern.js';
export type { MessagePattern } from './pattern-groups.js';
export {
  type HistogramOptions,
  openRecordReader,
  type ReaderOptions,
  type RecordReader,
  type Surroundings,
} from './reader.js';
export { isBefore } from './reorder.js';
export type { TailEvent, TailOptions } from './tail.js';
export { type QueryOptions, queryOptions, traceFieldsOf } from './trace-fields.js';
