/** The queues that a consumer monitors, and how full each one is. Pure. */
import { LEVELS } from '../src/level.js';
import { delayQueueName, FAILURE_QUEUE, laneOf, type QueueSettings, queueName, SERVICES_QUEUE } from '../src/wire.js';
import type { QueueDepth } from './queue-depths.js';
import type { QueueStatus } from './status.js';

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
