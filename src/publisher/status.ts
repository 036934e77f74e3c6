/** What a publisher reports: counters, connection state, events and log lines. */

import type { EventEmitter } from 'node:events';
import type { ConnectionStatus } from '../amqp/connection.js';
import type { PublishChannel } from '../amqp/publish-channel.js';
import { emitSafely } from '../emit-safely.js';
import { type ErrorCode, LoghiveError } from '../errors.js';
import { internalLogger } from '../internal-logger.js';
import type { Level } from '../level.js';
import { counted } from '../sentence.js';
import { hostAndPort } from '../settings/broker-url.js';
import type { DropCounter, DropCounts } from './drop-counter.js';
import type { Frame } from './frames.js';
import type { Lane } from './lane.js';

/** Counts of one publisher. `accepted` = `confirmed` + `pending` + everything in `dropped`, at any moment. */
export interface PublisherStats {
  /** Records whose logging call returned. */
  readonly accepted: number;
  /** Records that the broker confirmed. */
  readonly confirmed: number;
  /** Records that are kept and not yet confirmed. */
  readonly pending: number;
  readonly pendingBytes: number;
  /** Records that were given up, by level and reason. */
  readonly dropped: DropCounts;
  /** Messages that were published again because they were nacked, returned or not confirmed before a connection ended. */
  readonly retries: number;
}

export interface LaneStatus {
  readonly service: string;
  readonly level: Level;
  /** Records that are kept and not yet confirmed. */
  readonly waiting: number;
  /** The broker refused its last message; it is tried again after a delay. */
  readonly blocked: boolean;
  readonly nacks: number;
  readonly returns: number;
}

export interface PublisherStatus {
  readonly connection: ConnectionStatus;
  readonly lanes: readonly LaneStatus[];
}

export interface CloseResult {
  /** Records of this integration that the broker confirmed. */
  readonly confirmed: number;
  /** Those that were not confirmed in time: counted as dropped, or kept where another integration shares the connection. */
  readonly unsent: number;
}

export interface PublisherEvents {
  warning: [error: LoghiveError];
  connect: [];
  disconnect: [error: LoghiveError];
}

/** Who has to know what nobody else tells. */
export interface Watch {
  /** A record was logged after close: somebody has to see that it is told. */
  readonly onLate?: (drops: DropCounter) => void;
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

/** The warning for the first message of a lane that the broker nacks or returns. */
export function refusal(lane: Pick<Lane, 'service' | 'level'>, outcome: 'nacked' | 'returned'): string {
  const why =
    outcome === 'nacked'
      ? 'the broker refuses them (the queue is full?)'
      : 'no queue takes them (deleted, or not bound?)';
  return `${lane.service} ${lane.level}: records wait because ${why}. Loghive goes on trying.`;
}

/**
 * Logs a reconnect, if the loss of the connection was logged before.
 *
 * @param pending number of records that wait.
 */
export function logReconnects({ events, connection }: PublishChannel, pending: () => number): void {
  let toldAway = false;
  const away = () => {
    toldAway = true;
  };
  events.on('lost', away);
  connection.events.on('failed', away);
  events.on('open', ({ host, serverProduct }, isNewConnection) => {
    if (!isNewConnection) return;
    const waiting = pending();
    const sent = waiting === 0 ? '' : `; ${counted(waiting, 'waiting record is', 'waiting records are')} sent`;
    if (toldAway) internalLogger.info(`connected to ${serverProduct} again${sent} (${hostAndPort(host)})`);
    toldAway = false;
  });
}
