/** Why the broker closed the channel or the connection; code 0: it was lost. */
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
  /** undefined while it is open. */
  readonly closed: Closed | undefined;
  /** Resolves when the broker has confirmed or refused it, or has closed the connection before. */
  publish(message: WireMessage): Promise<'confirmed' | 'nacked' | Closed>;
  close(): Promise<void>;
  destroy(): void;
}

/** A connection with one channel that confirms. It takes any bytes as the properties of a message. */
export function openWirePublisher(url: string): Promise<WirePublisher>;
