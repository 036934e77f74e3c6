/**
 * The consumer's metrics for Prometheus: in a registry of the user's own, or in one that prom-client renders. The only
 * file that knows prom-client, and only where no registry is given.
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
  /** The text that Prometheus reads. */
  text(): Promise<string>;
  /** Takes the metrics out of the registry again. */
  close(): void;
}

/**
 * @param given the user's own registry, which keeps all that it has. Without it the metrics of this process (memory,
 *   CPU, event loop) are there as well.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION where it is no registry, or another consumer's metrics are in it.
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
      'option "registry" has the metrics of another consumer in it. Give each consumer a registry of its own.',
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

/** All metrics of one scrape are of the same moment. */
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

/** Gauges whose names promtool takes for those of counters; `nodejs_active_resources` and its like say the same by kind. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

/** Once in a process: what observes its garbage collector cannot be ended. */
let ofProcess: ReturnType<typeof processMetrics> | undefined;

async function processMetrics() {
  const { Registry, collectDefaultMetrics } = await import('prom-client');
  const register = new Registry();
  collectDefaultMetrics({ register });
  for (const name of MISNAMED) register.removeSingleMetric(name);
  return register;
}
