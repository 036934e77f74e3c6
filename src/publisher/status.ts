/** What a publisher reports: counters, connection state, events and log lines. */

import type { EventEmitter } from 'node:events';
import type { ConnectionStatus } from '../amqp/connection.js';
import { emitSafely } from '../emit-safely.js';
import { type ErrorCode, LoghiveError } from '../errors.js';
import type { InternalLogger } from '../internal-logger.js';
import type { Level } from '../level.js';
import { counted } from '../sentence.js';
import type { DropCounter, DropCounts } from './drop-counter.js';
import type { Frame } from './frames.js';
import type { Lane } from './lane.js';
import type { Spool, SpoolStatus } from './spool/spool.js';

/**
 * Counts of one publisher. At any moment `accepted` + `adopted` = `confirmed` + `pending` + `spooled` + everything in
 * `dropped`.
 */
export interface PublisherStats {
  /** Records whose logging call returned. */
  readonly accepted: number;
  /** Records that earlier processes left on disk, and that were read from there. */
  readonly adopted: number;
  /** Records that the broker confirmed. */
  readonly confirmed: number;
  /** Records in memory that are not confirmed yet. */
  readonly pending: number;
  /** The size of these records, in bytes. */
  readonly pendingBytes: number;
  /** Records that are only on disk. */
  readonly spooled: number;
  /** Dropped records by level and reason. */
  readonly dropped: DropCounts;
  /**
   * Messages that were published again because they were nacked, returned, or unconfirmed when a connection was lost.
   */
  readonly retries: number;
}

export interface LaneStatus {
  readonly service: string;
  readonly level: Level;
  /** Records in memory and on disk that are not confirmed yet. */
  readonly waiting: number;
  /** The broker refused the last message; it is retried after a delay. */
  readonly blocked: boolean;
  /** Messages that the broker nacked, so far. */
  readonly nacks: number;
  /** Messages that the broker returned as unroutable, so far. */
  readonly returns: number;
}

export interface PublisherStatus {
  readonly connection: ConnectionStatus;
  readonly lanes: readonly LaneStatus[];
  /** Missing if there is no spool. */
  readonly spool?: SpoolStatus;
}

export interface CloseResult {
  /** Records of this integration that the broker confirmed. */
  readonly confirmed: number;
  /** Records that were left on disk. The next process of the service sends them. */
  readonly spooled: number;
  /**
   * Records that were neither confirmed in time nor written to disk: dropped and counted, or still pending if another integration shares the
   * connection.
   */
  readonly unsent: number;
}

export interface PublisherEvents {
  warning: [error: LoghiveError];
  connect: [];
  disconnect: [error: LoghiveError];
}

/** Callbacks of a publisher's owner. */
export interface Watch {
  /** A record was logged after close: the owner has to report it. */
  readonly onLate?: (drops: DropCounter) => void;
  /** A frame has left its lane: it was confirmed, or is larger than the broker allows. */
  readonly onSettled?: (lane: Lane, frame: Frame, what: 'confirmed' | 'tooLarge') => void;
}

/** What was left on disk at the end of the process. */
export function spooledSentence(records: number, services: readonly string[], spool: Spool): string {
  const next = `the next process of ${services.join(' or ')} on this machine sends ${records === 1 ? 'it' : 'them'}.`;
  const temporary =
    ' A restart of the machine or container may clear this folder: set LOGHIVE_SPOOL_DIR to a permanent one.';
  return `${counted(records, 'record')} left on disk in ${spool.config.dir}: ${next}${spool.isTemporary ? temporary : ''}`;
}

/** Where a publisher reports what happens to it. */
export interface Reporter {
  readonly events: EventEmitter<PublisherEvents>;
  readonly log: InternalLogger;
}

/** Records are lost, or will be unless the settings are corrected. */
const GRAVE: readonly ErrorCode[] = ['LOGHIVE_RECORDS_LOST', 'LOGHIVE_INVALID_OPTION'];

/** Logs an error and emits it as `warning`. Lost records and wrong settings are logged at ERROR. */
export function warn({ events, log }: Reporter, error: LoghiveError, isGrave = GRAVE.includes(error.code)): void {
  if (isGrave) log.error(error.message);
  else log.warning(error.message);
  emitSafely(events, 'warning', error);
}

/** Keeps no reference to the publisher, which it may outlive. */
export function lossWarner(reporter: Reporter): (sentence: string) => void {
  return (sentence) => warn(reporter, new LoghiveError('LOGHIVE_RECORDS_LOST', sentence));
}

/** The warning for the first message of a lane that is nacked or returned. */
export function refusal(lane: Pick<Lane, 'service' | 'level'>, outcome: 'nacked' | 'returned'): string {
  const why =
    outcome === 'nacked'
      ? 'the broker refuses them (is the queue full?)'
      : 'no queue receives them (is it deleted, or not bound?)';
  return `${lane.service} ${lane.level}: records wait because ${why}. Loghive keeps retrying.`;
}
