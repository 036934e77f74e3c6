/** A histogram as plain numbers, which can be sent to another thread and summed. Pure. */
import type { Sample } from '../../src/metrics/metric.js';

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
