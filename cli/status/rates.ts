/** Rates and forecasts, from two readings of the same queues. Pure. */
import type { QueueDepth } from '../../consumer/queue-depths.js';

/** What is known about the queues at one moment. */
export interface Reading {
  readonly depths: readonly QueueDepth[];
  /** Records stored so far, by URL of the consumers that answered, then by queue. */
  readonly stored: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** Epoch milliseconds. */
  readonly atMs: number;
}

export interface QueueRow {
  readonly queue: string;
  readonly messages: number;
  readonly consumers: number;
  /** Maximum number of messages; null if there is none. */
  readonly limit: number | null;
  /** Messages a second by which the queue grows; negative if it shrinks. Null if there was no earlier reading. */
  readonly growthPerSecond: number | null;
  /** Records a second that consumers stored; null if none could be asked. */
  readonly storedPerSecond: number | null;
  /** Seconds until the queue is full at this rate; null if it does not grow, or has no limit. */
  readonly fullInS: number | null;
}

/** @param limitOf of a queue, in messages. */
export function queueRows(
  current: Reading,
  before: Reading | undefined,
  limitOf: (queue: string) => number | undefined,
): QueueRow[] {
  const earlier = new Map(before?.depths.map((depth) => [depth.queue, depth]));
  return current.depths.map(({ queue, messages, consumers, atMs }) => {
    const limit = limitOf(queue) ?? null;
    const last = earlier.get(queue);
    const growth = last === undefined ? null : perSecond(messages - last.messages, atMs - last.atMs);
    const left = limit === null ? Number.POSITIVE_INFINITY : Math.max(0, limit - messages);
    return {
      queue,
      messages,
      consumers,
      limit,
      growthPerSecond: growth,
      storedPerSecond: before === undefined ? null : storedRate(queue, current, before),
      fullInS: left === 0 ? 0 : growth !== null && growth > 0 && Number.isFinite(left) ? left / growth : null,
    };
  });
}

function storedRate(queue: string, current: Reading, before: Reading): number | null {
  let count: number | undefined;
  for (const [url, stored] of current.stored) {
    const earlier = before.stored.get(url);
    if (earlier === undefined) continue;
    // A consumer that was restarted counts from 0.
    count = (count ?? 0) + Math.max(0, (stored.get(queue) ?? 0) - (earlier.get(queue) ?? 0));
  }
  return count === undefined ? null : perSecond(count, current.atMs - before.atMs);
}

function perSecond(count: number, ms: number): number | null {
  return ms <= 0 ? null : (count * 1000) / ms;
}
