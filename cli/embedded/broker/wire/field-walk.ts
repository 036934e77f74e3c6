/**
 * Walks the fields of a table at any depth. A frame can nest 20,000 tables, so this uses an explicit stack and never
 * builds a tree of values.
 */
import { ByteReader } from './byte-reader.js';

export type Container = 'F' | 'A';

/** Size in bytes by type letter. Strings, tables and arrays carry their own length. */
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

/** @param at position of the letter; the value follows. */
type OnField = (letter: string, at: number) => void;

export function isContainer(letter: string): letter is Container {
  return letter === 'F' || letter === 'A';
}

/** Skips a table or array; the reader is at its length, after the letter. */
export function skipContainer(reader: ByteReader, container: Container, onField?: OnField): void {
  /** Ends of the enclosing containers; negative for arrays, so that one list is enough. */
  const around: number[] = [];
  let isTable = container === 'F';
  let outer = reader.enter(reader.long());
  for (;;) {
    while (reader.left === 0) {
      reader.leave(outer);
      const next = around.pop();
      if (next === undefined) return;
      isTable = next > 0;
      outer = Math.abs(next);
    }
    if (isTable) reader.skip(reader.octet());
    const at = reader.at;
    const letter = reader.character();
    if (isContainer(letter)) {
      around.push(isTable ? outer : -outer);
      isTable = letter === 'F';
      outer = reader.enter(reader.long());
    } else {
      skipValue(reader, letter);
      onField?.(letter, at);
    }
  }
}

/** Skips the next field, letter and value. */
export function skipField(reader: ByteReader, onField?: OnField): void {
  const at = reader.at;
  const letter = reader.character();
  if (isContainer(letter)) {
    skipContainer(reader, letter, onField);
  } else {
    skipValue(reader, letter);
    onField?.(letter, at);
  }
}

function skipValue(reader: ByteReader, letter: string): void {
  // Erlang has no NaN or infinity, so RabbitMQ cannot read them.
  if (letter === 'd') reader.finite(reader.double());
  else if (letter === 'f') reader.finite(reader.float());
  else if (letter === 'S' || letter === 'x') reader.skip(reader.long());
  else {
    const width = WIDTHS[letter];
    if (width === undefined) reader.refuse(`a field of the unknown type "${letter}"`);
    reader.skip(width);
  }
}

const SMALL_L = 'l'.charCodeAt(0);

/** Whether RabbitMQ re-encodes this field differently: a long has one letter, and true is 1. */
export function isRewritten(bytes: Buffer, letter: string, at: number): boolean {
  return letter === 'L' || (letter === 't' && (bytes[at + 1] as number) > 1);
}

/** Re-encodes the fields of a table or array in place, as RabbitMQ does. */
export function rewrite(bytes: Buffer, start: number, container: Container): void {
  skipContainer(new ByteReader(bytes, start), container, (letter, at) => {
    if (!isRewritten(bytes, letter, at)) return;
    if (letter === 'L') bytes[at] = SMALL_L;
    else bytes[at + 1] = 1;
  });
}
