/**
 * Field tables: arguments, client properties, headers. Values keep their AMQP type, because equivalence depends on it.
 */
import { ByteReader } from './byte-reader.js';
import { ByteWriter } from './byte-writer.js';
import { type Container, rewrite, skipContainer } from './field-walk.js';

/** The types RabbitMQ reads, by the letter before the value. */
export type Field =
  | { readonly type: 'b' | 'B' | 's' | 'u' | 'I' | 'i' | 'd' | 'f'; readonly value: number }
  | { readonly type: 'l' | 'L' | 'T'; readonly value: bigint }
  | { readonly type: 'S' | 'x'; readonly value: string }
  | { readonly type: 't'; readonly value: boolean }
  | { readonly type: 'D'; readonly value: { readonly scale: number; readonly unscaled: number } }
  /** Encoded content, decoded on demand: see `entriesOf` and `itemsOf`. */
  | { readonly type: Container; readonly value: Buffer }
  | { readonly type: 'V'; readonly value: undefined };

/** In wire order. If a name occurs twice, the first one counts, as in RabbitMQ. */
export type FieldTable = ReadonlyArray<readonly [name: string, field: Field]>;

export const longString = (value: string): Field => ({ type: 'S', value });
export const long = (value: number | bigint): Field => ({ type: 'l', value: BigInt(value) });
export const flag = (value: boolean): Field => ({ type: 't', value });
export const table = (entries: FieldTable): Field => ({ type: 'F', value: written((w) => writeEntries(w, entries)) });
export const array = (items: readonly Field[]): Field => ({ type: 'A', value: written((w) => writeItems(w, items)) });

function written(write: (writer: ByteWriter) => void): Buffer {
  const writer = new ByteWriter();
  write(writer);
  return writer.take();
}

export function lookUp(fields: FieldTable, name: string): Field | undefined {
  return fields.find(([each]) => each === name)?.[1];
}

/** The value of an integer of any width; otherwise undefined. */
export function integerOf(field: Field | undefined): number | undefined {
  if (field === undefined) return undefined;
  if (field.type === 'l' || field.type === 'L') return Number(field.value);
  return 'bBsuIi'.includes(field.type) ? (field.value as number) : undefined;
}

export function textOf(field: Field | undefined): string | undefined {
  return field?.type === 'S' ? field.value : undefined;
}

/** The entries of a table; otherwise undefined. */
export function entriesOf(field: Field | undefined): FieldTable | undefined {
  if (field?.type !== 'F') return undefined;
  const reader = new ByteReader(field.value);
  return readEntries(reader, reader.left);
}

/** The items of an array; otherwise undefined. */
export function itemsOf(field: Field | undefined): readonly Field[] | undefined {
  if (field?.type !== 'A') return undefined;
  const reader = new ByteReader(field.value);
  const items: Field[] = [];
  reader.within(reader.left, () => items.push(readField(reader)));
  return items;
}

/** Maximum nesting depth shown. */
const MAX_SHOWN = 16;

/** Converts to plain JavaScript values for display. */
export function plainTable(fields: FieldTable, depth = 0): Record<string, unknown> {
  return Object.fromEntries(
    fields.map(([name, field]) => [Buffer.from(name, 'latin1').toString('utf8'), plainValue(field, depth)]),
  );
}

function plainValue(field: Field, depth: number): unknown {
  switch (field.type) {
    case 'A':
      return depth < MAX_SHOWN ? itemsOf(field)?.map((each) => plainValue(each, depth + 1)) : '…';
    case 'F':
      return depth < MAX_SHOWN ? plainTable(entriesOf(field) ?? [], depth + 1) : '…';
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

/** @throws Malformed also for errors in nested values. */
export function readTable(reader: ByteReader): FieldTable {
  return readEntries(reader, reader.long());
}

function readEntries(reader: ByteReader, bytes: number): FieldTable {
  const entries: Array<[string, Field]> = [];
  reader.within(bytes, () => entries.push([reader.shortString(), readField(reader)]));
  return entries;
}

export function readField(reader: ByteReader): Field {
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
      return { type, value: reader.finite(reader.double()) };
    case 'f':
      return { type, value: reader.finite(reader.float()) };
    case 'D':
      return { type, value: { scale: reader.octet(), unscaled: reader.long() } };
    case 'F':
    case 'A':
      return readContainer(reader, type);
    case 'V':
      return { type, value: undefined };
    default:
      return reader.refuse(`a field of the unknown type "${type}"`);
  }
}

const LENGTH_BYTES = 4;

/** Nesting may be arbitrarily deep: the content is validated and kept as bytes. */
function readContainer(reader: ByteReader, type: Container): Field {
  const start = reader.at;
  skipContainer(reader, type);
  const bytes = Buffer.from(reader.since(start));
  rewrite(bytes, 0, type);
  return { type, value: bytes.subarray(LENGTH_BYTES) };
}

export function writeTable(writer: ByteWriter, fields: FieldTable): void {
  const size = writer.sizeLater();
  writeEntries(writer, fields);
  writer.sizeHere(size);
}

function writeEntries(writer: ByteWriter, fields: FieldTable): void {
  for (const [name, field] of fields) {
    writer.shortString(name);
    writeField(writer, field);
  }
}

function writeItems(writer: ByteWriter, items: readonly Field[]): void {
  for (const item of items) writeField(writer, item);
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
    case 'A':
      writer.long(field.value.length);
      writer.raw(field.value);
      break;
    case 'V':
      break;
  }
}
