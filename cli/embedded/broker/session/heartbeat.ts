/** Sends heartbeats on an idle connection, and detects a client that has gone silent. */

/** Checks twice per negotiated interval. A client is dead after two silent intervals, as in RabbitMQ. */
const LOOKS_A_HEARTBEAT = 2;
const SILENT_LOOKS = 4;

export interface HeartbeatOptions {
  readonly intervalMs: number;
  /** Whether anything was sent since the last call. */
  spoke(): boolean;
  beat(): void;
  /** Whether reading is paused; silence then means nothing. */
  isDeaf(): boolean;
  died(): void;
}

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #timer: NodeJS.Timeout;
  #silentLooks = 0;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#look(), options.intervalMs / LOOKS_A_HEARTBEAT).unref();
  }

  /** Something was received. */
  heard(): void {
    this.#silentLooks = 0;
  }

  #look(): void {
    const { spoke, beat, isDeaf, died } = this.#options;
    if (!spoke()) beat();
    if (isDeaf()) this.#silentLooks = 0;
    else if (++this.#silentLooks > SILENT_LOOKS) died();
  }

  end(): void {
    clearInterval(this.#timer);
  }
}
