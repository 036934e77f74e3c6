/** Size of the properties of a message when encoded: they must fit into one AMQP frame. Pure. */
import type { Options } from 'amqplib';

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
 * Upper bound of the encoded size, in bytes. The broker closes the connection over a frame above the negotiated size.
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
