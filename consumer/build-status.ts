/** Builds the status of a consumer. Pure. */

import type { ConnectionStatus } from '../src/amqp/connection.js';
import { LEVELS } from '../src/level.js';
import { delayQueueName, FAILURE_QUEUE, laneOf, type QueueSettings, queueName, SERVICES_QUEUE } from '../src/wire.js';
import { type Condition, healthOf } from './health.js';
import type { Unacknowledged, UnacknowledgedInQueue } from './metrics/snapshot.js';
import type { QueueDepth } from './queue-depths.js';
import type { ConsumerStatus, QueueStatus, ServiceLag, WorkerStatus } from './status.js';

type Derived = 'reason' | 'httpPort' | 'storage' | 'lag' | 'inHand' | keyof Condition;

export interface StatusParts extends Omit<ConsumerStatus, Derived> {
  readonly httpPort: number | undefined;
  /** Why the consumer is paused or preparing. */
  readonly reason: string | undefined;
  /** Why nothing can be stored; undefined if storage works. */
  readonly storageFault: string | undefined;
  readonly isSchemaReady: boolean;
  readonly unacknowledged: Unacknowledged;
}

export function consumerStatus(parts: StatusParts, nowMs: number): ConsumerStatus {
  const { reason, httpPort, storageFault, isSchemaReady, unacknowledged, ...others } = parts;
  const { messages, queues: byQueue, writingSinceMs } = unacknowledged;
  const known = {
    ...others,
    ...(reason === undefined ? {} : { reason }),
    ...(httpPort === undefined ? {} : { httpPort }),
    storage: {
      isUp: storageFault === undefined,
      ...(storageFault === undefined ? {} : { reason: storageFault }),
      isSchemaReady,
      ...(writingSinceMs === undefined ? {} : { writingSinceMs }),
    },
    lag: lagOf(byQueue, nowMs),
    inHand: messages,
  };
  return { ...known, ...healthOf(known, nowMs) };
}

/**
 * The lag of each service with unacknowledged records; no messages are consumed just to measure it. Ignores retry
 * queues, where records wait on purpose.
 */
export function lagOf(byQueue: ReadonlyMap<string, UnacknowledgedInQueue>, nowMs: number): ServiceLag[] {
  const oldest = new Map<string, number>();
  for (const [queue, { oldestMs }] of byQueue) {
    const service = laneOf(queue)?.service;
    if (service !== undefined) oldest.set(service, Math.min(oldestMs, oldest.get(service) ?? oldestMs));
  }
  return [...oldest].map(([service, ms]) => ({ service, oldestAgeS: Math.max(0, nowMs - ms) / 1000 }));
}

/** The queues that a consumer monitors. */
export function queuesOf(services: readonly string[], retryDelaysMs: readonly number[]): string[] {
  const logs = services.flatMap((service) => LEVELS.map((level) => queueName(service, level)));
  return [...logs, FAILURE_QUEUE, ...retryDelaysMs.map(delayQueueName), SERVICES_QUEUE];
}

/**
 * @param meanBytes mean size of a message of this queue, in bytes; undefined if none was consumed yet.
 * @returns the depth; for a queue of records, which rejects messages above its limit, also the limit.
 */
export function queueStatus(depth: QueueDepth, settings: QueueSettings, meanBytes: number | undefined): QueueStatus {
  const { queue, messages } = depth;
  if (laneOf(queue) === undefined) return depth;
  const { type, maxLength: limit, maxBytes } = settings;
  const shareOfBytes = type === 'python' ? 0 : (messages * (meanBytes ?? 0)) / maxBytes;
  return { ...depth, limit, share: Math.max(messages / limit, shareOfBytes) };
}

/** `paused` if none of the running workers can store. */
export function stateOfWorkers(workers: readonly WorkerStatus[]): 'running' | 'paused' {
  const begun = workers.filter(({ state }) => state !== 'connecting');
  return begun.length > 0 && begun.every(({ state }) => state === 'paused') ? 'paused' : 'running';
}

/** The connection in the worst state: not connected, then blocked, then any. */
export function worstConnection(connections: readonly ConnectionStatus[]): ConnectionStatus | undefined {
  return (
    connections.find(({ state }) => state !== 'ready' && state !== 'blocked') ??
    connections.find(({ state }) => state === 'blocked') ??
    connections[0]
  );
}
