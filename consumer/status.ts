/** The status of a consumer. */
import type { ConnectionStatus } from '../src/amqp/connection.js';
import { type ConsumerCounts, type MutableCounts, noCounts } from './consumer-counts.js';
import type { HealthReason } from './health-reasons.js';
import type { ServiceLag } from './lag.js';
import type { MaintenanceCounts } from './maintenance-counts.js';
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

/** `paused` if none of the running workers can store. Pure. */
export function stateOfWorkers(workers: readonly WorkerStatus[]): 'running' | 'paused' {
  const begun = workers.filter(({ state }) => state !== 'connecting');
  return begun.length > 0 && begun.every(({ state }) => state === 'paused') ? 'paused' : 'running';
}

/** The connection in the worst state: not connected, then blocked, then any. Pure. */
export function worst(connections: readonly ConnectionStatus[]): ConnectionStatus | undefined {
  return (
    connections.find(({ state }) => state !== 'ready' && state !== 'blocked') ??
    connections.find(({ state }) => state === 'blocked') ??
    connections[0]
  );
}

/** Status of a worker that has not reported yet. */
export function noWorkerStatus(): WorkerStatus {
  const none: ConnectionStatus = { state: 'closed', sinceMs: Date.now() };
  return {
    state: 'connecting',
    sinceMs: none.sinceMs,
    broker: none,
    publishing: none,
    queues: { taken: 0, refused: 0 },
    inHand: 0,
    counts: noCounts(),
    notices: [],
  };
}
