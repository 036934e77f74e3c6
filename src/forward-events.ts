/** Forwards a publisher's events to one of the integrations that share it. */
import type { EventEmitter } from 'node:events';
import { emitSafely } from './emit-safely.js';
import type { PublisherEvents } from './publisher/status.js';

type Name = keyof PublisherEvents;
const NAMES: readonly string[] = ['warning', 'connect', 'disconnect'] satisfies Name[];

/**
 * Forwards only events that the integration has listeners for. Without listeners, nothing references the integration,
 * so one that was dropped without a close, such as a logger for each request, is garbage collected.
 *
 * @returns stops forwarding.
 */
export function forwardEvents(events: EventEmitter<PublisherEvents>, integration: EventEmitter): () => void {
  const forwarded = new Map<string, (...args: never[]) => void>();
  let state: 'open' | 'ended' = 'open';

  function begin(name: string): void {
    if (!NAMES.includes(name) || forwarded.has(name)) return;
    // A throwing listener of one integration must not affect the others.
    const pass = (...args: unknown[]) => emitSafely(integration, name, ...args);
    forwarded.set(name, pass);
    events.on(name as Name, pass);
  }

  function stop(name: string): void {
    const pass = forwarded.get(name);
    if (pass) events.off(name as Name, pass);
    forwarded.delete(name);
  }

  function onRemoved(name: string, listener: unknown): void {
    if (integration.listenerCount(name) === 0) stop(name);
    // Removed by `removeAllListeners()`: watch again, so that later listeners also receive events.
    if (listener === begin && state === 'open') queueMicrotask(watch);
  }

  function unwatch(): void {
    integration.off('removeListener', onRemoved);
    integration.off('newListener', begin);
  }

  function watch(): void {
    unwatch();
    if (state === 'ended') return;
    integration.on('newListener', begin);
    integration.on('removeListener', onRemoved);
    for (const name of NAMES) if (integration.listenerCount(name) > 0) begin(name);
  }

  watch();
  return () => {
    state = 'ended';
    unwatch();
    for (const name of NAMES) stop(name);
  };
}
