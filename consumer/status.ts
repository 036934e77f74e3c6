/** What a consumer says of itself. */
import type { ConnectionStatus } from '../src/amqp/connection.js';

export type ConsumerState = 'created' | 'preparing' | 'running' | 'paused' | 'stopping' | 'stopped';

/** Numbers since the start. */
export interface ConsumerCounts {
  /** Records that were committed. */
  readonly stored: number;
  /** Records that were in the table already. */
  readonly duplicates: number;
  /** Records that the broker confirmed in a delay queue. */
  readonly retried: number;
  /** Records that went into `dead_letters`. */
  readonly deadLetters: number;
  /** Messages that the broker had handed out before. */
  readonly redelivered: number;
  /** Messages that were republished because they had come back too often. */
  readonly rounds: number;
  /** Batches that were committed. */
  readonly batches: number;
  /** How often storage was paused. */
  readonly pauses: number;
}

export type MutableCounts = { -readonly [K in keyof ConsumerCounts]: number };

export function noCounts(): MutableCounts {
  return { stored: 0, duplicates: 0, retried: 0, deadLetters: 0, redelivered: 0, rounds: 0, batches: 0, pauses: 0 };
}

/** `ok`; `degraded`: works, but a person should look; `unhealthy`: nothing is stored now. */
export type Health = 'ok' | 'degraded' | 'unhealthy';

export interface ConsumerStatus {
  readonly state: ConsumerState;
  /** Since when, in epoch milliseconds. */
  readonly sinceMs: number;
  /** Why it is paused or preparing, in words. */
  readonly reason?: string;
  readonly health: Health;
  /** Whose records are taken: those that were named, or those that were found so far. */
  readonly services: readonly string[];
  readonly broker: ConnectionStatus;
  /** The connection that retries are published on. */
  readonly publishing: ConnectionStatus;
  /** Messages that were taken and are not acknowledged. */
  readonly inHand: number;
  readonly counts: ConsumerCounts;
  /** What a person should know: exchanges and queues with other arguments, missing permissions, messages that wait because their retry cannot be published. */
  readonly notices: readonly string[];
}

/** Pure. */
export function healthOf(status: Pick<ConsumerStatus, 'state' | 'broker' | 'notices'>): Health {
  if (status.state !== 'running' || status.broker.state !== 'ready') return 'unhealthy';
  return status.notices.length > 0 ? 'degraded' : 'ok';
}
