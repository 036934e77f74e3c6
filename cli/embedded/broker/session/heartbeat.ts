/** Heartbeats: says something when nothing else was said, and notices a peer that says nothing. */

/** Looked at twice in the confirmOrThrow time; a peer is given that time two times over, as RabbitMQ does. */
const LOOKS_A_HEARTBEAT = 2;
const SILENT_LOOKS = 4;

export interface HeartbeatOptions {
  readonly intervalMs: number;
  /** Said anything since it was asked last? */
  spoke(): boolean;
  beat(): void;
  /** Nobody reads what the peer says now, so its silence means nothing. */
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

  /** The peer gave a sign of life. */
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
