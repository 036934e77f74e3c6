/** What a publisher tells those who share it. */
import type { EventEmitter } from 'node:events';
import { emitSafely } from '../emit-safely.js';
import { LoghiveError } from '../errors.js';
import { internalLogger } from '../internal-logger.js';

export interface PublisherEvents {
  warning: [error: LoghiveError];
  connect: [];
  disconnect: [error: LoghiveError];
}

/** Says it on stderr and to whoever listens. That records are lost is an error of its own. */
export function warn(events: EventEmitter<PublisherEvents>, error: LoghiveError): void {
  if (error.code === 'LOGHIVE_RECORDS_LOST') internalLogger.error(error.message);
  else internalLogger.warning(error.message);
  emitSafely(events, 'warning', error);
}

/** Holds the events and nothing else of a publisher. */
export function lossWarner(events: EventEmitter<PublisherEvents>): (sentence: string) => void {
  return (sentence) => warn(events, new LoghiveError('LOGHIVE_RECORDS_LOST', sentence));
}
