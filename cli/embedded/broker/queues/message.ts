/** A message as it lies in queues: it may lie in several of them and is kept once. */
import type { Properties } from '../wire/properties.js';

export interface Message {
  readonly exchange: string;
  readonly routingKey: string;
  readonly properties: Properties;
  readonly body: Buffer;
  /** How many queues hold it, ready or unacknowledged. Only MemoryAccount changes it. */
  holders: number;
}

/** What a message takes besides its bytes, about. */
const OVERHEAD_BYTES = 400;

function bytesOf({ properties, body }: Message): number {
  return properties.raw.length + body.length + OVERHEAD_BYTES;
}

/** Above the limit publishers are blocked, until a tenth of it is free again. */
const RELIEF = 0.9;

/** Counts the memory that all messages take. */
export class MemoryAccount {
  readonly #limitBytes: number;
  readonly #onChange: () => void;
  #usedBytes = 0;
  #isFull = false;

  /** @param onChange is called when it becomes full, and when it is no longer */
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

  /** A queue takes it. */
  hold(message: Message): void {
    if (message.holders++ > 0) return;
    this.#usedBytes += bytesOf(message);
    if (!this.#isFull && this.#usedBytes > this.#limitBytes) this.#turn(true);
  }

  /** A queue is rid of it. */
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

/** What became of messages besides being delivered once: how a test knows that a fault has bitten, and that nothing was thrown away. */
export interface MessageCounts {
  /** Deliveries of a message that was delivered before. */
  redelivered: number;
  /** Mandatory ones that no queue was there for. */
  returned: number;
  /** Others that no queue was there for. */
  unroutable: number;
  /** Taken out of a queue that was too long, dead-lettered or not. */
  overLength: number;
  /** Given back too often, dead-lettered or not. */
  overDeliveryLimit: number;
}

export function noMessageCounts(): MessageCounts {
  return { redelivered: 0, returned: 0, unroutable: 0, overLength: 0, overDeliveryLimit: 0 };
}
