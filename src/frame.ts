/**
 * Frames: many records of one lane in one message, a line of JSON each; and lines as text.
 *
 * @module
 */
import { isAscii, isUtf8 } from 'node:buffer';

/** Content type of a message that carries one record. */
export const RECORD_CONTENT_TYPE = 'application/json';
/** Content type of a message that carries a frame. Only this one is split: a lone record may be spread over lines. */
export const FRAME_CONTENT_TYPE = 'application/x-ndjson';

const LINE_FEED = 0x0a;
/** U+FEFF in UTF-8: some editors, and Windows, put it before a text. */
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

export type DecodedLine =
  | { readonly ok: true; readonly line: string }
  | { readonly ok: false; readonly reason: string };

/**
 * Writes a line, which holds no line break itself, into the body of a frame.
 *
 * @param at how much of the body is filled; behind what is there, a line break comes first.
 * @param lineBytes size of the line in UTF-8.
 * @returns how much of the body is filled now.
 */
export function writeLine(body: Buffer, at: number, line: string, lineBytes: number): number {
  const start = at === 0 ? 0 : body.writeUInt8(LINE_FEED, at);
  // As many bytes as characters: ASCII, which needs no encoding.
  return start + body.write(line, start, lineBytes === line.length ? 'latin1' : 'utf8');
}

/**
 * The lines of a frame's body one by one, as places in it (a view for each would cost more than the look at it); without
 * their line breaks (`\n` or `\r\n`), without blank lines, and without a byte order mark before the first one. UTF-8
 * never holds the byte of a line break inside a character, so that damaged text stays within its line.
 */
export class LineCursor {
  /** [start, end) of the line. */
  start = 0;
  end = 0;
  readonly #body: Buffer;
  /** Where the next one begins. */
  #next: number;

  constructor(body: Buffer) {
    this.#body = body;
    this.#next = hasByteOrderMark(body) ? BYTE_ORDER_MARK.length : 0;
  }

  /** @returns whether there was one more. */
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
 * A line's text, without a byte order mark; not ok, with the reason, where the bytes are not UTF-8 (nothing is ever
 * replaced silently).
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
