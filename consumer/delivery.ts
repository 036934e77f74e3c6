/** One message from a queue, taken apart into records to store, announced services and dead letters. Pure but for what it is given. */
import type { ConsumeMessage } from 'amqplib';
import { decodeAnnouncement } from '../src/announcement.js';
import { reasonOf } from '../src/errors.js';
import { decodeLine, FRAME_CONTENT_TYPE, RECORD_CONTENT_TYPE, splitFrame } from '../src/frame.js';
import { type DecodeContext, type Decoded, decodeRecord } from '../src/record.js';
import { ATTEMPT_HEADER, FAILURE_QUEUE, ORIGIN_HEADER, ROUNDS_HEADER, SERVICES_QUEUE } from '../src/wire.js';
import type { DeadLetter, StoreItem } from './store/index.js';

/** A larger message is not even parsed. */
export const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

export interface Delivery {
  readonly queue: string;
  readonly message: ConsumeMessage;
  readonly tag: number;
  readonly items: StoreItem[];
  /** What can never be stored. */
  readonly letters: DeadLetter[];
  /** A service that announces itself. */
  readonly announced: readonly string[];
  readonly records: number;
  readonly bytes: number;
  /** Retries that are behind its record. */
  readonly attempt: number;
  /** The queue that its record was first taken from. */
  readonly origin: string;
  /** It failed before or came back often: nothing else may suffer with it. */
  readonly alone: boolean;
}

export function takeApart(
  queue: string,
  message: ConsumeMessage,
  context: Omit<DecodeContext, 'amqpTimestampS'>,
): Delivery {
  const { content, properties, fields } = message;
  const headers = properties.headers ?? {};
  const origin = typeof headers[ORIGIN_HEADER] === 'string' ? headers[ORIGIN_HEADER] : queue;
  const attempt = countHeader(headers[ATTEMPT_HEADER]);
  const items: StoreItem[] = [];
  const letters: DeadLetter[] = [];
  const announced: string[] = [];
  const bury = (raw: Buffer, reason: string) =>
    letters.push({
      raw,
      code: 'invalid',
      reason,
      attempts: attempt,
      queue: origin,
      routingKey: fields.routingKey,
      headers,
    });

  const amqpTimestampS = typeof properties.timestamp === 'number' ? properties.timestamp : undefined;
  const decodeContext: DecodeContext = { ...context, amqpTimestampS };
  const isAnnouncement = queue === SERVICES_QUEUE;
  const lines = linesOf(content, isAnnouncement ? RECORD_CONTENT_TYPE : properties.contentType, bury);
  for (const raw of lines) {
    if (isAnnouncement) {
      const decoded = decodeAnnouncement(raw);
      if (decoded.ok) announced.push(decoded.service);
      else bury(raw, decoded.reason);
      continue;
    }
    const text = decodeLine(raw);
    const decoded = text.ok ? decodeOrRefuse(text.line, decodeContext) : text;
    if (decoded.ok) items.push({ record: decoded.record, raw });
    else bury(raw, decoded.reason);
  }
  return {
    queue,
    message,
    tag: fields.deliveryTag,
    items,
    letters,
    announced,
    records: items.length + letters.length + announced.length,
    bytes: content.length,
    attempt,
    origin,
    alone: queue === FAILURE_QUEUE || attempt > 0 || countHeader(headers[ROUNDS_HEADER]) > 0,
  };
}

/** A reader that fails on one line must not take the channel with it, and with it every other queue. */
function decodeOrRefuse(line: string, context: DecodeContext): Decoded {
  try {
    return decodeRecord(line, context);
  } catch (error) {
    return { ok: false, reason: `it cannot be read: ${reasonOf(error)}` };
  }
}

function linesOf(content: Buffer, contentType: unknown, bury: (raw: Buffer, reason: string) => void): Buffer[] {
  if (content.length > MAX_MESSAGE_BYTES) {
    bury(content, `a message of ${content.length} bytes; more than ${MAX_MESSAGE_BYTES} are not parsed`);
    return [];
  }
  if (contentType !== FRAME_CONTENT_TYPE) return [content];
  const lines = splitFrame(content);
  if (lines.length === 0) bury(content, 'a frame without a record');
  return lines;
}

/** How often the broker handed this message out before: quorum queues count it, 4.x in two ways. */
export function returnsOf(message: ConsumeMessage): number {
  const headers = message.properties.headers ?? {};
  return Math.max(countHeader(headers['x-delivery-count']), countHeader(headers['x-acquired-count']));
}

export function countHeader(value: unknown): number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : 0;
}
