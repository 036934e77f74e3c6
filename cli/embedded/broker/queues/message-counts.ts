/** What became of messages besides being delivered once: how a test knows that a fault has bitten, and that nothing was thrown away. */
export interface MessageCounts {
  /** Deliveries of a message that was delivered before. */
  redelivered: number;
  /** Mandatory ones that no queue was there for. */
  returned: number;
  /** Others that no queue was there for. */
  unroutable: number;
  /** Taken out of a queue that was too long, dead-lettered or not. */
  overLength: number;
  /** Given back too often, dead-lettered or not. */
  overDeliveryLimit: number;
}

export function noMessageCounts(): MessageCounts {
  return { redelivered: 0, returned: 0, unroutable: 0, overLength: 0, overDeliveryLimit: 0 };
}
