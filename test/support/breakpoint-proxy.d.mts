export interface Protocol {
  /** The URL with which messages can be told apart. */
  plain(url: URL): URL;
  /** Of a new connection. */
  readers(): { client: Reader; server: Reader };
}

/** Reads the first message of the bytes; undefined where it is not all there. */
export type Reader = (bytes: Buffer) => { size: number; message: Message } | undefined;

export interface Message {
  /** AMQP: `basic.publish`, `basic.ack` and `queue.delete-ok`, other methods have none. */
  method?: string | undefined;
  /** AMQP: of basic.publish. */
  exchange?: string;
  /** PostgreSQL: the letter. */
  type?: string;
  /** PostgreSQL: the statement, or the tag of one that is complete. */
  text?: string | undefined;
  /** PostgreSQL: the statement or tag before it on the same connection. */
  previous?: string | undefined;
  /** PostgreSQL: what the client calls itself. */
  application?: string | undefined;
}

export interface Place {
  /** Who says it. */
  from: 'client' | 'server';
  is(message: Message): boolean;
  /** The how manieth such message, over all connections. Default 1. */
  nth?: number;
}

export interface BreakpointProxy {
  /** The same URL, routed through the proxy. */
  url(of: string): string;
  /**
   * Resolves when a connection stands at such a message: all before it has been passed on, it and what follows never will
   * be. The other connections go on. Places are reached in the order in which they were asked for.
   */
  stopAt(place: Place): Promise<Message>;
  /** Ends all connections. */
  stop(): Promise<void>;
}

/** A TCP proxy on loopback that knows the messages of a protocol, so that a process can be killed at an exact place. */
export function startBreakpointProxy(options: {
  target: { host: string; port: number };
  protocol: Protocol;
}): Promise<BreakpointProxy>;

export const AMQP: Protocol;
export const POSTGRES: Protocol;
