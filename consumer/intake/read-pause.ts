/**
 * Keeps unacknowledged messages within a budget in bytes. AMQP has no prefetch in bytes, and messages in flight still
 * arrive when messages become larger. Above the budget the socket is not read, so TCP backpressure stops the broker.
 */
import type { OpenConnection } from '../../src/amqp/open-connection.js';

/** Used instead of the heartbeat interval if heartbeats are off, in milliseconds. */
const LONGEST_MS = 60_000;

export class ReadPause {
  readonly #openConnection: OpenConnection;
  readonly #budgetBytes: number;
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(connection: OpenConnection, budgetBytes: number) {
    this.#openConnection = connection;
    this.#budgetBytes = budgetBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  delivered(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes <= this.#budgetBytes || this.#timer) return;
    this.#openConnection.pauseReading();
    // The broker's heartbeats are not read either, and without them the connection would be considered dead.
    this.#timer = setTimeout(() => this.release(), (this.#openConnection.heartbeatMs || LONGEST_MS) / 2);
  }

  finished(bytes: number): void {
    this.#bytes -= bytes;
    if (this.#bytes <= this.#budgetBytes) this.release();
  }

  /** Resumes reading until the budget is exceeded again. */
  release(): void {
    if (!this.#timer) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#openConnection.resumeReading();
  }
}
