/** Builds the message that replays a dead letter. Pure. */
import type { Options } from 'amqplib';
import type { OutgoingMessage } from '../src/amqp/publish-channel.js';
import { RECORD_CONTENT_TYPE } from '../src/frame.js';
import { LEVELS } from '../src/level.js';
import { FAILURE_QUEUE, queueName, SERVICES_QUEUE } from '../src/wire.js';
import { encodableFields, headerFrameBytes } from './copied-properties.js';
import { CONTENT_ENCODING_HEADER, CONTENT_TYPE_HEADER, TIMESTAMP_HEADER } from './dead-letter.js';
import type { StoredDeadLetter } from './store/index.js';

const LOG_QUEUES = LEVELS.map((level) => queueName('', level));

/**
 * Whether Loghive's consumers consume from the queue. The origin of a dead letter comes from a header that any
 * publisher could write, so it must not lead to a queue of another application.
 */
export function isOwnQueue(queue: string): boolean {
  return queue === FAILURE_QUEUE || queue === SERVICES_QUEUE || LOG_QUEUES.some((end) => queue.endsWith(end));
}

/** Headers that are not copied: Loghive or the broker set them for the earlier message. */
const NOT_COPIED = /^(?:x-loghive-|x-death$|x-(?:first|last)-death-|x-delivery-count$|x-acquired-count$|CC$|BCC$)/;

/**
 * The same bytes, with the properties needed to read them, for the queue from which they were first consumed. Uses the
 * default exchange, because the routing key of a dead letter may be that of retries, or no longer bound. Attempts start
 * from zero.
 *
 * @param frameMax largest frame that the broker accepts, in bytes. Headers that do not fit are left out.
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
  const minimal = typeof compression === 'string' && compression.length < 256 ? { compression } : {};
  return {
    exchange: '',
    routingKey: queue,
    body: raw,
    properties: headerFrameBytes(all) <= frameMax ? all : properties(minimal),
  };
}

/** Returns the value if it is an AMQP short string. */
function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && Buffer.byteLength(value) <= 255 ? value : undefined;
}
