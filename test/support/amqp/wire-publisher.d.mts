/** Why the broker closed the channel or the connection; code 0: the connection was lost. */
export interface Closed {
  code: number;
  text: string;
}

export interface WireMessage {
  /** Default: the default exchange. */
  exchange?: string;
  routingKey: string;
  /** See propertyBytes(). */
  properties: Buffer;
  body: Buffer;
  mandatory?: boolean;
}

export interface WirePublisher {
  /** Undefined while it is open. */
  readonly closed: Closed | undefined;
  /** Resolves when the broker has confirmed or nacked the message, or has closed the connection before. */
  publish(message: WireMessage): Promise<'confirmed' | 'nacked' | Closed>;
  close(): Promise<void>;
  destroy(): void;
}

/** Opens a connection with one confirm channel. It accepts any bytes as message properties. */
export function openWirePublisher(url: string): Promise<WirePublisher>;
