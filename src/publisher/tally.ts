/**
 * What happened to the records of this process, by service and level, over all publishers: for metrics, whose counters
 * continue after a publisher is closed. The table is on a registered symbol, so that the import and the require copy
 * of this package share it.
 */
import type { Level } from '../level.js';

interface Lane {
  readonly service: string;
  readonly level: Level;
}

export interface LaneTally extends Lane {
  /** Records that the broker confirmed. */
  confirmed: number;
  /** Dropped records by reason. */
  readonly dropped: Map<string, number>;
  /** Records that were left on disk when their publisher was closed. */
  left: number;
  /** Records of earlier processes, or of closed publishers, that were read from disk. */
  adopted: number;
}

const KEY = Symbol.for('loghive.tally.2');

function table(): Map<string, LaneTally> {
  const holder = globalThis as { [KEY]?: Map<string, LaneTally> };
  holder[KEY] ??= new Map();
  return holder[KEY];
}

/** @param service '' if it is unknown. */
function entryOf({ service, level }: Lane): LaneTally {
  const key = `${level} ${service}`;
  let entry = table().get(key);
  if (!entry) {
    entry = { service, level, confirmed: 0, dropped: new Map(), left: 0, adopted: 0 };
    table().set(key, entry);
  }
  return entry;
}

export function tallies(): Iterable<LaneTally> {
  return table().values();
}

export function tallyConfirmed(lane: Lane, records: number): void {
  entryOf(lane).confirmed += records;
}

export function tallyLeft(lane: Lane, records: number): void {
  if (records > 0) entryOf(lane).left += records;
}

export function tallyAdopted(lane: Lane, records: number): void {
  if (records > 0) entryOf(lane).adopted += records;
}

export function tallyDropped(lane: Lane, reason: string, records: number): void {
  const { dropped } = entryOf(lane);
  dropped.set(reason, (dropped.get(reason) ?? 0) + records);
}
