import type { ConsumeMessage } from 'amqplib';

export const QUEUE = 'shop_info_logs';
export const FRAME = 'application/x-ndjson';

export interface Shape {
  contentType?: unknown;
  contentEncoding?: unknown;
  headers?: Record<string, unknown>;
  timestamp?: unknown;
  deliveryTag?: number;
  routingKey?: string;
}

/** A message as amqplib delivers it. */
export function messageOf(content: string | Buffer, shape: Shape = {}): ConsumeMessage {
  const { deliveryTag = 7, routingKey = 'shop.info', ...given } = shape;
  const fields = { consumerTag: 'c', deliveryTag, redelivered: false, exchange: 'logs_exchange', routingKey };
  const properties = { contentType: 'application/json', ...given };
  return { content: Buffer.from(content), fields, properties } as unknown as ConsumeMessage;
}
