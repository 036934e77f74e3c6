/** The metrics of this process's producers. docs/metrics.md lists the same ones; a test keeps both in sync. */
import { sharedPublishers } from '../publisher/shared.js';
import type { SpoolStatus } from '../publisher/spool/spool.js';
import { type LaneTally, tallies } from '../publisher/tally.js';
import { type MetricDefinition, type MetricRegistry, registerMetrics, type Sample } from './metric.js';
import { ServiceLabels } from './service-labels.js';

const LANE = ['service', 'level'];

export const PRODUCER_METRICS = [
  {
    name: 'loghive_producer_records_accepted_total',
    type: 'counter',
    labels: LANE,
    help: 'Records whose logging call returned.',
  },
  {
    name: 'loghive_producer_records_confirmed_total',
    type: 'counter',
    labels: LANE,
    help: 'Records that the broker confirmed.',
  },
  {
    name: 'loghive_producer_records_dropped_total',
    type: 'counter',
    labels: [...LANE, 'reason'],
    help: 'Records that were dropped.',
  },
  {
    name: 'loghive_producer_records_waiting',
    type: 'gauge',
    labels: LANE,
    help: 'Records that are buffered, in flight or on disk, not confirmed yet.',
  },
  {
    name: 'loghive_producer_waiting_bytes',
    type: 'gauge',
    labels: [],
    help: 'Bytes of the records that are buffered or in flight, not confirmed yet.',
  },
  {
    name: 'loghive_producer_spool_bytes',
    type: 'gauge',
    labels: [],
    help: 'Size of the files of the spool; absent without a spool.',
  },
  {
    name: 'loghive_producer_spool_limit_bytes',
    type: 'gauge',
    labels: [],
    help: 'Size that the files of the spool may have; absent without a spool.',
  },
  {
    name: 'loghive_producer_connected',
    type: 'gauge',
    labels: [],
    help: '1 while every connection to a broker is open, 0 while one is not; absent without connections.',
  },
] as const satisfies readonly MetricDefinition[];

type Name = (typeof PRODUCER_METRICS)[number]['name'];

/** Limits the number of label values. Services come from the application's own code, which may generate names. */
const MAX_SERVICES = 1000;
const labels = new ServiceLabels(MAX_SERVICES);

interface LaneCounts {
  readonly service: string;
  readonly level: string;
  confirmed: number;
  waiting: number;
  /** Records that were left on disk, without those that were read from there. */
  left: number;
  readonly dropped: Map<string, number>;
}

/**
 * Registers metrics for the records of all integrations in this process: Winston, Pino in-process, console and
 * `LoggerClient`. Accepts a registry of prom-client or `@prometheus-io/client`. Repeated calls with the same registry
 * do nothing.
 *
 * Records logged in another thread (a Pino worker target) are not included.
 *
 * @throws LoghiveError LOGHIVE_INVALID_OPTION if it is not a registry, or has other metrics of these names.
 */
export function collectMetrics(registry: MetricRegistry): void {
  registerMetrics('collectMetrics', registry, PRODUCER_METRICS, (name) => SAMPLES[name as Name]());
}

const SAMPLES: Readonly<Record<Name, () => readonly Sample[]>> = {
  loghive_producer_records_accepted_total: () =>
    perLane((lane) => lane.confirmed + lane.waiting + lane.left + sum(lane.dropped.values())),
  loghive_producer_records_confirmed_total: () => perLane(({ confirmed }) => confirmed),
  loghive_producer_records_dropped_total: () =>
    laneCounts().flatMap(({ service, level, dropped }) =>
      [...dropped].map(([reason, value]) => ({ labels: { service, level, reason }, value })),
    ),
  loghive_producer_records_waiting: () => perLane(({ waiting }) => waiting),
  loghive_producer_waiting_bytes: () => {
    const bytes = sum(sharedPublishers().map((publisher) => publisher.stats().pendingBytes));
    return [{ labels: {}, value: bytes }];
  },
  loghive_producer_spool_bytes: () => spools(({ bytes }) => bytes),
  loghive_producer_spool_limit_bytes: () => spools(({ maxBytes }) => maxBytes),
  loghive_producer_connected: () => {
    const states = sharedPublishers().map((publisher) => publisher.status().connection.state);
    if (states.length === 0) return [];
    return [{ labels: {}, value: states.every((state) => state === 'ready' || state === 'blocked') ? 1 : 0 }];
  },
};

function perLane(value: (lane: LaneCounts) => number): Sample[] {
  return laneCounts().map((lane) => ({ labels: { service: lane.service, level: lane.level }, value: value(lane) }));
}

function spools(value: (spool: SpoolStatus) => number): Sample[] {
  const found = sharedPublishers().flatMap((publisher) => publisher.status().spool ?? []);
  return found.length === 0 ? [] : [{ labels: {}, value: sum(found.map(value)) }];
}

function laneCounts(): LaneCounts[] {
  const found = new Map<string, LaneCounts>();
  const of = (name: string, level: string) => {
    const service = name === '' ? '' : labels.of(name);
    const key = `${level} ${service}`;
    const lane = found.get(key) ?? { service, level, ...noCounts() };
    found.set(key, lane);
    return lane;
  };
  for (const tally of tallies()) add(of(tally.service, tally.level), tally);
  for (const { service, level, waiting } of sharedPublishers().flatMap((publisher) => publisher.status().lanes)) {
    of(service, level).waiting += waiting;
  }
  return [...found.values()];
}

function noCounts() {
  return { confirmed: 0, waiting: 0, left: 0, dropped: new Map<string, number>() };
}

function add(to: LaneCounts, { confirmed, dropped, left, adopted }: LaneTally): void {
  to.confirmed += confirmed;
  to.left += left - adopted;
  for (const [reason, records] of dropped) to.dropped.set(reason, (to.dropped.get(reason) ?? 0) + records);
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const each of numbers) total += each;
  return total;
}
