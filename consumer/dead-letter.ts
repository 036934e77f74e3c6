/** What is kept of a message, or of one line of a frame, that cannot be stored. Pure. */
import type { MessageProperties } from 'amqplib';
import { FRAME_CONTENT_TYPE } from '../src/frame.js';
import { timestampOf } from './copied-properties.js';
import type { Delivery } from './delivery.js';
import type { DeadLetter } from './store/index.js';

/**
 * Beside the message's own headers, for nothing else says how the bytes are to be read. No publisher's header has such a
 * name.
 */
export const CONTENT_TYPE_HEADER = 'x-loghive-content-type';
export const CONTENT_ENCODING_HEADER = 'x-loghive-content-encoding';
/** The AMQP property of that name: a record in the Python form needs it to know its time zone. */
export const TIMESTAMP_HEADER = 'x-loghive-timestamp';

type About = Omit<DeadLetter, 'raw' | 'queue' | 'routingKey' | 'headers'>;

/** One line of a frame, in UTF-8, or several lines. */
export interface Part {
  readonly raw: Buffer;
  readonly isFrame: boolean;
}

/** @param part undefined: the message is kept as it was delivered, with what it says of its bytes. */
export function deadLetterOf({ message, origin }: Delivery, part: Part | undefined, about: About): DeadLetter {
  const { content, fields, properties } = message;
  return {
    ...about,
    raw: part?.raw ?? content,
    queue: origin,
    routingKey: fields.routingKey,
    headers: {
      ...(part ? headersOfPart(properties, part) : headersOfWhole(properties)),
      ...timestampHeader(properties),
    },
  };
}

function headersOfWhole({ headers, contentType, contentEncoding }: MessageProperties): Record<string, unknown> {
  return {
    ...headers,
    ...(contentType === undefined ? {} : { [CONTENT_TYPE_HEADER]: contentType }),
    ...(contentEncoding === undefined ? {} : { [CONTENT_ENCODING_HEADER]: contentEncoding }),
  };
}

/** The compression that kombu's header names is undone. */
function headersOfPart({ headers }: MessageProperties, { isFrame }: Part): Record<string, unknown> {
  const { compression: _, ...others } = (headers ?? {}) as Record<string, unknown>;
  return isFrame ? { ...others, [CONTENT_TYPE_HEADER]: FRAME_CONTENT_TYPE } : others;
}

function timestampHeader(properties: MessageProperties): Record<string, unknown> {
  const { timestamp } = timestampOf(properties);
  return timestamp === undefined ? {} : { [TIMESTAMP_HEADER]: timestamp };
}
