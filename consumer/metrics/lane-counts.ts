/** Counts outcomes of records, and messages, by service and level, as plain numbers that can be sent to another thread. Pure. */
import { LEVELS, type Level, severity } from '../../src/level.js';
import { OTHER_SERVICE, ServiceLabels } from '../../src/metrics/service-labels.js';
import { laneOf } from '../../src/wire.js';

/** Outcomes of records; and acknowledged messages, which hold one record or many. */
export const COUNTED = ['stored', 'duplicate', 'dead_lettered', 'expired', 'retried', 'acknowledged'] as const;
export type Counted = (typeof COUNTED)[number];

/** Level of a dead letter without one. */
export const UNKNOWN_LEVEL = 'unknown';
const LEVEL_LABELS = [...LEVELS, UNKNOWN_LEVEL];

/** By service: for each of them, the counts of all levels in a row. */
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

  /** A message of this queue. Only queues of a service and level have a count. */
  acknowledged(queue: string): void {
    const lane = laneOf(queue);
    if (lane) this.count('acknowledged', lane);
  }

  count(counted: Counted, { service, level }: Lane, number = 1): void {
    this.#rowOf(service)[indexOf(counted, severity(level))]! += number;
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
 * Each service and level with at least one record or message, including outcomes with a count of 0: a series that began with its
 * first dead letter would show no increase.
 */
export function* lanesOf(
  table: LaneTable,
): Iterable<{ service: string; level: string; count: (counted: Counted) => number }> {
  for (const [service, row] of table) {
    for (const [at, level] of LEVEL_LABELS.entries()) {
      const count = (counted: Counted) => row[indexOf(counted, at)]!;
      if (COUNTED.some((counted) => count(counted) !== 0)) yield { service, level, count };
    }
  }
}

function newRow(): Float64Array {
  return new Float64Array(COUNTED.length * LEVEL_LABELS.length);
}

function rowOf(table: LaneTable, service: string): Float64Array {
  const row = table.get(service) ?? newRow();
  table.set(service, row);
  return row;
}

const OFFSETS: Readonly<Record<Counted, number>> = Object.fromEntries(
  COUNTED.map((counted, at) => [counted, at * LEVEL_LABELS.length]),
) as Record<Counted, number>;

function indexOf(counted: Counted, level: number): number {
  return OFFSETS[counted] + level;
}

function isLevel(level: string | undefined): level is Level {
  return (LEVELS as readonly (string | undefined)[]).includes(level);
}
