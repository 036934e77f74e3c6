/**
 * Metrics that are read from what is counted anyway, at the moment of a scrape, in a registry of the user's own.
 *
 * A registry of prom-client, or of its successor @prometheus-io/client, takes any object with a name and a `get()`; so
 * neither package is imported here, and an application that exports nothing loads nothing.
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
  /** Of a series that has another name than its metric: `…_bucket`, `…_sum`, `…_count`. */
  readonly metricName?: string;
}

/** What is needed of a registry. Those of prom-client 14 and 15 and of @prometheus-io/client fit. */
export interface MetricRegistry {
  // biome-ignore lint/suspicious/noExplicitAny: each of the packages has a type of its own here
  registerMetric(metric: any): void;
  getSingleMetric(name: string): unknown;
  removeSingleMetric(name: string): void;
  metrics(): Promise<string>;
  readonly contentType: string;
}

/** Tells our own metrics from others of the same name, also between the import and the require copy of this package. */
const OWN = Symbol.for('loghive.metric.1');

/**
 * Registers each of them that the registry does not have from us yet.
 *
 * @param owner who registers them, for messages.
 * @param read the samples of a metric, at a scrape. Never throws.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION where it is no registry, or has a metric of that name from somebody else.
 * @returns those that were registered.
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
      `${owner}: the registry has a metric "${name}" that is not Loghive's. Use another registry.`,
    );
  });
  for (const definition of missing) registry.registerMetric(metricOf(definition, read));
  return missing.map(({ name }) => name);
}

/**
 * @param what it is, for the message: `collectMetrics: the registry`.
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
    // A registry for OpenMetrics takes the suffix of a counter away here, and puts it behind its samples again.
    name,
    help,
    type,
    labelNames: labels,
    aggregator: 'sum',
    get() {
      return { name: this.name, help, type, aggregator: 'sum', values: read(name) };
    },
    /** For `registry.resetMetrics()`: what is counted belongs to somebody else. */
    reset() {},
  };
}
