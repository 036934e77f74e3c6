/** What is published of a record that is to be tried again later. Pure. */
import type { OutgoingMessage } from '../src/amqp/publish-channel.js';
import { RECORD_CONTENT_TYPE } from '../src/frame.js';
import { ATTEMPT_HEADER, ORIGIN_HEADER } from '../src/wire.js';
import { leastProperties, timestampOf } from './copied-properties.js';
import type { ParsedDelivery } from './parse-delivery.js';

export type RetryCopy = Pick<OutgoingMessage, 'body' | 'properties'>;

/**
 * The whole message as it came, where it holds nothing else: in UTF-8 and with its compression undone it may be far larger
 * than what the broker took.
 */
export function retryCopy(delivery: ParsedDelivery, raw: Buffer): RetryCopy {
  const { content, properties } = delivery.message;
  const headers = { [ATTEMPT_HEADER]: delivery.attempt + 1, [ORIGIN_HEADER]: delivery.origin };
  const whole = leastProperties(properties, headers);
  const { contentType, contentEncoding } = properties;
  // A text that cannot be written again is left out, and without it the body would be read in another way.
  const isReadTheSame = whole.contentType === contentType && whole.contentEncoding === contentEncoding;
  if (delivery.records === 1 && isReadTheSame) return { body: content, properties: whole };
  return { body: raw, properties: { ...timestampOf(properties), contentType: RECORD_CONTENT_TYPE, headers } };
}
