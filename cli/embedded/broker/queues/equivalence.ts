/** Checks that an existing queue or exchange matches a declaration, with RabbitMQ 3.10's error texts. */
import { preconditionFailed } from '../amqp-error.js';
import { ByteWriter } from '../wire/byte-writer.js';
import { entriesOf, type Field, type FieldTable, itemsOf, lookUp, writeTable } from '../wire/field-table.js';

/** Erlang's names for the types. */
const TYPE_NAMES: Readonly<Record<Field['type'], string>> = {
  S: 'longstr',
  I: 'signedint',
  D: 'decimal',
  T: 'timestamp',
  F: 'table',
  A: 'array',
  b: 'byte',
  B: 'unsignedbyte',
  s: 'short',
  u: 'unsignedshort',
  i: 'unsignedint',
  l: 'long',
  L: 'long',
  d: 'double',
  f: 'float',
  t: 'bool',
  x: 'binary',
  V: 'void',
};

export function typeName(field: Field): string {
  return TYPE_NAMES[field.type];
}

const INTEGERS = 'bBsuIilL';

/** Integers of all widths are equivalent. */
function typeClass({ type }: Field): string {
  if (INTEGERS.includes(type)) return 'integer';
  return type === 'd' || type === 'f' ? 'float' : type;
}

/** Returns the same text for equal tables. */
export function canonical(fields: FieldTable): string {
  const writer = new ByteWriter();
  writeTable(
    writer,
    fields.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)),
  );
  return writer.take().toString('latin1');
}

/** Longer than any reply text; deeper tables are not rendered. */
const MAX_TEXT = 300;

/** Renders a value as Erlang prints it. */
function valueText(field: Field, room = MAX_TEXT): string {
  if (room <= 0) return '';
  switch (field.type) {
    case 'F':
      return listText(entriesOf(field) ?? [], room, ([name, each], left) => `{<<"${name}">>,${termText(each, left)}}`);
    case 'A':
      return listText(itemsOf(field) ?? [], room, (each, left) => `{${termText(each, left)}}`);
    case 'D':
      return `{${field.value.scale},${field.value.unscaled}}`;
    default:
      return String(field.value);
  }
}

/** Renders as much of a list as fits. */
function listText<Item>(items: readonly Item[], room: number, itemText: (item: Item, room: number) => string): string {
  let text = '';
  for (const item of items) {
    const left = room - text.length - 1;
    if (left <= 0) break;
    text += `${text && ','}${itemText(item, left)}`;
  }
  return `[${text}]`;
}

function termText(field: Field, room: number): string {
  const text = valueText(field, room - typeName(field).length);
  return `${typeName(field)},${field.type === 'S' || field.type === 'x' ? `<<"${text}">>` : text}`;
}

function isEqual(a: Field, b: Field): boolean {
  return typeClass(a) === typeClass(b) && canonicalValue(a) === canonicalValue(b);
}

function canonicalValue(field: Field): string {
  return 'FAD'.includes(field.type) ? canonical([['', field]]) : String(field.value);
}

/** @throws AmqpError 406 if a property differs. */
export function assertSame(what: string, name: string, current: boolean | string, received: boolean | string): void {
  if (current === received) return;
  throw preconditionFailed(
    `inequivalent arg '${name}' for ${what}: received '${received}' but current is '${current}'`,
  );
}

const isClassic = (field: Field | undefined) => field?.type === 'S' && field.value === 'classic';

/**
 * @param names arguments to compare, in this order.
 * @throws AmqpError 406 naming the first difference.
 */
export function assertSameArguments(
  what: string,
  names: readonly string[],
  current: FieldTable,
  received: FieldTable,
): void {
  for (const name of names) {
    const [was, is] = [lookUp(current, name), lookUp(received, name)];
    if (was === undefined && is === undefined) continue;
    if (was && is) {
      if (isEqual(was, is)) continue;
      throw preconditionFailed(
        `inequivalent arg '${name}' for ${what}: received '${valueText(is)}' but current is '${valueText(was)}'`,
      );
    }
    // A classic queue may omit its type.
    if (name === 'x-queue-type' && isClassic(was ?? is)) continue;
    throw preconditionFailed(
      `inequivalent arg '${name}' for ${what}: received ${describeValue(is)} but current is ${describeValue(was)}`,
    );
  }
}

function describeValue(field: Field | undefined): string {
  return field === undefined ? 'none' : `the value '${valueText(field)}' of type '${typeName(field)}'`;
}
