export interface TcpProxy {
  host: string;
  port: number;
  /** The same URL, routed through the proxy. */
  url(of: string): string;
  /** Number of open connections. */
  readonly connections: number;
  /** Number of connections accepted since the start. */
  readonly accepted: number;
  /** Bytes forwarded so far, in both directions. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** Sends a FIN to both sides of every connection. Resolves when they are closed. New connections are accepted. */
  cut(): Promise<void>;
  /** Sends a RST to both sides of every connection. New connections are accepted. */
  reset(): Promise<void>;
  /**
   * Connections stay open, but nothing is read or forwarded any more. New connections are accepted and wait until
   * heal().
   */
  halfOpen(): void;
  /** Delays every chunk in both directions. */
  delay(ms: number): void;
  /**
   * Limits the rate of each direction ('up' is client to target). The kernel's socket buffers come on top: some MiB a
   * socket.
   */
  throttle(bytesPerSecond: number, options?: { direction?: 'both' | 'up' | 'down' }): void;
  /** Stops listening. Existing connections stay open. */
  refuse(): Promise<void>;
  /**
   * Ends all faults for new and waiting connections. Connections frozen by halfOpen() stay dead, as if the peer had
   * vanished; with `resume` they continue where they stopped, including the data sent meanwhile.
   */
  heal(options?: { resume?: boolean }): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a TCP proxy on a free port of 127.0.0.1. */
export function startProxy(options: { target: { host: string; port: number } }): Promise<TcpProxy>;
