/** How large the properties of a message become on their way: they must fit into one frame. Pure. */
import type { Options } from 'amqplib';

/** Frame, class, body size, flags; timestamp, delivery mode, priority; and the name of a message that has none. */
const FIXED_BYTES = 64;
/** Of any value with a length of its own: type and length. */
const LENGTH_BYTES = 5;
/** The largest of all others: a type, and eight bytes. */
const NUMBER_BYTES = 9;

/** At most so many bytes. A frame that is larger than agreed makes the broker end the connection. */
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
