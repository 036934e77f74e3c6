/** What is published of a dead letter that is to be tried anew, and where. Pure. */
import type { Options } from 'amqplib';
import type { OutgoingMessage } from '../src/amqp/publish-channel.js';
import { RECORD_CONTENT_TYPE } from '../src/frame.js';
import { LEVELS } from '../src/level.js';
import { FAILURE_QUEUE, queueName, SERVICES_QUEUE } from '../src/wire.js';
import { encodableFields } from './copied-properties.js';
import { CONTENT_ENCODING_HEADER, CONTENT_TYPE_HEADER, TIMESTAMP_HEADER } from './dead-letter.js';
import { headerFrameBytes } from './header-size.js';
import type { StoredDeadLetter } from './store/index.js';

const LOG_QUEUES = LEVELS.map((level) => queueName('', level));

/**
 * Whether a queue is one that consumers of Loghive take from. Where a letter comes from was once in a header that any
 * publisher could write: it must not lead into the queue of another application.
 */
export function isOwnQueue(queue: string): boolean {
  return queue === FAILURE_QUEUE || queue === SERVICES_QUEUE || LOG_QUEUES.some((end) => queue.endsWith(end));
}

/** What a header may not say of the copy: what we or the broker said of the message before. */
const NOT_COPIED = /^(?:x-loghive-|x-death$|x-(?:first|last)-death-|x-delivery-count$|x-acquired-count$|CC$|BCC$)/;

/**
 * The same bytes, read in the same way, into the queue that they were first taken from. Through the default exchange: the
 * routing key of a letter may be that of the retries, or one that is bound to nothing any more. Its attempts begin anew.
 *
 * @param frameMax the largest frame that the broker takes, in bytes: headers that do not fit are left out.
 */
export function replayCopy({ queue, raw, headers }: StoredDeadLetter, frameMax: number): OutgoingMessage {
  const own = encodableFields(headers) as Record<string, unknown>;
  const others = Object.fromEntries(Object.entries(own).filter(([name]) => !NOT_COPIED.test(name)));
  const contentType = textOf(headers[CONTENT_TYPE_HEADER]) ?? RECORD_CONTENT_TYPE;
  const contentEncoding = textOf(headers[CONTENT_ENCODING_HEADER]);
  const timestamp = headers[TIMESTAMP_HEADER];
  const properties = (kept: Record<string, unknown>): Options.Publish => ({
    contentType,
    ...(contentEncoding === undefined ? {} : { contentEncoding }),
    ...(Number.isSafeInteger(timestamp) && (timestamp as number) >= 0 ? { timestamp: timestamp as number } : {}),
    headers: kept,
  });
  const all = properties(others);
  const { compression } = others;
  const least = typeof compression === 'string' && compression.length < 256 ? { compression } : {};
  return {
    exchange: '',
    routingKey: queue,
    body: raw,
    properties: headerFrameBytes(all) <= frameMax ? all : properties(least),
  };
}

/** An AMQP short string. */
function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && Buffer.byteLength(value) <= 255 ? value : undefined;
}
