/** What a publisher says of itself. */
import type { ConnectionStatus } from '../amqp/connection.js';
import type { Level } from '../level.js';
import type { ShedCounts } from './shed.js';

/** Counts of one publisher. `accepted` = `confirmed` + `pending` + everything in `shed`, at any moment. */
export interface PublisherStats {
  /** Records whose logging call returned. */
  readonly accepted: number;
  /** Records that the broker confirmed. */
  readonly confirmed: number;
  /** Records that are kept and not yet confirmed. */
  readonly pending: number;
  readonly pendingBytes: number;
  /** Records that were given up, by level and reason. */
  readonly shed: ShedCounts;
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
  /** Those that were not confirmed in time: counted as shed, or kept where another integration shares the connection. */
  readonly unsent: number;
}
