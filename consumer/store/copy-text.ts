/**
 * Rows in the text format of COPY. Pure.
 * Source: https://www.postgresql.org/docs/current/sql-copy.html (text format)
 */
import type { Level } from '../../src/level.js';
import { CanonicalRecord, ID_BYTES, type StoredRecord, TIMESTAMP_BYTES } from '../../src/record.js';

/** Columns, in the order of `copyText`. */
export const COPY_COLUMNS = 'id, ts, service, level, message, information';

const SPECIAL = /[\\\t\n\r]/g;
const ESCAPED: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

/**
 * An unescaped backslash at the start of a row could end the data (`\.`), a tab ends the field, a line break the row.
 * Four searches for single characters are faster than one regular expression test.
 */
function escaped(text: string): string {
  if (!text.includes('\\') && !text.includes('\n') && !text.includes('\t') && !text.includes('\r')) return text;
  return text.replace(SPECIAL, (special) => ESCAPED[special]!);
}

/** One string and one conversion to bytes for many rows: a conversion per row costs several times as much. */
const PIECE_CHARACTERS = 64 * 1024;
const PIECE_BYTES = 64 * 1024;

/**
 * Yields the rows in pieces, created on demand, so that the server processes one piece while the next is created. Long
 * texts are split into many pieces: each escaped character costs memory, and a text of 64 MiB may have 30 million.
 *
 * @param records their id, timestamp and level contain nothing to escape, as `StoredRecord` guarantees.
 * @returns UTF-8 bytes, one line per record. NUL is kept: the server refuses that row, and it is isolated as a bad
 *   record.
 */
export function* copyText(records: readonly StoredRecord[]): Generator<Buffer> {
  let text = '';
  const rows = new RowPieces();
  const names = new Names();
  for (let index = 0; index < records.length; index++) {
    const record = records[index]!;
    const between = names.of(record);
    if (record instanceof CanonicalRecord) {
      const maxBytes = maxRowBytes(record, between.bytes);
      // Longer records are sent as text, in pieces.
      if (maxBytes <= PIECE_BYTES) {
        // Keep the order: the server reports a bad row by its number.
        if (text !== '') yield Buffer.from(text);
        text = '';
        const piece = rows.add(record, between.bytes, maxBytes, records.length - index);
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

/** Collects rows that are already bytes, many per piece. */
class RowPieces {
  #piece: Buffer = Buffer.alloc(0);
  #filled = 0;

  /**
   * @param maxBytes result of `maxRowBytes()`, at most PIECE_BYTES.
   * @param left how many rows may follow, including this one.
   * @returns the previous piece, if this row starts a new one.
   */
  add(record: CanonicalRecord, names: Buffer, maxBytes: number, left: number): Buffer | undefined {
    const full = this.#filled + maxBytes > this.#piece.length ? this.end() : undefined;
    if (this.#filled === 0) this.#piece = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, maxBytes * left));
    this.#filled = writeRow(this.#piece, this.#filled, record, names);
    return full;
  }

  /** @returns the unfinished piece, if any. */
  end(): Buffer | undefined {
    if (this.#filled === 0) return undefined;
    const piece = this.#piece.subarray(0, this.#filled);
    this.#piece = Buffer.alloc(0);
    this.#filled = 0;
    return piece;
  }
}

/** Caches service and level as they appear in a row, with the tabs around them. Most batches have few services. */
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

/** Never splits a surrogate pair. */
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

// Rows of canonical records: bytes are copied and never decoded to text.

const TAB = 0x09;
const LINE_FEED = 0x0a;
const QUOTE = 0x22;
const SLASH = 0x2f;
const BACKSLASH = 0x5c;

/** Upper bound of the row size in bytes. */
export function maxRowBytes(record: CanonicalRecord, names: Buffer): number {
  const texts = record.messageEnd - record.messageStart + record.informationEnd - record.informationStart;
  return ID_BYTES + TIMESTAMP_BYTES + names.length + 2 * texts + 3;
}

/**
 * @param names service and level as they appear in the row, with the tabs around them.
 * @returns the end of the row.
 */
export function writeRow(out: Buffer, start: number, record: CanonicalRecord, names: Buffer): number {
  const { body, idStart, timestampStart, messageStart, messageEnd, informationStart, informationEnd } = record;
  let at = start;
  for (let from = idStart; from < idStart + ID_BYTES; from++) out[at++] = body[from]!;
  out[at++] = TAB;
  for (let from = timestampStart; from < timestampStart + TIMESTAMP_BYTES; from++) out[at++] = body[from]!;
  for (let from = 0; from < names.length; from++) out[at++] = names[from]!;
  for (let from = messageStart; from < messageEnd; from++) {
    const byte = body[from]!;
    if (byte !== BACKSLASH) {
      out[at++] = byte;
      continue;
    }
    // JSON and COPY share the escapes \\ \b \f \n \r \t; COPY does not know \" and \/.
    const escaped = body[++from]!;
    if (escaped !== QUOTE && escaped !== SLASH) out[at++] = BACKSLASH;
    out[at++] = escaped;
  }
  out[at++] = TAB;
  for (let from = informationStart; from < informationEnd; from++) {
    const byte = body[from]!;
    if (byte === BACKSLASH) out[at++] = BACKSLASH;
    out[at++] = byte;
  }
  out[at++] = LINE_FEED;
  return at;
}
