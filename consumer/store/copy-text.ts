/**
 * Rows in the text format of COPY. Pure.
 * Source: https://www.postgresql.org/docs/current/sql-copy.html (text format)
 */
import type { StoredRecord } from '../../src/record.js';

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

/**
 * The rows in pieces that are made when they are asked for, so that the server works on one while the next is made. A long
 * text is in many of them: each place to escape takes memory of its own, and a text of 64 MiB may have 30 million.
 *
 * @param records whose id, timestamp and level hold nothing to escape, as `StoredRecord` says.
 * @returns UTF-8 bytes, one line a record. NUL stays in: the server refuses that row, and it is isolated as a bad record.
 */
export function* copyText(records: Iterable<StoredRecord>): Generator<Buffer> {
  let text = '';
  let service = '';
  let escapedService = '';
  for (const record of records) {
    const { message, information } = record;
    // A batch is nearly always of one service.
    if (record.service !== service) {
      service = record.service;
      escapedService = escaped(service);
    }
    text += `${record.id}\t${record.timestamp}\t${escapedService}\t${record.level}\t`;
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
  if (text !== '') yield Buffer.from(text);
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
