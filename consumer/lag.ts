/** How far storage is behind, from what is in hand anyway: nothing is taken from a queue only to look at it. Pure. */
import { laneOf } from '../src/wire.js';
import type { HeldOfQueue } from './metrics/snapshot.js';

export interface ServiceLag {
  readonly service: string;
  /** Seconds since its oldest record that is taken and not stored yet was published. */
  readonly oldestAgeS: number;
}

/** Of the services with records in hand. A record in a retry queue waits on purpose. */
export function lagOf(held: ReadonlyMap<string, HeldOfQueue>, nowMs: number): ServiceLag[] {
  const oldest = new Map<string, number>();
  for (const [queue, { oldestMs }] of held) {
    const service = laneOf(queue)?.service;
    if (service !== undefined) oldest.set(service, Math.min(oldestMs, oldest.get(service) ?? oldestMs));
  }
  return [...oldest].map(([service, ms]) => ({ service, oldestAgeS: Math.max(0, nowMs - ms) / 1000 }));
}
