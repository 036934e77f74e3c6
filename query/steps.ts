/**
 * Searches a range of time step by step.
 *
 * `order by ts desc limit 100` misleads the planner: it assumes that the matches are spread evenly, and reads the whole
 * table backwards for an id that is in five records, instead of asking the index on `information` for all of them. But
 * asking that index for `env:production` finds every record. So conditions other than service, error level and time are
 * searched in steps:
 *
 *   the first few hundred records ──▶ how many match says how far the next step may reach ──▶ … ──▶ the rest of the range
 *
 * From the second step on, an index on fields or trigrams finds all matches of the step, and then they are sorted
 * (`materialized`, because the planner must not know of the limit).
 */
import type { StoredRecord } from '../src/record.js';
import { FIRST_SECOND, formatTimestamp, LAST_SECOND, parseTimestamp } from '../src/time/timestamp.js';
import { parameters, sqlOf } from './compile.js';
import { type Condition, conjuncts } from './condition.js';
import { isInOrder, isLookup, type SearchIndexes } from './indexes.js';
import type { Statement } from './read-only.js';
import {
  FIRST_ID,
  LAST_ID,
  type Position,
  RECORD_COLUMNS,
  recordOf,
  type TimeRange,
  timestampOf,
} from './record-rows.js';

export interface Step {
  /** In the order of the search. */
  readonly records: readonly StoredRecord[];
  /** Up to where everything is searched; undefined: to the end of the range. */
  readonly end: Position | undefined;
  /** The last record reaches `maxBytes`, so nothing behind it is searched. */
  readonly isFull: boolean;
}

export interface StepSearch {
  readonly statement: Statement;
  /** Quoted. */
  readonly schema: string;
  readonly indexes: SearchIndexes;
  readonly condition: Condition;
  readonly range: TimeRange;
  /** Towards older records. */
  readonly isOlder: boolean;
  /** Ends with the record with which the texts of all reach this size, in bytes. */
  readonly maxBytes: number | undefined;
}

/** Records of the first step: at least this many, and for each record that is wanted. */
const FIRST_STEP = 500;
const FIRST_STEP_FOR_EACH = 5;
/** A step is at most this many times as long as everything before it. */
const GROWTH = 16;
/** Then the rest is searched at once. */
const MAX_STEPS = 6;
/** In seconds, for records that all have the same time. */
const MIN_SPAN_S = 0.001;

/**
 * Ends at the end of the range, or when there are enough records, or enough bytes of them.
 *
 * @param from the search begins behind this position. Default: the beginning of the range.
 */
export async function* searchSteps(
  search: StepSearch,
  from: Position | undefined,
  wanted: number,
): AsyncGenerator<Step> {
  const rest = conjuncts(search.condition).filter((condition) => !isInOrder(condition));
  if (rest.length === 0) {
    const { records, bytesLeft } = await findRecords(search, from, undefined, wanted, 'in order');
    yield { records, end: undefined, isFull: bytesLeft === 0 };
    return;
  }
  const first = await firstStep(search, from, wanted);
  yield first;
  if (first.isFull) return;
  const method = rest.some((condition) => isLookup(condition, search.indexes)) ? 'sorted' : 'in order';
  let { end, spanS, bytesLeft } = first;
  let found = first.records.length;
  for (let count = 1; end !== undefined && found < wanted; count++) {
    const growth = found === 0 ? GROWTH : Math.min(GROWTH, (2 * (wanted - found)) / found);
    const edge = count === MAX_STEPS ? undefined : edgeOf(search, end, spanS * growth);
    const step = await findRecords({ ...search, maxBytes: bytesLeft }, end, edge, wanted - found, method);
    found += step.records.length;
    bytesLeft = step.bytesLeft;
    spanS += spanS * growth;
    end = edge === undefined ? undefined : { timestamp: edge, id: search.isOlder ? FIRST_ID : LAST_ID };
    yield { records: step.records, end, isFull: bytesLeft === 0 };
    if (bytesLeft === 0) return;
  }
}

/** The time at which a step ends; undefined if that is outside the range. */
function edgeOf({ range, isOlder }: StepSearch, { timestamp }: Position, lengthS: number): string | undefined {
  const from = parseTimestamp(timestamp);
  if (from === undefined) return undefined;
  const seconds = isOlder ? Math.floor(from.seconds - lengthS) : Math.ceil(from.seconds + 1 + lengthS);
  if (seconds <= FIRST_SECOND || seconds >= LAST_SECOND) return undefined;
  const edge = formatTimestamp({ seconds, micros: 0 });
  const { since, until } = range;
  return (isOlder ? since !== undefined && edge <= since : until !== undefined && edge >= until) ? undefined : edge;
}

/** Conditions on the time. @param edge inclusive. */
function bounds(
  { range: { since, until }, isOlder }: StepSearch,
  from: Position | undefined,
  edge: string | undefined,
  bind: (value: unknown) => string,
): string[] {
  const [ahead, behind] = isOlder ? ['>=', '<='] : ['<=', '>='];
  return [
    ...(since === undefined ? [] : [`ts >= ${bind(since)}::timestamptz`]),
    ...(until === undefined ? [] : [`ts < ${bind(until)}::timestamptz`]),
    ...(edge === undefined ? [] : [`ts ${ahead} ${bind(edge)}::timestamptz`]),
    // Comparing rows does not exclude partitions.
    ...(from === undefined
      ? []
      : [
          `ts ${behind} ${bind(from.timestamp)}::timestamptz`,
          `(ts, id) ${isOlder ? '<' : '>'} (${bind(from.timestamp)}::timestamptz, ${bind(from.id)}::uuid)`,
        ]),
  ];
}

function where(conditions: readonly string[]): string {
  return conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`;
}

interface Row extends StoredRecord, Record<string, unknown> {
  /** Size of the texts up to this row, with a limit of the size; null if there is no record. */
  readonly bytes?: string | null;
}

/** The first of these rows, up to the one with which their texts reach the size. `order` is the order of the rows. */
function fitting(rows: string, order: string, maxBytes: number | undefined, bind: (value: unknown) => string): string {
  if (maxBytes === undefined) return rows;
  const size = 'octet_length(message) + octet_length(information)';
  return `select * from (
      select page.*, sum(${size}) over (order by ${order} rows unbounded preceding) as bytes from (${rows}) as page
    ) as sized where bytes - (${size}) < ${bind(maxBytes)} order by ${order}`;
}

/** What remains of the size. By the server's count, which depends on the encoding of the database. */
function bytesLeftAfter(rows: readonly Row[], maxBytes: number | undefined): number | undefined {
  return maxBytes === undefined ? undefined : Math.max(0, maxBytes - Number(rows.at(-1)?.bytes ?? 0));
}

/** How a step finds its records: in the order of an index until there are enough; or all of them, which are sorted then. */
type Method = 'in order' | 'sorted';

interface Found {
  readonly records: readonly StoredRecord[];
  /** Undefined: there is no limit. */
  readonly bytesLeft: number | undefined;
}

async function findRecords(
  search: StepSearch,
  from: Position | undefined,
  edge: string | undefined,
  wanted: number,
  method: Method,
): Promise<Found> {
  const { statement, schema, indexes, condition, isOlder, maxBytes } = search;
  const { values, bind } = parameters();
  const direction = isOlder ? 'desc' : 'asc';
  const columns =
    maxBytes === undefined ? RECORD_COLUMNS : `${RECORD_COLUMNS}, records.ts as "keyTime", records.id as "keyId"`;
  const found = `${schema}.records ${where([...bounds(search, from, edge, bind), sqlOf(condition, schema, bind, indexes)])}`;
  const source =
    method === 'sorted'
      ? `with records as materialized (select * from ${found}) select ${columns} from records`
      : `select ${columns} from ${found}`;
  const page = `${source} order by records.ts ${direction}, records.id ${direction} limit ${bind(wanted)}`;
  const keys = `"keyTime" ${direction}, "keyId" ${direction}`;
  const rows = await statement<Row>(fitting(page, keys, maxBytes, bind), values);
  return { records: rows.map(recordOf), bytesLeft: bytesLeftAfter(rows, maxBytes) };
}

interface FirstStep extends Step, Found {
  /** Time that the step covers, in seconds. */
  readonly spanS: number;
}

/** The matches among the first records that fulfil the conditions whose indexes are in the order of time. */
async function firstStep(search: StepSearch, from: Position | undefined, wanted: number): Promise<FirstStep> {
  const { statement, schema, indexes, condition, isOlder, maxBytes } = search;
  const { values, bind } = parameters();
  const [direction, opposite] = isOlder ? ['desc', 'asc'] : ['asc', 'desc'];
  const length = Math.max(FIRST_STEP, FIRST_STEP_FOR_EACH * wanted);
  const ordered = conjuncts(condition).filter(isInOrder);
  const conditions = [
    ...bounds(search, from, undefined, bind),
    ...ordered.map((each) => sqlOf(each, schema, bind, indexes)),
  ];
  const matches = `select ${RECORD_COLUMNS}, row_number() over (order by step.ts ${direction}, step.id ${direction}) as place
      from step where ${sqlOf(condition, schema, bind, indexes)} order by place limit ${bind(wanted)}`;
  const rows = await statement<Row & { size: number; spanS: number; endTime: string; endId: string }>(
    `with step as materialized (
      select * from ${schema}.records ${where(conditions)} order by ts ${direction}, id ${direction} limit ${bind(length)}
    ), found as (
      ${fitting(matches, 'place', maxBytes, bind)}
    ), extent as (
      select count(*)::int as size, extract(epoch from max(ts) - min(ts))::float8 as "spanS" from step
    ), last as (
      select ${RECORD_COLUMNS} from step order by step.ts ${opposite}, step.id ${opposite} limit 1
    )
    select size, "spanS", last."timestamp" as "endTime", last.id as "endId", found.*
    from extent cross join last left join found on true order by place`,
    values,
  );
  const extent = rows[0];
  const records = rows.filter(({ id }) => id !== null).map(recordOf);
  const bytesLeft = bytesLeftAfter(rows, maxBytes);
  const found = { records, bytesLeft, isFull: bytesLeft === 0 };
  if (extent === undefined || extent.size < length) return { ...found, end: undefined, spanS: 0 };
  const { spanS, endTime, endId } = extent;
  return { ...found, end: { timestamp: timestampOf(endTime), id: endId }, spanS: Math.max(spanS, MIN_SPAN_S) };
}
