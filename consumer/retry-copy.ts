/** Builds the message that retries a record later. Pure. */
import type { OutgoingMessage } from '../src/amqp/publish-channel.js';
import { RECORD_CONTENT_TYPE } from '../src/frame.js';
import { ATTEMPT_HEADER, ORIGIN_HEADER } from '../src/wire.js';
import { leastProperties, timestampOf } from './copied-properties.js';
import type { ParsedDelivery } from './parse-delivery.js';

export type RetryCopy = Pick<OutgoingMessage, 'body' | 'properties'>;

/**
 * The message as delivered, if it contains only this record: decompressed and in UTF-8 it may be far larger than the
 * broker accepts.
 */
export function retryCopy(delivery: ParsedDelivery, raw: Buffer): RetryCopy {
  const { content, properties } = delivery.message;
  const headers = { [ATTEMPT_HEADER]: delivery.attempt + 1, [ORIGIN_HEADER]: delivery.origin };
  const whole = leastProperties(properties, headers);
  const { contentType, contentEncoding } = properties;
  // A property that cannot be encoded is omitted, which would change how the body is read.
  const isReadTheSame = whole.contentType === contentType && whole.contentEncoding === contentEncoding;
  if (delivery.records === 1 && isReadTheSame) return { body: content, properties: whole };
  return { body: raw, properties: { ...timestampOf(properties), contentType: RECORD_CONTENT_TYPE, headers } };
}
