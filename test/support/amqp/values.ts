/** Encoding of AMQP 0-9-1 values: integers, strings, and tables with RabbitMQ's type letters. */

/** A table value with its type letter: typed('T', 1700000000). */
export interface Typed {
  letter: string;
  value: unknown;
}
export type Value = string | number | boolean | null | Typed | Value[] | { [key: string]: Value };
export type Table = Record<string, Value>;

export function typed(letter: string, value: unknown): Typed {
  return { letter, value };
}

export class Writer {
  readonly #parts: Buffer[] = [];

  uint(size: number, value: number): void {
    const part = Buffer.alloc(size);
    if (size === 8) part.writeBigUInt64BE(BigInt(value));
    else part.writeUIntBE(value, 0, size);
    this.#parts.push(part);
  }

  bytes(part: Buffer): void {
    this.#parts.push(part);
  }

  short(text: string): void {
    const part = Buffer.from(text);
    this.uint(1, part.length);
    this.bytes(part);
  }

  long(text: string | Buffer): void {
    const part = Buffer.from(text as string);
    this.uint(4, part.length);
    this.bytes(part);
  }

  take(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

export class Reader {
  readonly #from: Buffer;
  #at = 0;

  constructor(from: Buffer) {
    this.#from = from;
  }

  get left(): number {
    return this.#from.length - this.#at;
  }

  uint(size: number): number {
    const part = this.bytes(size);
    return size === 8 ? Number(part.readBigUInt64BE()) : part.readUIntBE(0, size);
  }

  bytes(size: number): Buffer {
    if (size > this.left) throw new Error(`${size} bytes expected, but only ${this.left} left`);
    this.#at += size;
    return this.#from.subarray(this.#at - size, this.#at);
  }

  short(): string {
    return this.bytes(this.uint(1)).toString();
  }

  long(): Buffer {
    return this.bytes(this.uint(4));
  }
}

export function encodeTable(writer: Writer, table: Table): void {
  const inner = new Writer();
  for (const [key, value] of Object.entries(table)) {
    inner.short(key);
    encodeValue(inner, value);
  }
  writer.long(inner.take());
}

/**
 * A table in the form of transcripts: strings and booleans as they are, everything else as type letter and value,
 * because a short 5 differs from a long 5 on the wire.
 */
export function decodeTable(reader: Reader): Record<string, unknown> {
  const inner = new Reader(reader.long());
  const table: Record<string, unknown> = {};
  while (inner.left > 0) table[inner.short()] = decodeValue(inner);
  return table;
}

function isTyped(value: object): value is Typed {
  return 'letter' in value && 'value' in value;
}

function encodeValue(writer: Writer, given: Value): void {
  const { letter, value } = given !== null && typeof given === 'object' && isTyped(given) ? given : letterOf(given);
  writer.bytes(Buffer.from(letter));
  if (letter === 'S' || letter === 'x') writer.long(value as string);
  else if (letter === 't') writer.uint(1, value === true ? 1 : 0);
  else if (letter === 'F') encodeTable(writer, value as Table);
  else if (letter === 'A') {
    const inner = new Writer();
    for (const each of value as Value[]) encodeValue(inner, each);
    writer.long(inner.take());
  } else if (letter !== 'V') writer.bytes(NUMBERS[letter]!.encode(Number(value)));
}

function letterOf(value: Value): Typed {
  if (value === null) return typed('V', null);
  if (typeof value === 'string') return typed('S', value);
  if (typeof value === 'boolean') return typed('t', value);
  if (typeof value === 'number') return typed(Math.abs(value) < 2 ** 31 ? 'I' : 'l', value);
  return typed(Array.isArray(value) ? 'A' : 'F', value);
}

function decodeValue(reader: Reader): unknown {
  const letter = reader.bytes(1).toString('latin1');
  if (letter === 'S') return reader.long().toString();
  if (letter === 'x') return `x:${reader.long().toString('hex')}`;
  if (letter === 't') return reader.uint(1) !== 0;
  if (letter === 'V') return null;
  if (letter === 'F') return decodeTable(reader);
  if (letter === 'A') {
    const inner = new Reader(reader.long());
    const list: unknown[] = [];
    while (inner.left > 0) list.push(decodeValue(inner));
    return list;
  }
  const number = NUMBERS[letter];
  if (!number) throw new Error(`a table holds a value of the unknown type ${JSON.stringify(letter)}`);
  return `${letter}:${number.decode(reader.bytes(number.size))}`;
}

const whole = (size: number) => ({
  size,
  encode: (value: number) => {
    const part = Buffer.alloc(size);
    if (size === 8) part.writeBigInt64BE(BigInt(value));
    else part.writeIntBE(value, 0, size);
    return part;
  },
  decode: (part: Buffer) => (size === 8 ? part.readBigInt64BE() : part.readIntBE(0, size)),
});
const natural = (size: number) => ({
  size,
  encode: (value: number) => {
    const part = Buffer.alloc(size);
    if (size === 8) part.writeBigUInt64BE(BigInt(value));
    else part.writeUIntBE(value, 0, size);
    return part;
  },
  decode: (part: Buffer) => (size === 8 ? part.readBigUInt64BE() : part.readUIntBE(0, size)),
});
const NUMBERS: Record<
  string,
  { size: number; encode(value: number): Buffer; decode(part: Buffer): number | bigint | string }
> = {
  b: whole(1),
  B: natural(1),
  s: whole(2),
  u: natural(2),
  I: whole(4),
  i: natural(4),
  l: whole(8),
  T: natural(8),
  f: {
    size: 4,
    encode: (value) => {
      const part = Buffer.alloc(4);
      part.writeFloatBE(value);
      return part;
    },
    decode: (part) => part.readFloatBE(),
  },
  d: {
    size: 8,
    encode: (value) => {
      const part = Buffer.alloc(8);
      part.writeDoubleBE(value);
      return part;
    },
    decode: (part) => part.readDoubleBE(),
  },
  // A decimal: the number of decimal places, then all digits.
  D: {
    size: 5,
    encode: (value) => {
      const part = Buffer.alloc(5);
      part.writeUInt8(2);
      part.writeUInt32BE(Math.round(value * 100), 1);
      return part;
    },
    decode: (part) => `${part.readUInt32BE(1)}e-${part.readUInt8()}`,
  },
};
