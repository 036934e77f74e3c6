/**
 * The properties of a message that is published anew, so that they say what they said before and can be encoded in any
 * case: what cannot be written again must not make copying fail for ever. Pure.
 */
import type { MessageProperties, Options } from 'amqplib';
import { ROUNDS_HEADER } from '../src/wire.js';

/** An AMQP short string has its length in one byte. */
const MAX_SHORT_BYTES = 255;

/**
 * What the broker or we set ourselves, and what would change where the copy goes: for `CC` and `BCC` the broker makes
 * further copies, one for each key. It counts the deliveries of the copy anew.
 */
const NOT_COPIED = new Set(['x-delivery-count', 'x-acquired-count', 'CC', 'BCC', ROUNDS_HEADER]);

const TEXTS = [
  'contentType',
  'contentEncoding',
  'correlationId',
  'replyTo',
  'expiration',
  'messageId',
  'type',
  'appId',
] as const;

/**
 * Everything but `userId`: the broker refuses that of another user, and closes the channel with all other copies on it.
 * What does not fit its type any more is left out: bytes that were no UTF-8 became longer when they were read.
 *
 * @param rounds how often the message was published anew, this time included.
 */
export function copiedProperties(properties: MessageProperties, rounds: number): Options.Publish {
  const { headers = {}, priority } = properties;
  return {
    ...texts(properties),
    ...timestampOf(properties),
    ...(typeof priority === 'number' ? { priority } : {}),
    headers: { ...encodableFields(headers, NOT_COPIED), [ROUNDS_HEADER]: rounds },
  };
}

/** What a reader needs of them, and headers of our own. */
export function leastProperties(properties: MessageProperties, own: Record<string, unknown>): Options.Publish {
  const { contentType, contentEncoding } = texts(properties);
  const compression: unknown = properties.headers?.compression;
  return {
    ...(contentType === undefined ? {} : { contentType }),
    ...(contentEncoding === undefined ? {} : { contentEncoding }),
    ...timestampOf(properties),
    headers: { ...(isShort(compression) ? { compression } : {}), ...own },
  };
}

/** A record in the Python form needs the timestamp of its message to know its time zone. */
export function timestampOf({ timestamp }: MessageProperties): { timestamp?: number } {
  return Number.isSafeInteger(timestamp) && timestamp >= 0 ? { timestamp } : {};
}

type Texts = { -readonly [K in (typeof TEXTS)[number]]?: string };

function texts(properties: MessageProperties): Texts {
  const found: Texts = {};
  for (const name of TEXTS) {
    const text: unknown = properties[name];
    if (isShort(text)) found[name] = text;
  }
  return found;
}

function isShort(text: unknown): text is string {
  return typeof text === 'string' && Buffer.byteLength(text) <= MAX_SHORT_BYTES;
}

/** Whatever amqplib can write; `leftOut` holds names. */
export function encodableFields(fields: object, leftOut?: ReadonlySet<string>): Record<string, unknown> {
  const encodable: Record<string, unknown> = Object.create(null);
  for (const [name, value] of Object.entries(fields)) {
    if (isShort(name) && !leftOut?.has(name)) encodable[name] = encodableValue(value);
  }
  return encodable;
}

/**
 * amqplib guesses the type of a number, and fails for one that is no integer of 64 bits but looks like one. RabbitMQ ends
 * the connection over a double that is not finite (541, INTERNAL_ERROR; seen with 3.10.8), so that becomes a text.
 */
function encodableValue(value: unknown): unknown {
  if (typeof value === 'bigint') return { '!': 'long', value };
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) return String(value);
    return Number.isSafeInteger(value) ? value : { '!': 'double', value };
  }
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value;
  if (Array.isArray(value)) return value.map(encodableValue);
  return isTyped(value) ? value : encodableFields(value);
}

/** The two types that have no counterpart in JavaScript, as they are read. */
function isTyped(value: object): boolean {
  const { '!': type } = value as { '!'?: unknown };
  return type === 'timestamp' || type === 'decimal';
}
