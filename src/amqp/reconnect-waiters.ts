/**
 * The connections of this process that wait for their reconnect delay, by broker. When one of them connects, the
 * waiters to the same broker retry immediately.
 */
import type { BrokerHost } from '../settings/broker-url.js';

const waiting = new Map<string, Set<() => void>>();

const keyOf = (hosts: readonly BrokerHost[]) => hosts.map(({ hostname, port }) => `${hostname} ${port}`).join();

/**
 * @param wake called once another connection to these hosts succeeds.
 * @returns removes the waiter.
 */
export function addWaiter(hosts: readonly BrokerHost[], wake: () => void): () => void {
  const key = keyOf(hosts);
  const waiters = waiting.get(key) ?? new Set();
  waiting.set(key, waiters.add(wake));
  return () => {
    waiters.delete(wake);
    if (waiters.size === 0) waiting.delete(key);
  };
}

export function wakeWaiters(hosts: readonly BrokerHost[]): void {
  for (const wake of [...(waiting.get(keyOf(hosts)) ?? [])]) wake();
}
