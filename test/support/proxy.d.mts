export interface TcpProxy {
  host: string;
  port: number;
  /** The same URL, led through the proxy. */
  url(of: string): string;
  /** Open now. */
  readonly connections: number;
  /** Taken since the start. */
  readonly accepted: number;
  /** Forwarded so far, client to target and back. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** FIN to both sides of every connection; resolves when they are closed. New ones are taken. */
  cut(): Promise<void>;
  /** RST to both sides of every connection. New ones are taken. */
  reset(): Promise<void>;
  /** Connections stay open and nothing is read or forwarded any more; new ones are taken and wait until heal(). */
  halfOpen(): void;
  /** Every chunk arrives this much later, each way. */
  delay(ms: number): void;
  /** Upper bound of each way ('up' is client to target). The kernel's socket buffers come on top: some MiB a socket. */
  throttle(bytesPerSecond: number, options?: { direction?: 'both' | 'up' | 'down' }): void;
  /** Stops listening; what is connected stays. */
  refuse(): Promise<void>;
  /**
   * No fault any more for new and waiting connections. Those that halfOpen() caught stay dead, as with a peer that
   * is gone; with `resume` they go on where they stopped, what was sent meanwhile included.
   */
  heal(options?: { resume?: boolean }): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a TCP proxy on a free port of 127.0.0.1. */
export function startProxy(options: { target: { host: string; port: number } }): Promise<TcpProxy>;
