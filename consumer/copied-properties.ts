/**
 * Properties for a copy of a message. They keep their meaning and can always be encoded: a value that cannot be encoded
 * must not make copying fail forever. Pure.
 */
import type { MessageProperties, Options } from 'amqplib';
import { FIRST_ROUND_HEADER, ROUNDS_HEADER } from '../src/wire.js';

/** Maximum length of an AMQP short string, in bytes. */
const MAX_SHORT_BYTES = 255;

/**
 * Headers that the broker or Loghive sets, and `CC` and `BCC`, for which the broker would make one more copy per key.
 * The broker counts the deliveries of the copy from zero.
 */
const NOT_COPIED = new Set(['x-delivery-count', 'x-acquired-count', 'CC', 'BCC', ROUNDS_HEADER, FIRST_ROUND_HEADER]);

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
 * All properties except `userId`: the broker refuses that of another user and closes the channel, with all other copies
 * on it. Omits values that no longer fit their type: bytes that were not valid UTF-8 became longer when decoded.
 *
 * @param own headers of Loghive, see `nextRound()`.
 */
export function copiedProperties(properties: MessageProperties, own: Record<string, number>): Options.Publish {
  const { headers = {}, priority } = properties;
  return {
    ...texts(properties),
    ...timestampOf(properties),
    ...(typeof priority === 'number' ? { priority } : {}),
    headers: { ...encodableFields(headers, NOT_COPIED), ...own },
  };
}

/** Only the properties needed to read the body, and the given headers. */
export function minimalProperties(properties: MessageProperties, own: Record<string, unknown>): Options.Publish {
  const { contentType, contentEncoding } = texts(properties);
  const compression: unknown = properties.headers?.compression;
  return {
    ...(contentType === undefined ? {} : { contentType }),
    ...(contentEncoding === undefined ? {} : { contentEncoding }),
    ...timestampOf(properties),
    headers: { ...(isShort(compression) ? { compression } : {}), ...own },
  };
}

/** A record of the Python package needs the timestamp of its message to determine its time zone. */
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

/** The fields that amqplib can encode, except those named in `leftOut`. */
export function encodableFields(fields: object, leftOut?: ReadonlySet<string>): Record<string, unknown> {
  const encodable: Record<string, unknown> = Object.create(null);
  for (const [name, value] of Object.entries(fields)) {
    if (isShort(name) && !leftOut?.has(name)) encodable[name] = encodableValue(value);
  }
  return encodable;
}

/**
 * amqplib guesses the type of a number, and fails for a non-integer that looks like a 64-bit integer. RabbitMQ closes
 * the connection over a double that is not finite (541, INTERNAL_ERROR; seen with 3.10.8), so that becomes a string.
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

/** The two AMQP types without a JavaScript counterpart, as amqplib decodes them. */
function isTyped(value: object): boolean {
  const { '!': type } = value as { '!'?: unknown };
  return type === 'timestamp' || type === 'decimal';
}

/**
 * Frame, class, body size, flags; timestamp, delivery mode, priority; and the `messageId` generated for a message
 * without one.
 */
const FIXED_BYTES = 64;
/** Type and length of a variable-length value. */
const LENGTH_BYTES = 5;
/** The largest fixed-length value: a type and eight bytes. */
const NUMBER_BYTES = 9;

/**
 * Upper bound of the encoded size of the properties, in bytes. They must fit into one frame: the broker closes the
 * connection over a frame above the negotiated size.
 */
export function headerFrameBytes(properties: Options.Publish): number {
  const { headers, ...others } = properties;
  const texts = Object.values(others).filter((value) => typeof value === 'string');
  const bytes = texts.reduce((sum, text) => sum + 1 + Buffer.byteLength(text), FIXED_BYTES);
  return bytes + valueBytes(headers ?? {});
}

function valueBytes(value: unknown): number {
  if (typeof value === 'string') return LENGTH_BYTES + Buffer.byteLength(value);
  if (typeof value !== 'object' || value === null) return NUMBER_BYTES;
  if (Buffer.isBuffer(value)) return LENGTH_BYTES + value.length;
  if (Array.isArray(value)) return value.reduce((sum: number, each) => sum + valueBytes(each), LENGTH_BYTES);
  let bytes = LENGTH_BYTES;
  for (const [name, each] of Object.entries(value)) bytes += 1 + Buffer.byteLength(name) + valueBytes(each);
  return bytes;
}
