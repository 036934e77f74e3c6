/** Builds the dead letter of a message, or of one line of a frame, that cannot be stored. Pure. */
import type { MessageProperties } from 'amqplib';
import { FRAME_CONTENT_TYPE } from '../src/frame.js';
import { timestampOf } from './copied-properties.js';
import type { Delivery } from './delivery.js';
import type { DeadLetter } from './store/index.js';

/**
 * Added to the message's headers, because they determine how the bytes are read. No publisher's header has such a name.
 */
export const CONTENT_TYPE_HEADER = 'x-loghive-content-type';
export const CONTENT_ENCODING_HEADER = 'x-loghive-content-encoding';
/** The AMQP property `timestamp`: a record of the Python package needs it to determine its time zone. */
export const TIMESTAMP_HEADER = 'x-loghive-timestamp';

type About = Omit<DeadLetter, 'raw' | 'queue' | 'routingKey' | 'headers'>;

/** One or more lines of a frame, in UTF-8. */
export interface Part {
  readonly raw: Buffer;
  readonly isFrame: boolean;
}

/** @param part undefined: the whole message, as it was delivered, with the headers needed to read it. */
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

/** Without kombu's `compression` header: the part is decompressed. */
function headersOfPart({ headers }: MessageProperties, { isFrame }: Part): Record<string, unknown> {
  const { compression: _, ...others } = (headers ?? {}) as Record<string, unknown>;
  return isFrame ? { ...others, [CONTENT_TYPE_HEADER]: FRAME_CONTENT_TYPE } : others;
}

function timestampHeader(properties: MessageProperties): Record<string, unknown> {
  const { timestamp } = timestampOf(properties);
  return timestamp === undefined ? {} : { [TIMESTAMP_HEADER]: timestamp };
}
