/** The consumer's metrics. A test checks that docs/metrics.md lists the same ones. */
import type { MetricDefinition } from '../../src/metrics/metric.js';

const LANE = ['service', 'level'];

export const CONSUMER_METRICS = [
  {
    name: 'loghive_records_stored_total',
    type: 'counter',
    labels: LANE,
    help: 'Records committed to the table.',
  },
  {
    name: 'loghive_records_duplicate_total',
    type: 'counter',
    labels: LANE,
    help: 'Records that were already in the table and were not stored again.',
  },
  {
    name: 'loghive_records_dead_lettered_total',
    type: 'counter',
    labels: LANE,
    help: 'Records stored in the dead letter table.',
  },
  {
    name: 'loghive_records_expired_total',
    type: 'counter',
    labels: LANE,
    help: 'Records older than the retention period, not stored.',
  },
  {
    name: 'loghive_records_retried_total',
    type: 'counter',
    labels: LANE,
    help: 'Records that PostgreSQL refused and that were published to a delay queue, counted once per attempt.',
  },
  { name: 'loghive_batch_records', type: 'histogram', labels: [], help: 'Records per stored batch.' },
  {
    name: 'loghive_commit_duration_seconds',
    type: 'histogram',
    labels: [],
    help: 'Time from the first statement of a batch to its COMMIT.',
  },
  {
    name: 'loghive_messages_acknowledged_total',
    type: 'counter',
    labels: LANE,
    help: 'Messages acknowledged after their records were stored, dead-lettered or published again.',
  },
  {
    name: 'loghive_messages_redelivered_total',
    type: 'counter',
    labels: [],
    help: 'Messages that the broker had delivered before.',
  },
  {
    name: 'loghive_messages_republished_total',
    type: 'counter',
    labels: [],
    help: 'Messages republished to their own queue because they had been redelivered too often.',
  },
  {
    name: 'loghive_storage_pauses_total',
    type: 'counter',
    labels: [],
    help: 'How often workers paused because PostgreSQL could not store records.',
  },
  {
    name: 'loghive_messages_in_hand',
    type: 'gauge',
    labels: [],
    help: 'Unacknowledged messages.',
  },
  {
    name: 'loghive_queue_messages',
    type: 'gauge',
    labels: ['queue'],
    help: 'Messages ready for delivery in a queue. Absent while the broker is unreachable.',
  },
  {
    name: 'loghive_queue_consumers',
    type: 'gauge',
    labels: ['queue'],
    help: 'Consumers of a queue, including those of other processes. Absent while the broker is unreachable.',
  },
  {
    name: 'loghive_queue_limit_ratio',
    type: 'gauge',
    labels: ['queue'],
    help: 'Fraction of its limit that a queue uses, from 0 to 1, by messages or by bytes, whichever is higher.',
  },
  {
    name: 'loghive_oldest_record_age_seconds',
    type: 'gauge',
    labels: ['service'],
    help: 'Time since the oldest unacknowledged record was published; 0 if there is none.',
  },
  {
    name: 'loghive_queue_message_ttl_seconds',
    type: 'gauge',
    labels: [],
    help: 'TTL of messages in a queue.',
  },
  { name: 'loghive_services', type: 'gauge', labels: [], help: 'Services that are consumed.' },
  { name: 'loghive_workers', type: 'gauge', labels: [], help: 'Workers that are running.' },
  {
    name: 'loghive_worker_restarts_total',
    type: 'counter',
    labels: [],
    help: 'How often a worker was replaced.',
  },
  {
    name: 'loghive_broker_connected',
    type: 'gauge',
    labels: [],
    help: '1 while at least one worker is connected to RabbitMQ, else 0.',
  },
  {
    name: 'loghive_storage_up',
    type: 'gauge',
    labels: [],
    help: '1 while PostgreSQL can store records, else 0.',
  },
  {
    name: 'loghive_health',
    type: 'gauge',
    labels: ['state'],
    help: '1 for the current state of the consumer, 0 for the others: ok, degraded, unhealthy.',
  },
  {
    name: 'loghive_partitions_created_total',
    type: 'counter',
    labels: [],
    help: 'Partitions created in advance, for today and the next week.',
  },
  {
    name: 'loghive_partitions_dropped_total',
    type: 'counter',
    labels: [],
    help: 'Partitions dropped by retention.',
  },
  {
    name: 'loghive_retention_records_deleted_total',
    type: 'counter',
    labels: [],
    help: 'Records deleted individually by retention.',
  },
  {
    name: 'loghive_maintenance_failures_total',
    type: 'counter',
    labels: [],
    help: 'Maintenance passes, one per minute, that failed or left expired records.',
  },
  {
    name: 'loghive_build_info',
    type: 'gauge',
    labels: ['version', 'node'],
    help: 'Always 1; the labels are the versions of Loghive and Node.',
  },
] as const satisfies readonly MetricDefinition[];

export type ConsumerMetricName = (typeof CONSUMER_METRICS)[number]['name'];
