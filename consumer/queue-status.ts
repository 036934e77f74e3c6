/** Which queues a consumer looks at, and how full each of them is. Pure. */
import { LEVELS } from '../src/level.js';
import { delayQueueName, FAILURE_QUEUE, laneOf, type QueueSettings, queueName, SERVICES_QUEUE } from '../src/wire.js';
import type { QueueDepth } from './queue-depths.js';
import type { QueueStatus } from './status.js';

export function queuesOf(services: readonly string[], retryDelaysMs: readonly number[]): string[] {
  const logs = services.flatMap((service) => LEVELS.map((level) => queueName(service, level)));
  return [...logs, FAILURE_QUEUE, ...retryDelaysMs.map(delayQueueName), SERVICES_QUEUE];
}

/**
 * @param meanBytes what a message of this queue weighs; undefined where none of it was seen yet.
 * @returns with its limit where it is a queue of records, which refuses what is too much.
 */
export function queueStatus(depth: QueueDepth, settings: QueueSettings, meanBytes: number | undefined): QueueStatus {
  const { queue, messages } = depth;
  if (laneOf(queue) === undefined) return depth;
  const { type, maxLength: limit, maxBytes } = settings;
  const shareOfBytes = type === 'python' ? 0 : (messages * (meanBytes ?? 0)) / maxBytes;
  return { ...depth, limit, share: Math.max(messages / limit, shareOfBytes) };
}
