/** What a consumer says of itself. */
import type { ConnectionStatus } from '../src/amqp/connection.js';
import { type ConsumerCounts, type MutableCounts, noCounts } from './consumer-counts.js';
import type { HealthReason } from './health-reasons.js';
import type { ServiceLag } from './lag.js';
import type { MaintenanceCounts } from './maintenance-counts.js';
import type { QueueDepth } from './queue-depths.js';

/** See `ConsumerWorker`. `silent`: a thread that tells nothing of itself any more; it is ended after a minute. */
export type WorkerState = 'connecting' | 'running' | 'paused' | 'stopping' | 'stopped' | 'silent';

/** `preparing`: waits for the servers and the schema. `paused`: PostgreSQL cannot store what is in hand. */
export type ConsumerState = 'created' | 'preparing' | 'running' | 'paused' | 'stopping' | 'stopped';

/** `ok`; `degraded`: works, but a person should look; `unhealthy`: nothing is stored now. */
export type Health = 'ok' | 'degraded' | 'unhealthy';

export interface WorkerStatus {
  readonly state: WorkerState;
  /** Since when, in epoch milliseconds. */
  readonly sinceMs: number;
  /** Why it is paused, in words. */
  readonly reason?: string;
  readonly broker: ConnectionStatus;
  /** The connection that retries are published on. */
  readonly publishing: ConnectionStatus;
  /** How many queues of services messages are taken from, and how many the broker refuses. */
  readonly queues: { readonly taken: number; readonly refused: number };
  /** Messages that were taken and are not acknowledged. */
  readonly inHand: number;
  /** Since the worker was started for the last time. */
  readonly counts: ConsumerCounts;
  /** What a person should know: queues with other arguments, missing permissions, messages whose retry cannot be published. */
  readonly notices: readonly string[];
}

/** A worker, its number, and how often it had to be started again. */
export type NumberedWorkerStatus = WorkerStatus & { readonly id: number; readonly restarts: number };

export interface StorageStatus {
  /** The database takes records, as far as it was asked. */
  readonly isUp: boolean;
  /** Why not, in words. */
  readonly reason?: string;
  /** The schema was brought up to date by this consumer, or was. */
  readonly isSchemaReady: boolean;
  /** Since when a batch is being written, in epoch milliseconds; left out while none is. */
  readonly writingSinceMs?: number;
}

/** A queue as the broker counts it, every ten seconds or so. */
export interface QueueStatus extends QueueDepth {
  /** Messages that it takes; left out where it has no limit. */
  readonly limit?: number;
  /** Its messages as a part of its limit, by number or by bytes, whichever is more; left out where it has no limit. */
  readonly share?: number;
}

export interface ConsumerStatus {
  readonly state: ConsumerState;
  /** Since when, in epoch milliseconds. */
  readonly sinceMs: number;
  /** Why it is paused or preparing, in words. */
  readonly reason?: string;
  /** Messages were taken at least once since the start. */
  readonly hasStarted: boolean;
  /** Where the HTTP server listens; left out without one. */
  readonly httpPort?: number;
  readonly health: Health;
  /** Why it is not `ok`, in words. */
  readonly reasons: readonly string[];
  /** The same for a program: sections of docs/operations.md, each once. */
  readonly kinds: readonly HealthReason[];
  /** Whose records are taken: those that were named, or those that were found so far. */
  readonly services: readonly string[];
  /** The connections to RabbitMQ: of several workers, the one that is worst off. */
  readonly broker: ConnectionStatus;
  /** The connections that retries are published on, in the same way. */
  readonly publishing: ConnectionStatus;
  readonly storage: StorageStatus;
  readonly workers: readonly NumberedWorkerStatus[];
  /** Messages that were taken and are not acknowledged. */
  readonly inHand: number;
  /** Those that are there; none while the broker is away. */
  readonly queues: readonly QueueStatus[];
  /** After how long the broker deletes a message that nobody has taken, in milliseconds: as this consumer declares its queues. */
  readonly queueMessageTtlMs: number;
  /** Of the services with records in hand. */
  readonly lag: readonly ServiceLag[];
  readonly rates: {
    /** Records a second that were committed, over the last minute. */
    readonly storedPerSecond: number;
  };
  readonly counts: ConsumerCounts;
  /** Counts of the scheduled maintenance of the tables. */
  readonly maintenance: MaintenanceCounts;
  /** What a person should know: exchanges and queues with other arguments, missing permissions, messages that wait because their retry cannot be published. */
  readonly notices: readonly string[];
}

/** Adds up in place. */
export function addTotals(sum: MutableCounts, counts: ConsumerCounts): MutableCounts {
  for (const name of Object.keys(sum) as Array<keyof ConsumerCounts>) sum[name] += counts[name];
  return sum;
}

/** Of workers that run, `paused` where none of them stores. Pure. */
export function stateOfWorkers(workers: readonly WorkerStatus[]): 'running' | 'paused' {
  const begun = workers.filter(({ state }) => state !== 'connecting');
  return begun.length > 0 && begun.every(({ state }) => state === 'paused') ? 'paused' : 'running';
}

/** The connection that is worst off: one that is not there, one that is blocked, then any. Pure. */
export function worst(connections: readonly ConnectionStatus[]): ConnectionStatus | undefined {
  return (
    connections.find(({ state }) => state !== 'ready' && state !== 'blocked') ??
    connections.find(({ state }) => state === 'blocked') ??
    connections[0]
  );
}

/** Of a worker that was not heard of yet. */
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
