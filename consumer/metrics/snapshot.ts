/**
 * Counts and unacknowledged messages of a worker as plain data for `postMessage`, and how those of several workers are
 * summed. Counts are kept when a worker ends, or a counter would decrease; its unacknowledged messages are not. Pure.
 */

import type { Sample } from '../../src/metrics/metric.js';
import type { ServiceLabels } from '../../src/metrics/service-labels.js';
import type { MutableCounts } from '../status.js';
import { addLanes, type LaneTable } from './lane-counts.js';

/** Buckets for the records in a batch. */
export const BATCH_BOUNDS = [1, 10, 50, 100, 500, 1000, 2500, 5000, 10_000, 25_000, 100_000];
/** Buckets for the seconds from the first statement of a batch to its COMMIT. */
export const COMMIT_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export interface PipelineCounts {
  readonly totals: Omit<MutableCounts, 'pauses'>;
  readonly lanes: LaneTable;
  readonly batchRecords: HistogramCounts;
  readonly commitSeconds: HistogramCounts;
}

/** Unacknowledged messages of one queue. */
export interface UnacknowledgedInQueue {
  /** When the oldest message was published, in epoch milliseconds. */
  readonly oldestMs: number;
  /** Mean size of a message in bytes, without properties. */
  readonly meanBytes: number;
}

export interface Unacknowledged {
  /** Number of unacknowledged messages. */
  readonly messages: number;
  /** By queue name. */
  readonly queues: ReadonlyMap<string, UnacknowledgedInQueue>;
  /** When the current batch started being written, in epoch milliseconds; undefined if none is. */
  readonly writingSinceMs: number | undefined;
}

export const NONE_UNACKNOWLEDGED: Unacknowledged = { messages: 0, queues: new Map(), writingSinceMs: undefined };

export function noPipelineCounts(): PipelineCounts {
  return {
    totals: { stored: 0, duplicates: 0, expired: 0, retried: 0, deadLetters: 0, redelivered: 0, rounds: 0, batches: 0 },
    lanes: new Map(),
    batchRecords: emptyHistogram(BATCH_BOUNDS),
    commitSeconds: emptyHistogram(COMMIT_BOUNDS),
  };
}

/**
 * @param labels pass the same object each time, so that a service keeps its label and the number of services stays
 *   limited.
 */
export function addCounts(one: PipelineCounts, other: PipelineCounts, labels: ServiceLabels): PipelineCounts {
  const lanes: LaneTable = new Map();
  for (const each of [one, other]) addLanes(lanes, each.lanes, labels);
  const totals = { ...one.totals };
  for (const name of Object.keys(totals) as (keyof typeof totals)[]) totals[name] += other.totals[name];
  return {
    totals,
    lanes,
    batchRecords: addHistograms(one.batchRecords, other.batchRecords),
    commitSeconds: addHistograms(one.commitSeconds, other.commitSeconds),
  };
}

export function addUnacknowledged(one: Unacknowledged, other: Unacknowledged): Unacknowledged {
  const queues = new Map(one.queues);
  for (const [queue, held] of other.queues) {
    const known = queues.get(queue);
    queues.set(queue, {
      oldestMs: Math.min(held.oldestMs, known?.oldestMs ?? held.oldestMs),
      meanBytes: Math.max(held.meanBytes, known?.meanBytes ?? 0),
    });
  }
  const since = [one.writingSinceMs, other.writingSinceMs].filter((ms) => ms !== undefined);
  return {
    messages: one.messages + other.messages,
    queues,
    writingSinceMs: since.length === 0 ? undefined : Math.min(...since),
  };
}

/** Everything that a worker's metrics need, as reported to the main thread. */
export interface Figures {
  readonly counts: PipelineCounts;
  readonly unacknowledged: Unacknowledged;
}

export function noFigures(): Figures {
  return { counts: noPipelineCounts(), unacknowledged: NONE_UNACKNOWLEDGED };
}

/** A histogram as plain numbers. */
export interface HistogramCounts {
  /** Number of values up to each bound and above the previous one. The last entry counts values above all bounds. */
  readonly buckets: number[];
  sum: number;
}

export function emptyHistogram(bounds: readonly number[]): HistogramCounts {
  return { buckets: new Array<number>(bounds.length + 1).fill(0), sum: 0 };
}

export function observe(histogram: HistogramCounts, bounds: readonly number[], value: number): void {
  const at = bounds.findIndex((bound) => value <= bound);
  histogram.buckets[at < 0 ? bounds.length : at]!++;
  histogram.sum += value;
}

export function addHistograms(one: HistogramCounts, other: HistogramCounts): HistogramCounts {
  return { buckets: one.buckets.map((count, at) => count + other.buckets[at]!), sum: one.sum + other.sum };
}

/** In Prometheus form: each bucket includes all lower ones. */
export function histogramSamples(name: string, { buckets, sum }: HistogramCounts, bounds: readonly number[]): Sample[] {
  let count = 0;
  const cumulative = buckets.map((each, at) => {
    count += each;
    return { metricName: `${name}_bucket`, labels: { le: bounds[at] ?? '+Inf' }, value: count };
  });
  return [
    ...cumulative,
    { metricName: `${name}_sum`, labels: {}, value: sum },
    { metricName: `${name}_count`, labels: {}, value: count },
  ];
}
