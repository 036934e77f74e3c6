/**
 * Decodes the content header of a message, its size and properties, so that no header can close the connection.
 *
 * Brokers forward headers that amqplib's own decoder cannot handle: an unknown type (`L`, which py-amqp writes for
 * every integer beyond 32 bits), tables nested so deep that the stack overflows, names that change the prototype.
 * amqplib throws, the connection closes, and the message is redelivered. Here a value that cannot be decoded is
 * replaced by a text that says why. Pure.
 *
 * Sources: https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf (4.2.5 and 4.2.6) and
 * https://www.rabbitmq.com/amqp-0-9-1-errata (the types of the field table).
 */

/** No real client nests tables and lists deeper than this. */
const MAX_DEPTH = 32;
/** No real client sends more values: an empty table is 5 bytes on the wire and 200 in memory. */
const MAX_VALUES = 1000;
/** Approximate memory use of a value besides its text, in bytes. */
const VALUE_BYTES = 200;

/** The properties of class basic in wire order. The first one is the highest flag bit. */
const PROPERTIES = [
  ['contentType', 'text'],
  ['contentEncoding', 'text'],
  ['headers', 'table'],
  ['deliveryMode', 'octet'],
  ['priority', 'octet'],
  ['correlationId', 'text'],
  ['replyTo', 'text'],
  ['expiration', 'text'],
  ['messageId', 'text'],
  ['timestamp', 'time'],
  ['type', 'text'],
  ['userId', 'text'],
  ['appId', 'text'],
  ['clusterId', 'text'],
] as const;

export interface ContentHeader {
  /** Bytes of the body. */
  readonly size: number;
  /** As amqplib returns them: undefined for a missing property; an empty object if there are none. */
  readonly properties: Record<string, unknown>;
  /** Approximate memory use of the properties, in bytes. */
  readonly weight: number;
}

/** @param payload of a header frame: class, weight, size, flags, properties. At least 14 bytes. */
export function readContentHeader(payload: Buffer): ContentHeader {
  const size = Number(payload.readBigUInt64BE(4));
  const count: Count = { values: 0 };
  const reader = new Reader(payload, 12, count);
  const flags = reader.unsigned(2);
  if (flags === 0) return { size, properties: {}, weight: 0 };
  const properties = undefinedProperties();
  try {
    // Another word of flags may follow; class basic does not use it.
    for (let more = flags & 1; more; more = reader.unsigned(2) & 1);
    for (const [index, [name, kind]] of PROPERTIES.entries()) {
      if (flags & (0x8000 >> index)) properties[name] = reader[kind]();
    }
  } catch (error) {
    // The remaining properties cannot be located, but the body can still be read.
    if (!(error instanceof RangeError)) throw error;
  }
  return { size, properties, weight: 2 * payload.length + count.values * VALUE_BYTES };
}

/** All properties, undefined. A literal, because building it from the list above costs two microseconds a message. */
function undefinedProperties(): Record<string, unknown> {
  return {
    contentType: undefined,
    contentEncoding: undefined,
    headers: undefined,
    deliveryMode: undefined,
    priority: undefined,
    correlationId: undefined,
    replyTo: undefined,
    expiration: undefined,
    messageId: undefined,
    timestamp: undefined,
    type: undefined,
    userId: undefined,
    appId: undefined,
    clusterId: undefined,
  } satisfies Record<(typeof PROPERTIES)[number][0], undefined>;
}

/** Number of values in all tables and lists of a message. */
interface Count {
  values: number;
}

/** Reads values sequentially. Throws a RangeError past the end. */
class Reader {
  readonly #bytes: Buffer;
  readonly #count: Count;
  #at: number;

  constructor(bytes: Buffer, at: number, count: Count) {
    this.#bytes = bytes;
    this.#at = at;
    this.#count = count;
  }

  unsigned(width: 1 | 2 | 4): number {
    return this.#bytes.readUIntBE(this.#take(width), width);
  }

  octet(): number {
    return this.unsigned(1);
  }

  text(): string {
    return this.#slice(this.unsigned(1)).toString('utf8');
  }

  /** Seconds since 1970, according to the specification. */
  time(): number {
    return Number(this.#bytes.readBigUInt64BE(this.#take(8)));
  }

  table(depth = 0): Record<string, unknown> {
    // Without a prototype, `__proto__` is an ordinary name.
    const fields: Record<string, unknown> = Object.create(null);
    this.#within(this.unsigned(4), (inner) => {
      const name = inner.text();
      fields[name] = inner.#value(depth + 1);
    });
    return fields;
  }

  #list(depth: number): unknown[] {
    const values: unknown[] = [];
    this.#within(this.unsigned(4), (inner) => values.push(inner.#value(depth + 1)));
    return values;
  }

  #value(depth: number): unknown {
    if (++this.#count.values > MAX_VALUES) {
      this.#at = this.#bytes.length;
      return `…[more than ${MAX_VALUES} values]`;
    }
    const type = String.fromCharCode(this.unsigned(1));
    switch (type) {
      case 'S':
        return this.#slice(this.unsigned(4)).toString('utf8');
      case 'x':
        // A copy: a kept value must not keep the whole message in memory.
        return Buffer.from(this.#slice(this.unsigned(4)));
      case 't':
        return this.unsigned(1) !== 0;
      case 'b':
        return this.#bytes.readInt8(this.#take(1));
      case 'B':
        return this.unsigned(1);
      case 's':
        return this.#bytes.readInt16BE(this.#take(2));
      case 'u':
        return this.unsigned(2);
      case 'I':
        return this.#bytes.readInt32BE(this.#take(4));
      case 'i':
        return this.unsigned(4);
      case 'l':
      case 'L':
        return exact(this.#bytes.readBigInt64BE(this.#take(8)));
      case 'T':
        return { '!': 'timestamp', value: this.time() };
      case 'f':
        return this.#bytes.readFloatBE(this.#take(4));
      case 'd':
        return this.#bytes.readDoubleBE(this.#take(8));
      case 'D':
        return { '!': 'decimal', value: { places: this.unsigned(1), digits: this.unsigned(4) } };
      case 'V':
        return null;
      case 'F':
        return depth < MAX_DEPTH ? this.table(depth) : this.#tooDeep();
      case 'A':
        return depth < MAX_DEPTH ? this.#list(depth) : this.#tooDeep();
      default:
        // Its length is unknown, so the values after it cannot be located.
        this.#at = this.#bytes.length;
        return `…[a value of unknown type ${JSON.stringify(type)}, and all values after it]`;
    }
  }

  #tooDeep(): string {
    this.#slice(this.unsigned(4));
    return `…[nested more than ${MAX_DEPTH} levels deep]`;
  }

  /** Reads values until the bytes are used up. A truncated value ends the list. */
  #within(length: number, read: (inner: Reader) => void): void {
    const inner = new Reader(this.#slice(length), 0, this.#count);
    try {
      while (inner.#at < inner.#bytes.length) read(inner);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }

  #slice(length: number): Buffer {
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  #take(length: number): number {
    const start = this.#at;
    if (start + length > this.#bytes.length) throw new RangeError('the frame ends before its properties do');
    this.#at += length;
    return start;
  }
}

/** The number; a BigInt where a number would lose digits. */
function exact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
