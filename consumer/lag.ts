/**
 * How far storage is behind, derived from unacknowledged messages: no messages are consumed just to measure it. Pure.
 */
import { laneOf } from '../src/wire.js';
import type { HeldOfQueue } from './metrics/snapshot.js';

export interface ServiceLag {
  readonly service: string;
  /** Seconds since the oldest unacknowledged record of the service was published. */
  readonly oldestAgeS: number;
}

/** The lag of each service with unacknowledged records. Ignores retry queues, where records wait on purpose. */
export function lagOf(held: ReadonlyMap<string, HeldOfQueue>, nowMs: number): ServiceLag[] {
  const oldest = new Map<string, number>();
  for (const [queue, { oldestMs }] of held) {
    const service = laneOf(queue)?.service;
    if (service !== undefined) oldest.set(service, Math.min(oldestMs, oldest.get(service) ?? oldestMs));
  }
  return [...oldest].map(([service, ms]) => ({ service, oldestAgeS: Math.max(0, nowMs - ms) / 1000 }));
}
