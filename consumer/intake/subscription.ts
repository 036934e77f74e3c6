/** State of one subscribed queue of a channel. */
import type { QueueDeclaration } from '../../src/wire.js';
import { FLOOR, type QueueLoad } from './prefetch.js';

export class Subscription {
  readonly declaration: QueueDeclaration;
  /** The queue is of level ERROR or CRITICAL, or the retry queue. */
  readonly severe: boolean;
  prefetch = FLOOR;
  /** The consumer tag; undefined while not subscribed. */
  consumerTag: string | undefined;
  /** Increases with each subscription, to recognize callbacks of an earlier one. */
  generation = 0;
  /** It is being renewed with another prefetch. */
  renewing = false;
  /** The broker canceled it, which was logged, and it has not been renewed yet. */
  isInterrupted = false;
  /** How often the broker canceled it since the last message. */
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

  /** Number of unacknowledged messages. */
  get outstanding(): number {
    return this.#outstanding;
  }

  get isBusy(): boolean {
    return this.#outstanding > 0;
  }

  get load(): QueueLoad {
    // The mean adapts slowly when messages become larger; unacknowledged ones show it immediately.
    const current = this.#outstandingBytes / Math.max(1, this.#outstanding);
    return {
      prefetch: this.prefetch,
      outstanding: this.#outstanding,
      outstandingBytes: this.#outstandingBytes,
      meanBytes: Math.max(this.#meanBytes, current),
      meanRecords: this.#meanRecords,
      severe: this.severe,
    };
  }

  /** Mean size of a message in bytes, without properties: what the broker counts against a limit. */
  get meanBodyBytes(): number {
    return this.#meanBodyBytes;
  }

  /** @param bodyBytes size of the body, without properties. */
  delivered(bytes: number, bodyBytes: number): void {
    this.failures = 0;
    this.#outstanding++;
    this.#outstandingBytes += bytes;
    this.#peak = Math.max(this.#peak, this.#outstanding);
    this.#meanBytes = smoothed(this.#meanBytes, bytes);
    this.#meanBodyBytes = smoothed(this.#meanBodyBytes, bodyBytes);
  }

  /** Reports the number of records in a message. */
  counted(records: number): void {
    this.#meanRecords = smoothed(this.#meanRecords, records);
  }

  finished(bytes: number): void {
    this.#outstanding--;
    this.#outstandingBytes -= bytes;
  }

  /** The highest number of unacknowledged messages since the last call. */
  takePeak(): number {
    const peak = this.#peak;
    this.#peak = this.#outstanding;
    return peak;
  }
}

/** Moving average over about the last sixteen values. The first value counts in full. */
function smoothed(mean: number, value: number): number {
  return mean === 0 ? value : mean + (value - mean) / 16;
}
