/**
 * Keeps what is in hand within a budget of bytes. AMQP knows no prefetch in bytes, and what is on its way when messages
 * become larger comes in any case: beyond the budget the socket is not read, and TCP makes the broker wait.
 */
import type { OpenConnection } from '../../src/amqp/open-connection.js';

/** Where no heartbeats were agreed on. */
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
    // The broker's heartbeats wait as well, and without them the connection would count as dead.
    this.#timer = setTimeout(() => this.release(), (this.#openConnection.heartbeatMs || LONGEST_MS) / 2);
  }

  finished(bytes: number): void {
    this.#bytes -= bytes;
    if (this.#bytes <= this.#budgetBytes) this.release();
  }

  /** Reads again, until the next message that is too much. */
  release(): void {
    if (!this.#timer) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#openConnection.resumeReading();
  }
}
