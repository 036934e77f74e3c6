/** A message, stored once even if several queues hold it. */
import type { Properties } from '../wire/properties.js';

export interface Message {
  readonly exchange: string;
  readonly routingKey: string;
  readonly properties: Properties;
  readonly body: Buffer;
  /** How many queues hold it, ready or unacknowledged. Changed only by MemoryAccount. */
  holders: number;
}

/** Approximate memory per message besides its bytes. */
const OVERHEAD_BYTES = 400;

function bytesOf({ properties, body }: Message): number {
  return properties.raw.length + body.length + OVERHEAD_BYTES;
}

/** Blocked publishers resume when usage falls to this share of the limit. */
const RELIEF = 0.9;

/** Accounts for the memory used by all messages. */
export class MemoryAccount {
  readonly #limitBytes: number;
  readonly #onChange: () => void;
  #usedBytes = 0;
  #isFull = false;

  /** @param onChange called when the limit is exceeded, and when usage has fallen again. */
  constructor(limitBytes: number, onChange: () => void) {
    this.#limitBytes = limitBytes;
    this.#onChange = onChange;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  /** A queue stores the message. */
  hold(message: Message): void {
    if (message.holders++ > 0) return;
    this.#usedBytes += bytesOf(message);
    if (!this.#isFull && this.#usedBytes > this.#limitBytes) this.#turn(true);
  }

  /** A queue releases the message. */
  release(message: Message): void {
    if (--message.holders > 0) return;
    this.#usedBytes -= bytesOf(message);
    if (this.#isFull && this.#usedBytes <= this.#limitBytes * RELIEF) this.#turn(false);
  }

  #turn(isFull: boolean): void {
    this.#isFull = isFull;
    this.#onChange();
  }
}

/**
 * Counts of messages that were not simply delivered once. Tests use them to check that a fault occurred and nothing was
 * lost.
 */
export interface MessageCounts {
  /** Deliveries of messages that had been delivered before. */
  redelivered: number;
  /** Unroutable mandatory messages. */
  returned: number;
  /** Other unroutable messages. */
  unroutable: number;
  /** Removed from a queue over its length limit, dead-lettered or not. */
  overLength: number;
  /** Removed because they were requeued too often, dead-lettered or not. */
  overDeliveryLimit: number;
}

export function noMessageCounts(): MessageCounts {
  return { redelivered: 0, returned: 0, unroutable: 0, overLength: 0, overDeliveryLimit: 0 };
}
