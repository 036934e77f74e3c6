/**
 * The content of a segment: one record a line, each with its length and checksum, so that damage costs only the records
 * that it hit.
 *
 *   000000a7 5d41402a 697c5e80 {"id":"0199…","service":"shop",…}
 *   length   CRC-32   seconds  the record
 *
 * All three are 8 hexadecimal digits: the length of the record in bytes, the CRC-32 of the seconds and the record, and
 * the time of the logging call in seconds since the epoch (the AMQP `timestamp` of its message). Pure.
 */
import { crc32 } from 'node:zlib';

/** Bytes in front of the record. */
export const HEAD_BYTES = 27;
const CHECKSUM_AT = 9;
/** Place of the seconds, from which on the checksum counts. */
const SECONDS_AT = 18;

const LINE_FEED = 0x0a;
const SPACE = 0x20;

/** Size of a body of `records` lines in a segment. */
export function checkedBytes(bodyBytes: number, records: number): number {
  return bodyBytes + 1 + records * HEAD_BYTES;
}

/**
 * Large enough for a frame. New buffers for each would be tens of MiB outside V8's heap, until it collects them.
 */
const scratch = Buffer.allocUnsafeSlow(160 * 1024);

/**
 * @param body lines of JSON, separated by line feeds.
 * @returns what is to be written. Another call may overwrite it.
 */
export function checkedLines(body: Buffer, records: number, madeAtS: number): Buffer {
  const bytes = checkedBytes(body.length, records);
  const target = bytes <= scratch.length ? scratch.subarray(0, bytes) : Buffer.allocUnsafe(bytes);
  let at = 0;
  for (let start = 0; start <= body.length; ) {
    const found = body.indexOf(LINE_FEED, start);
    const end = found === -1 ? body.length : found;
    writeHex(target, madeAtS, at + SECONDS_AT);
    body.copy(target, at + HEAD_BYTES, start, end);
    const next = at + HEAD_BYTES + (end - start);
    writeHex(target, end - start, at);
    writeHex(target, crc32(target.subarray(at + SECONDS_AT, next)), at + CHECKSUM_AT);
    target[next] = LINE_FEED;
    at = next + 1;
    start = end + 1;
  }
  return target;
}

// Digit by digit: this runs while the application waits, and with strings it would take twice as long.

const DIGITS = Buffer.from('0123456789abcdef');

/** Writes 8 digits and a space. */
function writeHex(target: Buffer, value: number, at: number): void {
  let rest = value;
  for (let index = at + 7; index >= at; index--) {
    target[index] = DIGITS[rest & 0xf]!;
    rest >>>= 4;
  }
  target[at + 8] = SPACE;
}

/** -1 if it is none. */
function digitOf(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  return byte >= 0x61 && byte <= 0x66 ? byte - 0x61 + 10 : -1;
}

/** Undefined unless there are 8 digits and a space. */
function readHex(chunk: Buffer, at: number): number | undefined {
  let value = 0;
  for (let index = at; index < at + 8; index++) {
    const digit = digitOf(chunk[index]!);
    if (digit === -1) return undefined;
    value = value * 16 + digit;
  }
  return chunk[at + 8] === SPACE ? value : undefined;
}

export interface CheckedLine {
  /** [start, end) of the record in the chunk. */
  readonly start: number;
  readonly end: number;
  readonly madeAtS: number;
}

export interface ReadLines {
  /** The intact lines. */
  readonly lines: readonly CheckedLine[];
  /** Bytes of the chunk that are done with. The rest is the beginning of a line. */
  readonly consumed: number;
  /** Number of lines that were skipped because they are damaged. */
  readonly damaged: number;
}

/**
 * Reads the lines of a part of a segment.
 *
 * @param chunk begins at the start of a line.
 * @param remaining bytes of the segment from the start of the chunk on. A line that would end after them is damaged, or
 *   was being written when the process was killed.
 * @param maxLines stops after this many intact lines.
 */
export function readLines(chunk: Buffer, remaining: number, maxLines = Number.POSITIVE_INFINITY): ReadLines {
  const lines: CheckedLine[] = [];
  let damaged = 0;
  let at = 0;
  while (at < chunk.length && lines.length < maxLines) {
    const head = headOf(chunk, at);
    const end = at + HEAD_BYTES + (head?.length ?? 0);
    if (head && end <= chunk.length && crc32(chunk.subarray(at + SECONDS_AT, end)) === head.checksum) {
      lines.push({ start: at + HEAD_BYTES, end, madeAtS: head.madeAtS });
      at = end + 1;
      continue;
    }
    // The rest of the line may come with the next chunk.
    if (end > chunk.length && end < remaining) break;
    const lineFeed = chunk.indexOf(LINE_FEED, at);
    if (lineFeed === -1 && remaining > chunk.length) break;
    // Without a line feed, the segment was torn here: by a kill, before the logging call returned.
    if (lineFeed !== -1) damaged++;
    at = lineFeed === -1 ? chunk.length : lineFeed + 1;
  }
  return { lines, consumed: Math.min(at, remaining), damaged };
}

interface Head {
  readonly length: number;
  readonly checksum: number;
  readonly madeAtS: number;
}

function headOf(chunk: Buffer, at: number): Head | undefined {
  if (at + HEAD_BYTES > chunk.length) return undefined;
  const length = readHex(chunk, at);
  const checksum = readHex(chunk, at + CHECKSUM_AT);
  const madeAtS = readHex(chunk, at + SECONDS_AT);
  if (length === undefined || checksum === undefined || madeAtS === undefined) return undefined;
  return { length, checksum, madeAtS };
}
