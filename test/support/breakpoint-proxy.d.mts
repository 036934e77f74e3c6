export interface Protocol {
  /** The URL with settings under which messages can be parsed. */
  plain(url: URL): URL;
  /** Creates the readers of a new connection. */
  readers(): { client: Reader; server: Reader };
}

/** Reads the first message of the bytes; undefined if it is incomplete. */
export type Reader = (bytes: Buffer) => { size: number; message: Message } | undefined;

export interface Message {
  /** AMQP: `basic.publish`, `basic.ack` or `queue.delete-ok`; undefined for other methods. */
  method?: string | undefined;
  /** AMQP: the exchange of basic.publish. */
  exchange?: string;
  /** PostgreSQL: the message type letter. */
  type?: string;
  /** PostgreSQL: the statement, or the command tag of a completed one. */
  text?: string | undefined;
  /** PostgreSQL: the previous statement or tag on the same connection. */
  previous?: string | undefined;
  /** PostgreSQL: the client's application_name. */
  application?: string | undefined;
}

export interface Breakpoint {
  /** The sender of the message. */
  from: 'client' | 'server';
  is(message: Message): boolean;
  /** Stops at the nth matching message over all connections. Default 1. */
  nth?: number;
}

export interface BreakpointProxy {
  /** The same URL, routed through the proxy. */
  url(of: string): string;
  /**
   * Resolves when a connection has stopped at such a message: everything before it has been forwarded; it and the
   * following data never will be. Other connections continue. Breakpoints apply in the order of the calls.
   */
  stopAt(breakpoint: Breakpoint): Promise<Message>;
  /** Closes all connections. */
  stop(): Promise<void>;
}

/** A TCP proxy on loopback that parses a protocol's messages, so that a process can be killed at an exact point. */
export function startBreakpointProxy(options: {
  target: { host: string; port: number };
  protocol: Protocol;
}): Promise<BreakpointProxy>;

export const AMQP: Protocol;
export const POSTGRES: Protocol;
