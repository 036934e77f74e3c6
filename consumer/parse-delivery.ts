/**
 * Parses a message into records to store, announced services and dead letters. Pure except for its arguments.
 *
 * Anyone who can publish controls what a message contains, so the cost of reading it is limited in advance: its size,
 * the lines of a frame, the values of a record. Measured with a heap of 512 MiB in
 * test/consumer/hostile-messages.test.ts.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { decodeAnnouncement } from '../src/announcement.js';
import { reasonOf } from '../src/errors.js';
import { decodeLine, LineCursor } from '../src/frame.js';
import { canonicalRecord, type DecodeContext, type Decoded, decodeRecord, type StoredRecord } from '../src/record.js';
import { safeValue } from '../src/safe-value.js';
import type { Timestamp } from '../src/time/timestamp.js';
import { uuidv7At } from '../src/uuid.js';
import { holdsMoreThan } from '../src/value/json-size.js';
import { SERVICES_QUEUE } from '../src/wire.js';
import { readContent } from './content.js';
import { deadLetterOf, type Part } from './dead-letter.js';
import type { Delivery } from './delivery.js';
import type { DeadLetter, StoreItem } from './store/index.js';

/** Maximum number of lines parsed of one frame. The rest becomes one dead letter. */
export const MAX_LINES = 100_000;
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
 * Maximum size of the headers of all dead letters of one message, in bytes: a message may have 128 KiB of headers and
 * produce 100,000 dead letters.
 */
const MAX_HEADER_BYTES = 16 * 1024 * 1024;

export interface ParsedDelivery extends Delivery {
  readonly items: StoreItem[];
  /** Dead letters: parts that can never be stored. */
  readonly letters: DeadLetter[];
  /** The service that announces itself, if the message is an announcement. */
  readonly announced: readonly string[];
  readonly records: number;
  /** Size of the decompressed body. */
  readonly bytes: number;
  /**
   * The message is not a frame. If its record cannot be stored, the whole message is dead-lettered or retried as it was
   * delivered.
   */
  readonly isWhole: boolean;
}

export type ParseContext = Omit<DecodeContext, 'amqpTimestamp'>;

/** Never throws: a message that cannot be read becomes a dead letter with its raw bytes. */
export function parseDelivery(delivery: Delivery, context: ParseContext): ParsedDelivery {
  try {
    return parse(delivery, context);
  } catch (error) {
    return unparsed(delivery, `it cannot be parsed: ${reasonOf(error)}`);
  }
}

/** The whole message as a dead letter. */
export function unparsed(delivery: Delivery, reason: string): ParsedDelivery {
  const letters = [letterOf(delivery, undefined, reason)];
  const bytes = delivery.message.content.length;
  return { ...delivery, items: [], letters, announced: [], records: 1, bytes, isWhole: true };
}

function parse(delivery: Delivery, context: ParseContext): ParsedDelivery {
  const { content, properties } = delivery.message;
  const items: StoreItem[] = [];
  const letters: DeadLetter[] = [];
  const announced: string[] = [];
  const refuse = (raw: Buffer | undefined, reason: string, isFrame = false) =>
    letters.push(letterOf(delivery, raw && { raw, isFrame }, reason));

  const read = readContent(content, properties);
  const isWhole = !(read.ok && read.isFrame) || delivery.queue === SERVICES_QUEUE;
  if (!read.ok) refuse(undefined, read.reason);
  else if (delivery.queue === SERVICES_QUEUE) {
    const decoded = decodeAnnouncement(read.body);
    if (decoded.ok) announced.push(decoded.service);
    else refuse(undefined, decoded.reason);
  } else {
    const amqpTimestamp = typeof properties.timestamp === 'number' ? properties.timestamp : undefined;
    // Field by field, here and below: a spread takes three microseconds, which is noticeable for a message with one
    // record.
    const { newId, pythonTimezone, localOffsets } = context;
    const decodeContext: DecodeContext = { newId, pythonTimezone, localOffsets, amqpTimestamp };
    const { body } = read;
    const isText = isUtf8(body);
    const readLine = (start: number, end: number) => {
      const record = isText && end - start <= MAX_VALUES ? canonicalRecord(body, start, end) : undefined;
      if (record) {
        items.push(new LineItem(record, body, start, end));
        return;
      }
      const raw = body.subarray(start, end);
      const decoded = decodeRaw(raw, decodeContext);
      if (decoded.ok) items.push({ record: decoded.record, raw });
      else refuse(isWhole ? undefined : raw, decoded.reason);
    };
    if (!read.isFrame) readLine(0, body.length);
    else {
      for (const lines = new LineCursor(body); lines.next(); ) {
        if (items.length + letters.length === MAX_LINES) {
          const rest = body.subarray(lines.start);
          refuse(rest, `the rest of a frame of more than ${MAX_LINES} lines, which is the limit for parsing`, true);
          break;
        }
        readLine(lines.start, lines.end);
      }
    }
    if (items.length + letters.length === 0) refuse(undefined, 'a frame without a record');
  }
  const records = items.length + letters.length + announced.length;
  const bytes = read.ok ? read.body.length : content.length;
  const { queue, message, tag, attempt, origin, alone } = delivery;
  return {
    queue,
    message,
    tag,
    attempt,
    origin,
    alone,
    items,
    letters: withinBounds(letters),
    announced,
    records,
    bytes,
    isWhole,
  };
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

function letterOf(delivery: Delivery, part: Part | undefined, reason: string): DeadLetter {
  return deadLetterOf(delivery, part, { code: 'invalid', reason, attempts: delivery.attempt });
}

/** All dead letters have the same headers. If that is too much to store, only the first ones keep them. */
function withinBounds(letters: DeadLetter[]): DeadLetter[] {
  const [first] = letters;
  if (first === undefined || letters.length < 100) return letters;
  const bytes = JSON.stringify(safeValue(first.headers, MAX_HEADER_BYTES)).length;
  const max = Math.floor(MAX_HEADER_BYTES / bytes);
  return letters.map((letter, at) => (at < max ? letter : { ...letter, headers: {} }));
}

/** Last second that fits into the 48-bit milliseconds of a UUIDv7. */
const LAST_SECOND = Math.floor((2 ** 48 - 1) / 1000) - 1;

/** Creates an id for a record without one, from the record's own time, so that it sorts with the others. */
export function recordId(time: Timestamp): string {
  const seconds = Math.min(Math.max(time.seconds, 0), LAST_SECOND);
  return uuidv7At({ seconds, micros: time.micros });
}
