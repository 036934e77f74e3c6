/**
 * Parses one record, from a message or a file, into an item to store. Pure except for its arguments.
 *
 * The cost of a record is limited in advance, because anyone may have written it.
 */
import { isAscii } from 'node:buffer';
import { reasonOf } from '../src/errors.js';
import { decodeLine } from '../src/frame.js';
import { canonicalRecord, type DecodeContext, type Decoded, decodeRecord, type StoredRecord } from '../src/record.js';
import type { Timestamp } from '../src/time/timestamp.js';
import { uuidv7At } from '../src/uuid.js';
import { holdsMoreThan } from '../src/value/json-size.js';
import type { StoreItem } from './store/index.js';

/**
 * Maximum number of values and names in a record. Each takes up to 140 bytes when parsed. A record of 1 MiB, the
 * default limit of Loghive's producers, cannot contain more, so it is not checked.
 */
export const MAX_VALUES = 1024 * 1024;
/**
 * Maximum size of a record with non-ASCII text, in bytes. Such text takes two bytes a character in memory, so this is
 * half of the limit for a message.
 */
const MAX_WIDE_RECORD_BYTES = 32 * 1024 * 1024;

/**
 * Parses the record [start, end) of the body. Never throws.
 *
 * @param isText whether the body is known to be UTF-8.
 * @returns the reason as a text, if it cannot be stored.
 */
export function parseRecord(
  body: Buffer,
  start: number,
  end: number,
  isText: boolean,
  context: DecodeContext,
): StoreItem | string {
  const record = isText && end - start <= MAX_VALUES ? canonicalRecord(body, start, end) : undefined;
  if (record) return new LineItem(record, body, start, end);
  const raw = body.subarray(start, end);
  const decoded = decodeRaw(raw, context);
  return decoded.ok ? { record: decoded.record, raw } : decoded.reason;
}

/** A record whose raw bytes are needed only if it is refused. */
class LineItem implements StoreItem {
  readonly record: StoredRecord;
  readonly #body: Buffer;
  readonly #start: number;
  readonly #end: number;

  constructor(record: StoredRecord, body: Buffer, start: number, end: number) {
    this.record = record;
    this.#body = body;
    this.#start = start;
    this.#end = end;
  }

  get raw(): Buffer {
    return this.#body.subarray(this.#start, this.#end);
  }
}

function decodeRaw(raw: Buffer, context: DecodeContext): Decoded {
  if (raw.length > MAX_VALUES && holdsMoreThan(MAX_VALUES, raw)) {
    return { ok: false, reason: `it contains more than ${MAX_VALUES} values, which is the limit for parsing` };
  }
  if (raw.length > MAX_WIDE_RECORD_BYTES && isWide(raw)) {
    const size = `the record has ${raw.length} bytes and non-ASCII characters`;
    return { ok: false, reason: `${size}; the limit for parsing such a record is ${MAX_WIDE_RECORD_BYTES} bytes` };
  }
  const text = decodeLine(raw);
  return text.ok ? decodeOrRefuse(text.line, context) : text;
}

/** Whether its text may contain characters that take two bytes in memory. */
function isWide(json: Buffer): boolean {
  return !isAscii(json) || json.includes('\\u');
}

/** A failure on one line must not affect the other lines of the frame. */
function decodeOrRefuse(line: string, context: DecodeContext): Decoded {
  try {
    return decodeRecord(line, context);
  } catch (error) {
    return { ok: false, reason: `it cannot be parsed: ${reasonOf(error)}` };
  }
}

/** Last second that fits into the 48-bit milliseconds of a UUIDv7. */
const LAST_SECOND = Math.floor((2 ** 48 - 1) / 1000) - 1;

/** Creates an id for a record without one, from the record's own time, so that it sorts with the others. */
export function recordId(time: Timestamp): string {
  const seconds = Math.min(Math.max(time.seconds, 0), LAST_SECOND);
  return uuidv7At({ seconds, micros: time.micros });
}
