/**
 * Frames: many records of one lane in one message, one line of JSON each. Also decodes lines.
 *
 * @module
 */
import { isAscii, isUtf8 } from 'node:buffer';

/** Content type of a message with one record. */
export const RECORD_CONTENT_TYPE = 'application/json';
/** Content type of a frame. Only frames are split: a single record may span several lines. */
export const FRAME_CONTENT_TYPE = 'application/x-ndjson';

const LINE_FEED = 0x0a;
/** U+FEFF in UTF-8. Some editors, and Windows, put it at the start of a text. */
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

export type DecodedLine =
  | { readonly ok: true; readonly line: string }
  | { readonly ok: false; readonly reason: string };

/**
 * Appends a line, which must not contain a line break, to the body of a frame.
 *
 * @param at number of bytes already written; if not 0, a line break is written first.
 * @param lineBytes size of the line in UTF-8.
 * @returns number of bytes written now.
 */
export function writeLine(body: Buffer, at: number, line: string, lineBytes: number): number {
  const start = at === 0 ? 0 : body.writeUInt8(LINE_FEED, at);
  // As many bytes as characters means ASCII, which latin1 writes faster.
  return start + body.write(line, start, lineBytes === line.length ? 'latin1' : 'utf8');
}

/**
 * Iterates over the lines of a frame's body by position (a view for each line would cost more than inspecting it).
 * Excludes line breaks (`\n` or `\r\n`), blank lines, and a byte order mark at the start. In UTF-8 the byte of a line
 * break never occurs inside a character, so that damaged text stays within its line.
 */
export class LineCursor {
  /** [start, end) of the line. */
  start = 0;
  end = 0;
  readonly #body: Buffer;
  /** Start of the next line. */
  #next: number;

  constructor(body: Buffer) {
    this.#body = body;
    this.#next = hasByteOrderMark(body) ? BYTE_ORDER_MARK.length : 0;
  }

  /** @returns whether there was another line. */
  next(): boolean {
    const body = this.#body;
    let start = this.#next;
    for (let at = start; at < body.length; at += 1) {
      const byte = body[at] as number;
      if (isBlank(byte)) continue;
      if (byte !== LINE_FEED) {
        const found = body.indexOf(LINE_FEED, at);
        const lineEnd = found === -1 ? body.length : found;
        this.start = start;
        this.end = lineEnd;
        while (isBlank(body[this.end - 1] as number)) this.end -= 1;
        this.#next = lineEnd + 1;
        return true;
      }
      start = at + 1;
    }
    this.#next = body.length;
    return false;
  }
}

/**
 * Decodes a line, without a byte order mark. Fails with a reason if the bytes are not UTF-8; nothing is replaced
 * silently.
 */
export function decodeLine(raw: Buffer): DecodedLine {
  if (isAscii(raw)) return { ok: true, line: raw.toString('latin1') };
  if (!isUtf8(raw)) return { ok: false, reason: 'it is not valid UTF-8' };
  return { ok: true, line: raw.toString('utf8', hasByteOrderMark(raw) ? BYTE_ORDER_MARK.length : 0) };
}

function hasByteOrderMark(bytes: Buffer): boolean {
  return bytes[0] === BYTE_ORDER_MARK[0] && bytes[1] === BYTE_ORDER_MARK[1] && bytes[2] === BYTE_ORDER_MARK[2];
}

/** Space, tab, carriage return. */
function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0d;
}
