/** What a publisher tells those who share it. */
import type { EventEmitter } from 'node:events';
import { emitSafely } from '../emit-safely.js';
import { type ErrorCode, LoghiveError } from '../errors.js';
import { internalLogger } from '../internal-logger.js';
import type { Frame } from './frame.js';
import type { Lane } from './lane.js';
import type { ShedLedger } from './shed.js';

export interface PublisherEvents {
  warning: [error: LoghiveError];
  connect: [];
  disconnect: [error: LoghiveError];
}

/** Who has to know what nobody else tells. */
export interface Watch {
  /** A record was logged after close: somebody has to see that it is told. */
  readonly onLate?: (shed: ShedLedger) => void;
  /** A frame has left its lane because the broker has it, or will never take it. */
  readonly onSettled?: (lane: Lane, frame: Frame, what: 'confirmed' | 'tooLarge') => void;
}

/** Records are lost, or will be until somebody does something. */
const GRAVE: readonly ErrorCode[] = ['LOGHIVE_RECORDS_LOST', 'LOGHIVE_INVALID_OPTION'];

/** Says it on stderr and to whoever listens. What is grave is an error there. */
export function warn(events: EventEmitter<PublisherEvents>, error: LoghiveError): void {
  if (GRAVE.includes(error.code)) internalLogger.error(error.message);
  else internalLogger.warning(error.message);
  emitSafely(events, 'warning', error);
}

/** Holds the events and nothing else of a publisher. */
export function lossWarner(events: EventEmitter<PublisherEvents>): (sentence: string) => void {
  return (sentence) => warn(events, new LoghiveError('LOGHIVE_RECORDS_LOST', sentence));
}
