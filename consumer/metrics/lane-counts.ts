/** Counts outcomes of records by service and level, as plain numbers that can be sent to another thread. Pure. */
import { LEVELS, type Level, severity } from '../../src/level.js';
import { OTHER_SERVICE, ServiceLabels } from '../../src/metrics/service-labels.js';
import { laneOf } from '../../src/wire.js';

export const OUTCOMES = ['stored', 'duplicate', 'dead_lettered', 'expired', 'retried'] as const;
export type RecordOutcome = (typeof OUTCOMES)[number];

/** Level of a dead letter without one. */
export const UNKNOWN_LEVEL = 'unknown';
const LEVEL_LABELS = [...LEVELS, UNKNOWN_LEVEL];

/** By service: for each outcome, the counts of all levels in a row. */
export type LaneTable = Map<string, Float64Array>;

interface Lane {
  readonly service: string;
  readonly level: Level;
}

interface DeadLettered {
  readonly queue: string;
  readonly service?: string;
  readonly level?: string;
}

/** A stored batch. */
export interface StoredBatch {
  readonly items: ReadonlyArray<{ readonly record: Lane }>;
  /** The items that the table refused. */
  readonly rejected: ReadonlyArray<{ readonly item: { readonly record: Lane } }>;
  /** The records that were already in the table. */
  readonly duplicates: readonly Lane[];
  readonly deadLetters: readonly DeadLettered[];
}

export class LaneCounts {
  readonly #labels: ServiceLabels;
  readonly #table: LaneTable = new Map();
  /** Caches the last row: consecutive records usually have the same service. */
  #lastService: string | undefined;
  #lastRow: Float64Array = newRow();

  /** @param maxServices records of further services are counted under the service "other". */
  constructor(maxServices: number) {
    this.#labels = new ServiceLabels(maxServices);
  }

  /** The live table: copy it to keep it. */
  get table(): LaneTable {
    return this.#table;
  }

  batchStored({ items, rejected, duplicates, deadLetters }: StoredBatch): void {
    for (const { record } of items) this.count('stored', record);
    for (const { item } of rejected) this.count('stored', item.record, -1);
    for (const record of duplicates) {
      this.count('stored', record, -1);
      this.count('duplicate', record);
    }
    for (const letter of deadLetters) this.deadLetter(letter);
  }

  deadLetter({ service, level, queue }: DeadLettered): void {
    const lane = service !== undefined && isLevel(level) ? { service, level } : laneOf(queue);
    if (lane) this.count('dead_lettered', lane);
    else this.#rowOf(service ?? OTHER_SERVICE)[indexOf('dead_lettered', LEVELS.length)]!++;
  }

  count(outcome: RecordOutcome, { service, level }: Lane, records = 1): void {
    this.#rowOf(service)[indexOf(outcome, severity(level))]! += records;
  }

  #rowOf(service: string): Float64Array {
    if (service !== this.#lastService) {
      this.#lastRow = rowOf(this.#table, this.#labels.of(service));
      this.#lastService = service;
    }
    return this.#lastRow;
  }
}

/** Adds the counts of `from` to `to`. */
export function addLanes(to: LaneTable, from: LaneTable, labels: ServiceLabels): void {
  for (const [service, counts] of from) {
    const row = rowOf(to, labels.of(service));
    for (let at = 0; at < counts.length; at++) row[at]! += counts[at]!;
  }
}

/**
 * Each service and level with at least one record, including outcomes with a count of 0: a series that began with its
 * first dead letter would show no increase.
 */
export function* lanesOf(
  table: LaneTable,
): Iterable<{ service: string; level: string; count: (outcome: RecordOutcome) => number }> {
  for (const [service, row] of table) {
    for (const [at, level] of LEVEL_LABELS.entries()) {
      const count = (outcome: RecordOutcome) => row[indexOf(outcome, at)]!;
      if (OUTCOMES.some((outcome) => count(outcome) !== 0)) yield { service, level, count };
    }
  }
}

function newRow(): Float64Array {
  return new Float64Array(OUTCOMES.length * LEVEL_LABELS.length);
}

function rowOf(table: LaneTable, service: string): Float64Array {
  const row = table.get(service) ?? newRow();
  table.set(service, row);
  return row;
}

const OFFSETS: Readonly<Record<RecordOutcome, number>> = Object.fromEntries(
  OUTCOMES.map((outcome, at) => [outcome, at * LEVEL_LABELS.length]),
) as Record<RecordOutcome, number>;

function indexOf(outcome: RecordOutcome, level: number): number {
  return OFFSETS[outcome] + level;
}

function isLevel(level: string | undefined): level is Level {
  return (LEVELS as readonly (string | undefined)[]).includes(level);
}
