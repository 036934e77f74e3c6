/**
 * Rows in the text format of COPY. Pure.
 * Source: https://www.postgresql.org/docs/current/sql-copy.html (text format)
 */
import type { Level } from '../../src/level.js';
import { CanonicalRecord, type StoredRecord } from '../../src/record.js';
import { mostRowBytes, writeRow } from './copy-row.js';

/** The columns in the order in which `copyText` writes them. */
export const COPY_COLUMNS = 'id, ts, service, level, message, information';

const SPECIAL = /[\\\t\n\r]/g;
const ESCAPED: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

/**
 * A backslash at the start of a row would otherwise end the data (`\.`), a tab the field, a line break the row.
 * Four searches for one character each take less time than one test of a regular expression.
 */
function escaped(text: string): string {
  if (!text.includes('\\') && !text.includes('\n') && !text.includes('\t') && !text.includes('\r')) return text;
  return text.replace(SPECIAL, (special) => ESCAPED[special]!);
}

/** One string for many rows and one conversion to bytes: a conversion for each row costs several times as much. */
const PIECE_CHARACTERS = 64 * 1024;
const PIECE_BYTES = 64 * 1024;

/**
 * The rows in pieces that are made when they are asked for, so that the server works on one while the next is made. A long
 * text is in many of them: each place to escape takes memory of its own, and a text of 64 MiB may have 30 million.
 *
 * @param records whose id, timestamp and level hold nothing to escape, as `StoredRecord` says.
 * @returns UTF-8 bytes, one line a record. NUL stays in: the server refuses that row, and it is isolated as a bad record.
 */
export function* copyText(records: readonly StoredRecord[]): Generator<Buffer> {
  let text = '';
  const rows = new RowPieces();
  const names = new Names();
  for (let index = 0; index < records.length; index++) {
    const record = records[index]!;
    const between = names.of(record);
    if (record instanceof CanonicalRecord) {
      const most = mostRowBytes(record, between.bytes);
      // A long one goes as text, in pieces.
      if (most <= PIECE_BYTES) {
        // In their order: the server names a bad row by its number.
        if (text !== '') yield Buffer.from(text);
        text = '';
        const piece = rows.add(record, between.bytes, most, records.length - index);
        if (piece) yield piece;
        continue;
      }
    }
    const piece = rows.end();
    if (piece) yield piece;
    const { message, information } = record;
    text += `${record.id}\t${record.timestamp}${between.text}`;
    if (message.length + information.length <= PIECE_CHARACTERS) {
      text += `${escaped(message)}\t${escaped(information)}\n`;
    } else {
      yield Buffer.from(text);
      for (const part of partsOf(message)) yield Buffer.from(escaped(part));
      yield Buffer.from('\t');
      for (const part of partsOf(information)) yield Buffer.from(escaped(part));
      text = '\n';
    }
    if (text.length >= PIECE_CHARACTERS) {
      yield Buffer.from(text);
      text = '';
    }
  }
  const piece = rows.end();
  if (piece) yield piece;
  if (text !== '') yield Buffer.from(text);
}

/** Rows that are bytes already, many in one piece. */
class RowPieces {
  #piece: Buffer = Buffer.alloc(0);
  #filled = 0;

  /**
   * @param most see `mostRowBytes`: no more than a piece holds.
   * @param left how many may come, this one included.
   * @returns the piece before, where the row begins another one.
   */
  add(record: CanonicalRecord, names: Buffer, most: number, left: number): Buffer | undefined {
    const full = this.#filled + most > this.#piece.length ? this.end() : undefined;
    if (this.#filled === 0) this.#piece = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, most * left));
    this.#filled = writeRow(this.#piece, this.#filled, record, names);
    return full;
  }

  /** @returns what there is, if anything. */
  end(): Buffer | undefined {
    if (this.#filled === 0) return undefined;
    const piece = this.#piece.subarray(0, this.#filled);
    this.#piece = Buffer.alloc(0);
    this.#filled = 0;
    return piece;
  }
}

/** Service and level as they stand in a row, with the tabs around them. A batch is nearly always of few services. */
class Names {
  #service: string | undefined;
  #texts = new Map<Level, { readonly text: string; readonly bytes: Buffer }>();

  of({ service, level }: StoredRecord) {
    if (service !== this.#service) {
      this.#service = service;
      this.#texts = new Map();
    }
    let names = this.#texts.get(level);
    if (!names) {
      const text = `\t${escaped(service)}\t${level}\t`;
      names = { text, bytes: Buffer.from(text) };
      this.#texts.set(level, names);
    }
    return names;
  }
}

/** Never cut between the halves of a surrogate pair. */
function* partsOf(text: string): Generator<string> {
  for (let start = 0; start < text.length; ) {
    const end = start + PIECE_CHARACTERS;
    const next = isHighSurrogate(text.charCodeAt(end - 1)) ? end - 1 : end;
    yield text.slice(start, next);
    start = next;
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}
