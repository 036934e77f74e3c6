/**
 * A message parsed into records to store, announced services and dead letters. Pure but for what it is given.
 *
 * Whoever may publish decides what is in a message, so what it takes to read one is bounded before it is read: its size, the
 * lines of a frame, the values of a record. Measured at 512 MiB of heap, test/consumer/hostile-messages.test.ts.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { decodeAnnouncement } from '../src/announcement.js';
import { reasonOf } from '../src/errors.js';
import { decodeLine, LineCursor } from '../src/frame.js';
import { canonicalRecord, type DecodeContext, type Decoded, decodeRecord, type StoredRecord } from '../src/record.js';
import { safeValue } from '../src/safe-value.js';
import { holdsMoreThan } from '../src/value/json-size.js';
import { SERVICES_QUEUE } from '../src/wire.js';
import { readContent } from './content.js';
import { deadLetterOf, type Part } from './dead-letter.js';
import type { Delivery } from './delivery.js';
import type { DeadLetter, StoreItem } from './store/index.js';

/** Lines of a frame. What stands behind them is one dead letter. */
export const MAX_LINES = 100_000;
/**
 * Values and names of a record, which take up to 140 bytes each when they are parsed. A record of 1 MiB, the most that our
 * own producers write unless told otherwise, cannot hold more, and so it is not searched.
 */
export const MAX_VALUES = 1024 * 1024;
/** Text that is not ASCII takes two bytes a character in memory: of such a record half of what a message may have. */
const MAX_WIDE_RECORD_BYTES = 32 * 1024 * 1024;
/** For the headers of all dead letters of one message together: 128 KiB of headers are allowed, and 100,000 letters. */
const MAX_HEADER_BYTES = 16 * 1024 * 1024;

export interface ParsedDelivery extends Delivery {
  readonly items: StoreItem[];
  /** What can never be stored. */
  readonly letters: DeadLetter[];
  /** A service that announces itself. */
  readonly announced: readonly string[];
  readonly records: number;
  /** Of its body, with its compression undone. */
  readonly bytes: number;
  /** It is no frame: where its record cannot be stored, the whole message is kept, or tried again, as it was delivered. */
  readonly isWhole: boolean;
}

export type ParseContext = Omit<DecodeContext, 'amqpTimestamp'>;

/** Never throws: what cannot be read is a dead letter with its raw bytes. */
export function parseDelivery(delivery: Delivery, context: ParseContext): ParsedDelivery {
  try {
    return parse(delivery, context);
  } catch (error) {
    const { content } = delivery.message;
    const letters = [letterOf(delivery, undefined, `it cannot be read: ${reasonOf(error)}`)];
    return { ...delivery, items: [], letters, announced: [], records: 1, bytes: content.length, isWhole: true };
  }
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
    // Field by field, here and below: a spread takes three microseconds, which a message of one record feels.
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
          refuse(rest, `the rest of a frame; more than ${MAX_LINES} lines are not parsed`, true);
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

/** A record whose bytes nobody needs, unless it is refused. */
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
    return { ok: false, reason: `it holds more than ${MAX_VALUES} values; such a record is not parsed` };
  }
  if (raw.length > MAX_WIDE_RECORD_BYTES && isWide(raw)) {
    const size = `a record of ${raw.length} bytes with characters beyond ASCII`;
    return { ok: false, reason: `${size}; more than ${MAX_WIDE_RECORD_BYTES} of such are not parsed` };
  }
  const text = decodeLine(raw);
  return text.ok ? decodeOrRefuse(text.line, context) : text;
}

/** Whether a text of it may have characters that take two bytes in memory. */
function isWide(json: Buffer): boolean {
  return !isAscii(json) || json.includes('\\u');
}

/** A reader that fails on one line must not take the others of its frame with it. */
function decodeOrRefuse(line: string, context: DecodeContext): Decoded {
  try {
    return decodeRecord(line, context);
  } catch (error) {
    return { ok: false, reason: `it cannot be read: ${reasonOf(error)}` };
  }
}

function letterOf(delivery: Delivery, part: Part | undefined, reason: string): DeadLetter {
  return deadLetterOf(delivery, part, { code: 'invalid', reason, attempts: delivery.attempt });
}

/** The headers are the same for all of them: where that is too much to store, the first ones keep them. */
function withinBounds(letters: DeadLetter[]): DeadLetter[] {
  const [first] = letters;
  if (first === undefined || letters.length < 100) return letters;
  const bytes = JSON.stringify(safeValue(first.headers, MAX_HEADER_BYTES)).length;
  const most = Math.floor(MAX_HEADER_BYTES / bytes);
  return letters.map((letter, at) => (at < most ? letter : { ...letter, headers: {} }));
}
