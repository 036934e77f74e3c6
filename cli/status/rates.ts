/** Rates and forecasts, from two readings of the same queues. Pure. */
import type { QueueDepth } from '../../consumer/queue-depths.js';
import { laneOf } from '../../src/wire.js';
import type { Done } from './consumers.js';

/** What is known about the queues at one moment. */
export interface Reading {
  readonly depths: readonly QueueDepth[];
  /** What the consumers that answered have done, by their URL. */
  readonly done: ReadonlyMap<string, Done>;
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
  /** Messages a second that were published to the queue: its growth, and what went out. Null if either is unknown. */
  readonly inPerSecond: number | null;
  /** Messages a second that consumers acknowledged; null if none could be asked. */
  readonly outPerSecond: number | null;
  /** Records a second that they stored; a message holds one or many. */
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
    const rateOfDone = (what: keyof Done) => (before === undefined ? null : doneRate(what, queue, current, before));
    const out = rateOfDone('acknowledged');
    const left = limit === null ? Number.POSITIVE_INFINITY : Math.max(0, limit - messages);
    return {
      queue,
      messages,
      consumers,
      limit,
      growthPerSecond: growth,
      // The depth and the counts are read a moment apart.
      inPerSecond: growth === null || out === null ? null : Math.max(0, growth + out),
      outPerSecond: out,
      storedPerSecond: rateOfDone('stored'),
      fullInS: left === 0 ? 0 : growth !== null && growth > 0 && Number.isFinite(left) ? left / growth : null,
    };
  });
}

function doneRate(what: keyof Done, queue: string, current: Reading, before: Reading): number | null {
  // Consumers do not count those of the other queues.
  if (laneOf(queue) === undefined) return null;
  let count: number | undefined;
  for (const [url, done] of current.done) {
    const earlier = before.done.get(url);
    if (earlier === undefined) continue;
    // A consumer that was restarted counts from 0.
    count = (count ?? 0) + Math.max(0, (done[what].get(queue) ?? 0) - (earlier[what].get(queue) ?? 0));
  }
  return count === undefined ? null : perSecond(count, current.atMs - before.atMs);
}

function perSecond(count: number, ms: number): number | null {
  return ms <= 0 ? null : (count * 1000) / ms;
}
