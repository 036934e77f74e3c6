/** Field tables: arguments, properties of the peers, headers. Every value keeps its type, because queues are compared by it. */
import type { ByteReader } from './byte-reader.js';
import type { ByteWriter } from './byte-writer.js';

/** The types that RabbitMQ reads, by the letter before the value. */
export type Field =
  | { readonly type: 'b' | 'B' | 's' | 'u' | 'I' | 'i' | 'd' | 'f'; readonly value: number }
  | { readonly type: 'l' | 'L' | 'T'; readonly value: bigint }
  | { readonly type: 'S' | 'x'; readonly value: string }
  | { readonly type: 't'; readonly value: boolean }
  | { readonly type: 'D'; readonly value: { readonly scale: number; readonly unscaled: number } }
  | { readonly type: 'F'; readonly value: FieldTable }
  | { readonly type: 'A'; readonly value: readonly Field[] }
  | { readonly type: 'V'; readonly value: undefined };

/** In the order of the wire. Of a name that is there twice the first one counts, as in RabbitMQ. */
export type FieldTable = ReadonlyArray<readonly [name: string, field: Field]>;

/** Deeper nesting is nothing that a client means. */
export const MOST_NESTED = 64;

export const longString = (value: string): Field => ({ type: 'S', value });
export const long = (value: number | bigint): Field => ({ type: 'l', value: BigInt(value) });
export const flag = (value: boolean): Field => ({ type: 't', value });
export const table = (entries: Record<string, Field>): Field => ({ type: 'F', value: Object.entries(entries) });
export const array = (value: readonly Field[]): Field => ({ type: 'A', value });

export function lookUp(fields: FieldTable, name: string): Field | undefined {
  return fields.find(([each]) => each === name)?.[1];
}

/** Of an integer of any width; undefined for all else. */
export function integerOf(field: Field | undefined): number | undefined {
  if (field === undefined) return undefined;
  if (field.type === 'l' || field.type === 'L') return Number(field.value);
  return 'bBsuIi'.includes(field.type) ? (field.value as number) : undefined;
}

export function textOf(field: Field | undefined): string | undefined {
  return field?.type === 'S' ? field.value : undefined;
}

/** As plain JavaScript values, for people. */
export function plainValue(field: Field): unknown {
  switch (field.type) {
    case 'A':
      return field.value.map(plainValue);
    case 'F':
      return plainTable(field.value);
    case 'S':
      return Buffer.from(field.value, 'latin1').toString('utf8');
    case 'l':
    case 'L':
    case 'T':
      return Number(field.value);
    default:
      return field.value;
  }
}

export function plainTable(fields: FieldTable): Record<string, unknown> {
  return Object.fromEntries(
    fields.map(([name, field]) => [Buffer.from(name, 'latin1').toString('utf8'), plainValue(field)]),
  );
}

export function readTable(reader: ByteReader, depth = 0): FieldTable {
  const entries: Array<[string, Field]> = [];
  reader.within(reader.long(), () => entries.push([reader.shortString(), readField(reader, depth)]));
  return entries;
}

export function readField(reader: ByteReader, depth: number): Field {
  if (depth > MOST_NESTED) reader.refuse(`tables nested more than ${MOST_NESTED} deep`);
  const type = reader.character();
  switch (type) {
    case 'S':
    case 'x':
      return { type, value: reader.longString() };
    case 't':
      return { type, value: reader.octet() !== 0 };
    case 'b':
      return { type, value: (reader.octet() << 24) >> 24 };
    case 'B':
      return { type, value: reader.octet() };
    case 's':
      return { type, value: (reader.short() << 16) >> 16 };
    case 'u':
      return { type, value: reader.short() };
    case 'I':
      return { type, value: reader.long() | 0 };
    case 'i':
      return { type, value: reader.long() };
    case 'l':
    case 'L':
      return { type, value: BigInt.asIntN(64, reader.bigLongLong()) };
    case 'T':
      return { type, value: reader.bigLongLong() };
    case 'd':
      return { type, value: reader.double() };
    case 'f':
      return { type, value: reader.float() };
    case 'D':
      return { type, value: { scale: reader.octet(), unscaled: reader.long() } };
    case 'F':
      return { type, value: readTable(reader, depth + 1) };
    case 'A': {
      const value: Field[] = [];
      reader.within(reader.long(), () => value.push(readField(reader, depth + 1)));
      return { type, value };
    }
    case 'V':
      return { type, value: undefined };
    default:
      return reader.refuse(`a field of the unknown type "${type}"`);
  }
}

/** Goes over a table without keeping anything of it. */
export function skipTable(reader: ByteReader, depth = 0, onName?: (name: string) => void): void {
  reader.within(reader.long(), () => {
    if (onName) onName(reader.shortString());
    else reader.skip(reader.octet());
    skipField(reader, depth);
  });
}

const WIDTHS: Readonly<Record<string, number>> = {
  t: 1,
  b: 1,
  B: 1,
  s: 2,
  u: 2,
  I: 4,
  i: 4,
  f: 4,
  D: 5,
  l: 8,
  L: 8,
  T: 8,
  d: 8,
  V: 0,
};

export function skipField(reader: ByteReader, depth: number): void {
  if (depth > MOST_NESTED) reader.refuse(`tables nested more than ${MOST_NESTED} deep`);
  const type = reader.character();
  const width = WIDTHS[type];
  if (width !== undefined) reader.skip(width);
  else if (type === 'S' || type === 'x') reader.skip(reader.long());
  else if (type === 'F') skipTable(reader, depth + 1);
  else if (type === 'A') reader.within(reader.long(), () => skipField(reader, depth + 1));
  else reader.refuse(`a field of the unknown type "${type}"`);
}

export function writeTable(writer: ByteWriter, fields: FieldTable): void {
  const size = writer.sizeLater();
  for (const [name, field] of fields) {
    writer.shortString(name);
    writeField(writer, field);
  }
  writer.sizeHere(size);
}

export function writeField(writer: ByteWriter, field: Field): void {
  writer.octet(field.type.charCodeAt(0));
  switch (field.type) {
    case 'S':
    case 'x':
      writer.longString(field.value);
      break;
    case 't':
      writer.octet(field.value ? 1 : 0);
      break;
    case 'b':
    case 'B':
      writer.octet(field.value & 0xff);
      break;
    case 's':
    case 'u':
      writer.short(field.value & 0xffff);
      break;
    case 'I':
    case 'i':
      writer.long(field.value >>> 0);
      break;
    case 'l':
    case 'L':
    case 'T':
      writer.bigLongLong(BigInt.asUintN(64, field.value));
      break;
    case 'd':
      writer.double(field.value);
      break;
    case 'f':
      writer.float(field.value);
      break;
    case 'D':
      writer.octet(field.value.scale);
      writer.long(field.value.unscaled);
      break;
    case 'F':
      writeTable(writer, field.value);
      break;
    case 'A': {
      const size = writer.sizeLater();
      for (const each of field.value) writeField(writer, each);
      writer.sizeHere(size);
      break;
    }
    case 'V':
      break;
  }
}
