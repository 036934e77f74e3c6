/**
 * A message parsed into records to store, announced services and dead letters. Pure but for what it is given.
 *
 * Whoever may publish decides what is in a message, so what it takes to read one is bounded before it is read: its size, the
 * lines of a frame, the values of a record. Measured at 512 MiB of heap, test/consumer/hostile-messages.test.ts.
 */
import { isAscii } from 'node:buffer';
import { decodeAnnouncement } from '../src/announcement.js';
import { reasonOf } from '../src/errors.js';
import { decodeLine, frameLines } from '../src/frame.js';
import { type DecodeContext, type Decoded, decodeRecord } from '../src/record.js';
import { safeValue } from '../src/safe-value.js';
import { holdsMoreThan } from '../src/value/json-size.js';
import { SERVICES_QUEUE } from '../src/wire.js';
import { readContent } from './content.js';
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
}

export type ParseContext = Omit<DecodeContext, 'amqpTimestamp'>;

/** Never throws: what cannot be read is a dead letter with its raw bytes. */
export function parseDelivery(delivery: Delivery, context: ParseContext): ParsedDelivery {
  try {
    return parse(delivery, context);
  } catch (error) {
    const { content } = delivery.message;
    const letters = [letterOf(delivery, content, `it cannot be read: ${reasonOf(error)}`)];
    return { ...delivery, items: [], letters, announced: [], records: 1, bytes: content.length };
  }
}

function parse(delivery: Delivery, context: ParseContext): ParsedDelivery {
  const { content, properties } = delivery.message;
  const items: StoreItem[] = [];
  const letters: DeadLetter[] = [];
  const announced: string[] = [];
  const refuse = (raw: Buffer, reason: string) => letters.push(letterOf(delivery, raw, reason));

  const read = readContent(content, properties);
  if (!read.ok) refuse(content, read.reason);
  else if (delivery.queue === SERVICES_QUEUE) {
    const decoded = decodeAnnouncement(read.body);
    if (decoded.ok) announced.push(decoded.service);
    else refuse(read.body, decoded.reason);
  } else {
    const amqpTimestamp = typeof properties.timestamp === 'number' ? properties.timestamp : undefined;
    const decodeContext: DecodeContext = { ...context, amqpTimestamp };
    for (const raw of read.isFrame ? frameLines(read.body) : [read.body]) {
      if (items.length + letters.length === MAX_LINES) {
        refuse(restOf(read.body, raw), `the rest of a frame; more than ${MAX_LINES} lines are not parsed`);
        break;
      }
      const decoded = decodeRaw(raw, decodeContext);
      if (decoded.ok) items.push({ record: decoded.record, raw });
      else refuse(raw, decoded.reason);
    }
    if (items.length + letters.length === 0) refuse(content, 'a frame without a record');
  }
  const records = items.length + letters.length + announced.length;
  const bytes = read.ok ? read.body.length : content.length;
  return { ...delivery, items, letters: withinBounds(letters), announced, records, bytes };
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

function restOf(body: Buffer, line: Buffer): Buffer {
  return body.subarray(line.byteOffset - body.byteOffset);
}

function letterOf({ message, attempt, origin }: Delivery, raw: Buffer, reason: string): DeadLetter {
  return {
    raw,
    code: 'invalid',
    reason,
    attempts: attempt,
    queue: origin,
    routingKey: message.fields.routingKey,
    headers: message.properties.headers ?? {},
  };
}

/** The headers are the same for all of them: where that is too much to store, the first ones keep them. */
function withinBounds(letters: DeadLetter[]): DeadLetter[] {
  const [first] = letters;
  if (first === undefined || letters.length < 100) return letters;
  const bytes = JSON.stringify(safeValue(first.headers, MAX_HEADER_BYTES)).length;
  const most = Math.floor(MAX_HEADER_BYTES / bytes);
  return letters.map((letter, at) => (at < most ? letter : { ...letter, headers: {} }));
}
