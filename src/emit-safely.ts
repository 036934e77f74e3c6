/** Emits events to the application's listeners. */
import type { EventEmitter } from 'node:events';
import { reasonOf } from './errors.js';
import { internalLogger } from './internal-logger.js';

/**
 * Emits an event. If a listener throws, the error is logged instead of interrupting the handling of a confirm or of a
 * lost connection.
 */
export function emitSafely<Events extends Record<keyof Events, unknown[]>, E extends keyof Events & string>(
  emitter: EventEmitter<Events>,
  event: E,
  ...args: Events[E]
): void;
export function emitSafely(emitter: EventEmitter, event: string, ...args: unknown[]): void;
export function emitSafely(emitter: EventEmitter, event: string, ...args: unknown[]): void {
  try {
    emitter.emit(event, ...args);
  } catch (thrown) {
    internalLogger.error(`a listener of "${event}" threw: ${reasonOf(thrown)}`);
  }
}
