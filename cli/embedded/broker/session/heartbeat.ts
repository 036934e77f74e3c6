/** Sends heartbeats on an idle connection, and detects a client that has gone silent. */

/** Checks twice per negotiated interval. A client is dead after two silent intervals, as in RabbitMQ. */
const CHECKS_PER_INTERVAL = 2;
const MAX_SILENT_CHECKS = 4;

export interface HeartbeatOptions {
  readonly intervalMs: number;
  /** Whether anything was sent since the last call. */
  hasSent(): boolean;
  send(): void;
  /** Whether reading is paused; silence then means nothing. */
  isReadingPaused(): boolean;
  onTimeout(): void;
}

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #timer: NodeJS.Timeout;
  #silentChecks = 0;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#check(), options.intervalMs / CHECKS_PER_INTERVAL).unref();
  }

  /** Something was received. */
  received(): void {
    this.#silentChecks = 0;
  }

  #check(): void {
    const { hasSent, send, isReadingPaused, onTimeout } = this.#options;
    if (!hasSent()) send();
    if (isReadingPaused()) this.#silentChecks = 0;
    else if (++this.#silentChecks > MAX_SILENT_CHECKS) onTimeout();
  }

  end(): void {
    clearInterval(this.#timer);
  }
}
