/** The status of a consumer. */
import type { ConnectionStatus } from '../src/amqp/connection.js';
import type { QueueDepth } from './queue-depths.js';

/** See `ConsumerWorker`. `silent`: a thread that no longer reports; it is terminated after a minute. */
export type WorkerState = 'connecting' | 'running' | 'paused' | 'stopping' | 'stopped' | 'silent';

/** `preparing`: waits for the servers and the schema. `paused`: PostgreSQL cannot store batches. */
export type ConsumerState = 'created' | 'preparing' | 'running' | 'paused' | 'stopping' | 'stopped';

/** `ok`; `degraded`: works, but needs attention; `unhealthy`: nothing is being stored. */
export type Health = 'ok' | 'degraded' | 'unhealthy';

export interface WorkerStatus {
  readonly state: WorkerState;
  /** Since when, in epoch milliseconds. */
  readonly sinceMs: number;
  /** Why it is paused. */
  readonly reason?: string;
  readonly broker: ConnectionStatus;
  /** The connection on which retries are published. */
  readonly publishing: ConnectionStatus;
  /** Number of service queues that are consumed, and that the broker refuses. */
  readonly queues: { readonly taken: number; readonly refused: number };
  /** Unacknowledged messages. */
  readonly inHand: number;
  /** Since the last start of the worker. */
  readonly counts: ConsumerCounts;
  /**
   * Conditions that need attention: queues with other arguments, missing permissions, messages whose retry cannot be
   * published.
   */
  readonly notices: readonly string[];
}

/** A worker with its number and how often it was restarted. */
export type NumberedWorkerStatus = WorkerStatus & { readonly id: number; readonly restarts: number };

export interface StorageStatus {
  /** Whether the database accepts records, as far as known. */
  readonly isUp: boolean;
  /** Why not. */
  readonly reason?: string;
  /** Whether the schema is known to be up to date. */
  readonly isSchemaReady: boolean;
  /** When the current batch started being written, in epoch milliseconds; omitted if none is. */
  readonly writingSinceMs?: number;
}

/** A queue, read from the broker about every ten seconds. */
export interface QueueStatus extends QueueDepth {
  /** Maximum number of messages; omitted if the queue has no limit. */
  readonly limit?: number;
  /**
   * Fraction of its limit that is used, by number or by bytes, whichever is higher; omitted if the queue has no limit.
   */
  readonly share?: number;
}

export interface ServiceLag {
  readonly service: string;
  /** Seconds since the oldest unacknowledged record of the service was published. */
  readonly oldestAgeS: number;
}

export interface ConsumerStatus {
  readonly state: ConsumerState;
  /** Since when, in epoch milliseconds. */
  readonly sinceMs: number;
  /** Why it is paused or preparing. */
  readonly reason?: string;
  /** Whether messages have been consumed since the start. */
  readonly hasStarted: boolean;
  /** Port of the HTTP server; omitted without one. */
  readonly httpPort?: number;
  readonly health: Health;
  /** Why it is not `ok`. */
  readonly reasons: readonly string[];
  /** The same, machine-readable: sections of docs/operations.md, each once. */
  readonly kinds: readonly HealthReason[];
  /** Services that are consumed: those named, or those found so far. */
  readonly services: readonly string[];
  /** The connection to RabbitMQ; of several workers, the one in the worst state. */
  readonly broker: ConnectionStatus;
  /** The connection on which retries are published, likewise. */
  readonly publishing: ConnectionStatus;
  readonly storage: StorageStatus;
  readonly workers: readonly NumberedWorkerStatus[];
  /** Unacknowledged messages. */
  readonly inHand: number;
  /** Existing queues; empty while the broker is unreachable. */
  readonly queues: readonly QueueStatus[];
  /** TTL of messages in the queues that this consumer declares, in milliseconds. */
  readonly queueMessageTtlMs: number;
  /** Lag of services with unacknowledged records. */
  readonly lag: readonly ServiceLag[];
  readonly rates: {
    /** Records committed per second, over the last minute. */
    readonly storedPerSecond: number;
  };
  readonly counts: ConsumerCounts;
  /** Counts of the scheduled table maintenance. */
  readonly maintenance: MaintenanceCounts;
  /**
   * Conditions that need attention: exchanges and queues with other arguments, missing permissions, messages that wait
   * because their retry cannot be published.
   */
  readonly notices: readonly string[];
}

/** Adds `counts` to `sum` in place. */
export function addTotals(sum: MutableCounts, counts: ConsumerCounts): MutableCounts {
  for (const name of Object.keys(sum) as Array<keyof ConsumerCounts>) sum[name] += counts[name];
  return sum;
}

/** Status of a worker that has not reported yet. */
export function noWorkerStatus(): WorkerStatus {
  const none: ConnectionStatus = { state: 'closed' };
  return {
    state: 'connecting',
    sinceMs: Date.now(),
    broker: none,
    publishing: none,
    queues: { taken: 0, refused: 0 },
    inHand: 0,
    counts: noCounts(),
    notices: [],
  };
}

/** What a consumer has counted since it started. */
export interface ConsumerCounts {
  /** Records committed. */
  readonly stored: number;
  /** Records that the table already contained. */
  readonly duplicates: number;
  /** Records older than the retention period: acknowledged, not stored. */
  readonly expired: number;
  /** Records that the broker confirmed for a delay queue. */
  readonly retried: number;
  /** Records stored in `dead_letters`. */
  readonly deadLetters: number;
  /** Messages that the broker had delivered before. */
  readonly redelivered: number;
  /** Messages that were republished because they had been redelivered too often. */
  readonly rounds: number;
  /** Batches committed. */
  readonly batches: number;
  /** How often workers paused because PostgreSQL could not store batches. */
  readonly pauses: number;
}

export type MutableCounts = { -readonly [K in keyof ConsumerCounts]: number };

export function noCounts(): MutableCounts {
  return {
    stored: 0,
    duplicates: 0,
    expired: 0,
    retried: 0,
    deadLetters: 0,
    redelivered: 0,
    rounds: 0,
    batches: 0,
    pauses: 0,
  };
}

/** Counts of the scheduled table maintenance, since the start. */
export interface MaintenanceCounts {
  /** Partitions created in advance. Excludes those that workers create because a batch needs them immediately. */
  readonly partitionsMade: number;
  /** Partitions dropped because all of their records had expired. */
  readonly partitionsDropped: number;
  /** Expired records deleted individually. */
  readonly recordsDeleted: number;
  /** Passes that failed, or left expired records for a later pass. */
  readonly failures: number;
}

export function noMaintenanceCounts(): MutableMaintenanceCounts {
  return { partitionsMade: 0, partitionsDropped: 0, recordsDeleted: 0, failures: 0 };
}

type MutableMaintenanceCounts = { -readonly [K in keyof MaintenanceCounts]: MaintenanceCounts[K] };

/** Kinds of health reasons. Each has a section of this name in docs/operations.md, which a test checks. */
export const HEALTH_REASONS = [
  'not-running',
  'broker-away',
  'no-queue',
  'storage-down',
  'no-worker',
  'idle-workers',
  'slow-write',
  'full-queue',
  'old-record',
  'notice',
] as const;

export type HealthReason = (typeof HEALTH_REASONS)[number];
