/**
 * The connections of this process that wait before they try the same broker again: when another one gets through, there is
 * nothing left to wait for.
 */
import type { BrokerHost } from '../settings/broker-url.js';

const waiting = new Map<string, Set<() => void>>();

const keyOf = (hosts: readonly BrokerHost[]) => hosts.map(({ hostname, port }) => `${hostname} ${port}`).join();

/**
 * @param wake called once when one of the hosts has answered.
 * @returns ends it.
 */
export function waitFor(hosts: readonly BrokerHost[], wake: () => void): () => void {
  const key = keyOf(hosts);
  const others = waiting.get(key) ?? new Set();
  waiting.set(key, others.add(wake));
  return () => {
    others.delete(wake);
    if (others.size === 0) waiting.delete(key);
  };
}

export function wakeWaiting(hosts: readonly BrokerHost[]): void {
  for (const wake of [...(waiting.get(keyOf(hosts)) ?? [])]) wake();
}
