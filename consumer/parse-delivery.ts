/**
 * Parses a message into records to store, announced services and dead letters. Pure except for its arguments.
 *
 * Anyone who can publish controls what a message contains, so the cost of reading it is limited in advance: its size,
 * the lines of a frame, the values of a record. Measured with a heap of 512 MiB in
 * test/consumer/hostile-messages.test.ts.
 */
import { isUtf8 } from 'node:buffer';
import { decodeAnnouncement } from '../src/announcement.js';
import { reasonOf } from '../src/errors.js';
import { LineCursor } from '../src/frame.js';
import type { DecodeContext } from '../src/record.js';
import { safeValue } from '../src/safe-value.js';
import { SERVICES_QUEUE } from '../src/wire.js';
import { readContent } from './content.js';
import { deadLetterOf, type Part } from './dead-letter.js';
import type { Delivery } from './delivery.js';
import { parseRecord } from './parse-record.js';
import type { DeadLetter, StoreItem } from './store/index.js';

/** Maximum number of lines parsed of one frame. The rest becomes one dead letter. */
export const MAX_LINES = 100_000;
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
      const parsed = parseRecord(body, start, end, isText, decodeContext);
      if (typeof parsed === 'object') items.push(parsed);
      else refuse(isWhole ? undefined : body.subarray(start, end), parsed);
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
