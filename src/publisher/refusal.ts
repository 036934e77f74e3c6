/** Why the broker does not take records: what to say of it, and what it says itself. Pure. */
import type { Lane } from './lane.js';

/** What to say when a lane is refused for the first time. */
export function refusal(lane: Pick<Lane, 'service' | 'level'>, outcome: 'nacked' | 'returned'): string {
  const why =
    outcome === 'nacked'
      ? 'the broker refuses them (the queue is full?)'
      : 'no queue takes them (deleted, or not bound?)';
  return `${lane.service} ${lane.level}: records wait because ${why}. Loghive goes on trying.`;
}
