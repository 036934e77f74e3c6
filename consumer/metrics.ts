/**
 * The consumer's Prometheus metrics, in a registry of the application or in one of prom-client. Only this file uses
 * prom-client, and only if no registry is given.
 */
import { LoghiveError } from '../src/errors.js';
import { type MetricRegistry, registerMetrics, type Sample } from '../src/metrics/metric.js';
import { packageVersion } from '../src/package-version.js';
import { type Snapshot, samplesOf } from './metrics/samples.js';
import type { PipelineCounts } from './metrics/snapshot.js';
import { CONSUMER_METRICS } from './metrics/table.js';
import type { ConsumerStatus } from './status.js';

export interface MetricsSource {
  status(): ConsumerStatus;
  counts(): PipelineCounts;
}

export interface ConsumerMetrics {
  readonly contentType: string;
  /** The metrics in Prometheus text format. */
  text(): Promise<string>;
  /** Removes the metrics from the registry. */
  close(): void;
}

/**
 * @param given the application's registry, whose other metrics are kept. Without it, the metrics of this process
 *   (memory, CPU, event loop) are included.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION if it is not a registry, or contains the metrics of another consumer.
 */
export async function openMetrics(source: MetricsSource, given?: MetricRegistry): Promise<ConsumerMetrics> {
  if (given !== undefined) return inRegistry(source, given);
  const { Registry } = await import('prom-client');
  const own = new Registry();
  const metrics = inRegistry(source, own);
  ofProcess ??= processMetrics();
  const all = Registry.merge([own, await ofProcess]);
  return { ...metrics, text: () => all.metrics() };
}

function inRegistry(source: MetricsSource, registry: MetricRegistry): ConsumerMetrics {
  if (registry.getSingleMetric(CONSUMER_METRICS[0].name) !== undefined) {
    throw new LoghiveError(
      'LOGHIVE_INVALID_OPTION',
      'option "registry" already contains the metrics of another consumer. Give each consumer its own registry.',
    );
  }
  const names = registerMetrics('the consumer', registry, CONSUMER_METRICS, samplesFrom(source));
  return {
    get contentType() {
      return registry.contentType;
    },
    text: () => registry.metrics(),
    close() {
      for (const name of names) registry.removeSingleMetric(name);
    },
  };
}

/** All metrics of one scrape come from the same snapshot. */
function samplesFrom(source: MetricsSource): (name: string) => readonly Sample[] {
  const version = packageVersion();
  let snapshot: Snapshot | undefined;
  return (name) => {
    if (!snapshot) {
      snapshot = { status: source.status(), counts: source.counts(), version };
      setImmediate(() => {
        snapshot = undefined;
      });
    }
    return samplesOf(name, snapshot);
  };
}

/**
 * Gauges whose names promtool mistakes for counters. `nodejs_active_resources` and similar metrics report the same by
 * type.
 */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

/** Once per process: prom-client's garbage collection observer cannot be stopped. */
let ofProcess: ReturnType<typeof processMetrics> | undefined;

async function processMetrics() {
  const { Registry, collectDefaultMetrics } = await import('prom-client');
  const register = new Registry();
  collectDefaultMetrics({ register });
  for (const name of MISNAMED) register.removeSingleMetric(name);
  return register;
}
