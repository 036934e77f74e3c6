/**
 * Metrics that read existing counters at scrape time, in a registry provided by the user.
 *
 * A registry of prom-client, or of its successor @prometheus-io/client, accepts any object with a name and a `get()`.
 * So neither package is imported here, and an application without metrics loads nothing.
 */
import { LoghiveError } from '../errors.js';
import { kindOf } from '../settings/option.js';

export type MetricType = 'counter' | 'gauge' | 'histogram';

export interface MetricDefinition {
  readonly name: string;
  readonly type: MetricType;
  readonly labels: readonly string[];
  readonly help: string;
}

export interface Sample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  /** The name of the series if it differs from the metric's: `…_bucket`, `…_sum`, `…_count`. */
  readonly metricName?: string;
}

/** The required part of a registry. Those of prom-client 14 and 15 and of @prometheus-io/client match. */
export interface MetricRegistry {
  // biome-ignore lint/suspicious/noExplicitAny: each of the packages has a type of its own here
  registerMetric(metric: any): void;
  getSingleMetric(name: string): unknown;
  removeSingleMetric(name: string): void;
  metrics(): Promise<string>;
  readonly contentType: string;
}

/** Marks our own metrics. Shared by the import and the require build of this package. */
const OWN = Symbol.for('loghive.metric.1');

/**
 * Registers the metrics that the registry does not already have from Loghive.
 *
 * @param owner name of the caller, for error messages.
 * @param read returns the samples of a metric at scrape time. Never throws.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION if it is not a registry, or has a foreign metric of that name.
 * @returns the names that were registered.
 */
export function registerMetrics(
  owner: string,
  registry: MetricRegistry,
  definitions: readonly MetricDefinition[],
  read: (name: string) => readonly Sample[],
): readonly string[] {
  assertRegistry(`${owner}: the registry`, registry);
  const missing = definitions.filter(({ name }) => {
    const existing = registry.getSingleMetric(name);
    if (existing === undefined) return true;
    if (isOwn(existing)) return false;
    throw new LoghiveError(
      'LOGHIVE_INVALID_OPTION',
      `${owner}: the registry already has a metric "${name}" that was not registered by Loghive. Use another registry.`,
    );
  });
  for (const definition of missing) registry.registerMetric(metricOf(definition, read));
  return missing.map(({ name }) => name);
}

/**
 * @param what description for the error message, e.g. `collectMetrics: the registry`.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION
 */
export function assertRegistry(what: string, value: unknown): asserts value is MetricRegistry {
  const methods = ['registerMetric', 'getSingleMetric', 'removeSingleMetric', 'metrics'];
  const candidate = value as Record<string, unknown> | null | undefined;
  if (typeof candidate === 'object' && methods.every((method) => typeof candidate?.[method] === 'function')) return;
  throw new LoghiveError(
    'LOGHIVE_INVALID_OPTION',
    `${what} is ${kindOf(value)}, expected a Registry of prom-client or @prometheus-io/client.`,
  );
}

function isOwn(metric: unknown): boolean {
  return (metric as { [OWN]?: true })[OWN] === true;
}

function metricOf({ name, type, labels, help }: MetricDefinition, read: (name: string) => readonly Sample[]) {
  return {
    [OWN]: true,
    // An OpenMetrics registry removes the suffix of a counter here, and appends it to its samples again.
    name,
    help,
    type,
    labelNames: labels,
    aggregator: 'sum',
    get() {
      return { name: this.name, help, type, aggregator: 'sum', values: read(name) };
    },
    /** Called by `registry.resetMetrics()`. Does nothing, because the counters are not the registry's. */
    reset() {},
  };
}
