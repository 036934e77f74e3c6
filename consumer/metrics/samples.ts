/** The samples of each consumer metric, from its status and counts. Pure. */
import type { Sample } from '../../src/metrics/metric.js';
import { isConnected } from '../health.js';
import type { ConsumerStatus } from '../status.js';
import { type Counted, lanesOf } from './lane-counts.js';
import { BATCH_BOUNDS, COMMIT_BOUNDS, histogramSamples, type PipelineCounts } from './snapshot.js';
import type { ConsumerMetricName } from './table.js';

export interface Snapshot {
  readonly status: ConsumerStatus;
  readonly counts: PipelineCounts;
  /** Version of this package. */
  readonly version: string;
}

type Read = (snapshot: Snapshot) => readonly Sample[];

const SAMPLES: Readonly<Record<ConsumerMetricName, Read>> = {
  loghive_records_stored_total: byLane('stored'),
  loghive_records_duplicate_total: byLane('duplicate'),
  loghive_records_dead_lettered_total: byLane('dead_lettered'),
  loghive_records_expired_total: byLane('expired'),
  loghive_records_retried_total: byLane('retried'),
  loghive_batch_records: ({ counts }) => histogramSamples('loghive_batch_records', counts.batchRecords, BATCH_BOUNDS),
  loghive_commit_duration_seconds: ({ counts }) =>
    histogramSamples('loghive_commit_duration_seconds', counts.commitSeconds, COMMIT_BOUNDS),
  loghive_messages_acknowledged_total: byLane('acknowledged'),
  loghive_messages_redelivered_total: ({ counts }) => one(counts.totals.redelivered),
  loghive_messages_republished_total: ({ counts }) => one(counts.totals.rounds),
  loghive_storage_pauses_total: ({ status }) => one(status.counts.pauses),
  loghive_messages_in_hand: ({ status }) => one(status.inHand),
  loghive_queue_messages: ({ status }) =>
    status.queues.map(({ queue, messages }) => ({ labels: { queue }, value: messages })),
  loghive_queue_consumers: ({ status }) =>
    status.queues.map(({ queue, consumers }) => ({ labels: { queue }, value: consumers })),
  loghive_queue_limit_ratio: ({ status }) =>
    status.queues.flatMap(({ queue, share }) => (share === undefined ? [] : [{ labels: { queue }, value: share }])),
  loghive_oldest_record_age_seconds: ({ status }) => {
    const ages = new Map(status.services.map((service) => [service, 0]));
    for (const { service, oldestAgeS } of status.lag) ages.set(service, oldestAgeS);
    return [...ages].map(([service, value]) => ({ labels: { service }, value }));
  },
  loghive_queue_message_ttl_seconds: ({ status }) => one(status.queueMessageTtlMs / 1000),
  loghive_services: ({ status }) => one(status.services.length),
  loghive_workers: ({ status }) => one(status.workers.filter(({ state }) => state === 'running').length),
  loghive_worker_restarts_total: ({ status }) => one(status.workers.reduce((sum, { restarts }) => sum + restarts, 0)),
  loghive_broker_connected: ({ status }) => one(isConnected(status) ? 1 : 0),
  loghive_storage_up: ({ status }) => one(status.storage.isUp ? 1 : 0),
  loghive_health: ({ status }) =>
    ['ok', 'degraded', 'unhealthy'].map((state) => ({ labels: { state }, value: state === status.health ? 1 : 0 })),
  loghive_partitions_created_total: ({ status }) => one(status.maintenance.partitionsMade),
  loghive_partitions_dropped_total: ({ status }) => one(status.maintenance.partitionsDropped),
  loghive_retention_records_deleted_total: ({ status }) => one(status.maintenance.recordsDeleted),
  loghive_maintenance_failures_total: ({ status }) => one(status.maintenance.failures),
  loghive_build_info: ({ version }) => [{ labels: { version, node: process.version }, value: 1 }],
};

export function samplesOf(name: string, snapshot: Snapshot): readonly Sample[] {
  return SAMPLES[name as ConsumerMetricName](snapshot);
}

function byLane(counted: Counted): Read {
  return ({ counts }) =>
    [...lanesOf(counts.lanes)].map(({ service, level, count }) => ({
      labels: { service, level },
      value: count(counted),
    }));
}

function one(value: number): readonly Sample[] {
  return [{ labels: {}, value }];
}
