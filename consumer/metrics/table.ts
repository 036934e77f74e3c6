/** The consumer's metrics. docs/metrics.md has the same ones; a test holds the two equal. */
import type { MetricDefinition } from '../../src/metrics/metric.js';

const LANE = ['service', 'level'];

export const CONSUMER_METRICS = [
  {
    name: 'loghive_records_stored_total',
    type: 'counter',
    labels: LANE,
    help: 'Records that were committed to the table.',
  },
  {
    name: 'loghive_records_duplicate_total',
    type: 'counter',
    labels: LANE,
    help: 'Records that were in the table already and were not stored again.',
  },
  {
    name: 'loghive_records_dead_lettered_total',
    type: 'counter',
    labels: LANE,
    help: 'Records that went into the table of dead letters.',
  },
  {
    name: 'loghive_records_expired_total',
    type: 'counter',
    labels: LANE,
    help: 'Records that were older than the retention and were not stored.',
  },
  {
    name: 'loghive_records_retried_total',
    type: 'counter',
    labels: LANE,
    help: 'Records that PostgreSQL refused and that were put into a delay queue, once for each attempt.',
  },
  { name: 'loghive_batch_records', type: 'histogram', labels: [], help: 'Records in a batch that was stored.' },
  {
    name: 'loghive_commit_duration_seconds',
    type: 'histogram',
    labels: [],
    help: 'Time from the first statement of a batch to its COMMIT.',
  },
  {
    name: 'loghive_messages_redelivered_total',
    type: 'counter',
    labels: [],
    help: 'Messages that the broker had handed out before.',
  },
  {
    name: 'loghive_messages_republished_total',
    type: 'counter',
    labels: [],
    help: 'Messages that were published to their queue again because they had come back too often.',
  },
  {
    name: 'loghive_storage_pauses_total',
    type: 'counter',
    labels: [],
    help: 'How often storage was paused because PostgreSQL could not store.',
  },
  {
    name: 'loghive_messages_in_hand',
    type: 'gauge',
    labels: [],
    help: 'Messages that were taken and are not acknowledged.',
  },
  {
    name: 'loghive_queue_messages',
    type: 'gauge',
    labels: ['queue'],
    help: 'Messages in a queue that are ready to be taken. Absent while the broker is away.',
  },
  {
    name: 'loghive_queue_consumers',
    type: 'gauge',
    labels: ['queue'],
    help: 'Subscriptions to a queue, those of other processes included. Absent while the broker is away.',
  },
  {
    name: 'loghive_queue_limit_ratio',
    type: 'gauge',
    labels: ['queue'],
    help: 'How full a queue is, from 0 to 1, by messages or by bytes, whichever is more.',
  },
  {
    name: 'loghive_oldest_record_age_seconds',
    type: 'gauge',
    labels: ['service'],
    help: 'Time since the oldest record in hand was published; 0 where none is in hand.',
  },
  {
    name: 'loghive_queue_message_ttl_seconds',
    type: 'gauge',
    labels: [],
    help: 'Time after which the broker deletes a message that nobody has taken.',
  },
  { name: 'loghive_services', type: 'gauge', labels: [], help: 'Services whose records are taken.' },
  { name: 'loghive_workers', type: 'gauge', labels: [], help: 'Workers that are running.' },
  {
    name: 'loghive_worker_restarts_total',
    type: 'counter',
    labels: [],
    help: 'How often a worker had to be replaced.',
  },
  {
    name: 'loghive_broker_connected',
    type: 'gauge',
    labels: [],
    help: '1 while there is a connection to RabbitMQ that messages can be taken over, else 0.',
  },
  {
    name: 'loghive_storage_up',
    type: 'gauge',
    labels: [],
    help: '1 while PostgreSQL stores records, or would, else 0.',
  },
  {
    name: 'loghive_health',
    type: 'gauge',
    labels: ['state'],
    help: '1 for the state that the consumer is in, 0 for the others: ok, degraded, unhealthy.',
  },
  {
    name: 'loghive_partitions_created_total',
    type: 'counter',
    labels: [],
    help: 'Partitions that were made ahead, for today and the next week.',
  },
  {
    name: 'loghive_partitions_dropped_total',
    type: 'counter',
    labels: [],
    help: 'Partitions that retention dropped as a whole.',
  },
  {
    name: 'loghive_retention_records_deleted_total',
    type: 'counter',
    labels: [],
    help: 'Records that retention deleted one by one.',
  },
  {
    name: 'loghive_maintenance_failures_total',
    type: 'counter',
    labels: [],
    help: 'Passes over the tables, one a minute, that failed or left something that is to be deleted.',
  },
  {
    name: 'loghive_build_info',
    type: 'gauge',
    labels: ['version', 'node'],
    help: 'Always 1; its labels say which version of Loghive runs on which version of Node.',
  },
] as const satisfies readonly MetricDefinition[];

export type ConsumerMetricName = (typeof CONSUMER_METRICS)[number]['name'];
