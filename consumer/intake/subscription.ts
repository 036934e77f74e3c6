/** What a session knows of one queue that it takes messages from. */
import type { QueueDeclaration } from '../../src/wire.js';
import { FLOOR, type QueueLoad } from './prefetch.js';

export class Subscription {
  readonly declaration: QueueDeclaration;
  /** Of level ERROR or CRITICAL, or the retry queue. */
  readonly severe: boolean;
  prefetch = FLOOR;
  /** The broker's name for the subscription; undefined while there is none. */
  consumerTag: string | undefined;
  /** Grows with each subscription, so that what the broker says of an older one is told apart. */
  generation = 0;
  /** It is being subscribed to again with another prefetch. */
  renewing = false;
  /** The broker ended it, which was logged, and it has not been renewed yet. */
  isInterrupted = false;
  /** How often the broker ended it since a message came. */
  failures = 0;
  #outstanding = 0;
  #outstandingBytes = 0;
  #peak = 0;
  #meanBytes = 0;
  #meanBodyBytes = 0;
  #meanRecords = 0;

  constructor(declaration: QueueDeclaration, severe: boolean) {
    this.declaration = declaration;
    this.severe = severe;
  }

  get queue(): string {
    return this.declaration.queue;
  }

  /** Messages that are delivered and not acknowledged. */
  get outstanding(): number {
    return this.#outstanding;
  }

  get isBusy(): boolean {
    return this.#outstanding > 0;
  }

  get load(): QueueLoad {
    // A mean follows slowly when messages become larger; what is in hand shows it at once.
    const inHand = this.#outstandingBytes / Math.max(1, this.#outstanding);
    return {
      prefetch: this.prefetch,
      outstanding: this.#outstanding,
      outstandingBytes: this.#outstandingBytes,
      meanBytes: Math.max(this.#meanBytes, inHand),
      meanRecords: this.#meanRecords,
      severe: this.severe,
    };
  }

  /** Bytes a message, without properties: what the broker counts against a limit. */
  get meanBodyBytes(): number {
    return this.#meanBodyBytes;
  }

  /** @param bodyBytes of it without properties. */
  delivered(bytes: number, bodyBytes: number): void {
    this.failures = 0;
    this.#outstanding++;
    this.#outstandingBytes += bytes;
    this.#peak = Math.max(this.#peak, this.#outstanding);
    this.#meanBytes = smoothed(this.#meanBytes, bytes);
    this.#meanBodyBytes = smoothed(this.#meanBodyBytes, bodyBytes);
  }

  /** How many records the message was found to hold. */
  counted(records: number): void {
    this.#meanRecords = smoothed(this.#meanRecords, records);
  }

  finished(bytes: number): void {
    this.#outstanding--;
    this.#outstandingBytes -= bytes;
  }

  /** The most messages that were outstanding since this was asked last. */
  takePeak(): number {
    const peak = this.#peak;
    this.#peak = this.#outstanding;
    return peak;
  }
}

/** A mean over about the last sixteen; the first value counts whole. */
function smoothed(mean: number, value: number): number {
  return mean === 0 ? value : mean + (value - mean) / 16;
}
