/** One message from a queue, before it is parsed. Pure. */
import type { ConsumeMessage } from 'amqplib';
import { epochMicros } from '../src/time/epoch.js';
import { ATTEMPT_HEADER, FAILURE_QUEUE, FIRST_ROUND_HEADER, ORIGIN_HEADER, ROUNDS_HEADER } from '../src/wire.js';

export interface Delivery {
  readonly queue: string;
  readonly message: ConsumeMessage;
  readonly tag: number;
  /** How often its record was retried. */
  readonly attempt: number;
  /** The queue from which its record was first consumed. */
  readonly origin: string;
  /** It failed before or was redelivered often, so it is handled alone: nothing else may be affected by it. */
  readonly alone: boolean;
}

export function deliveryOf(queue: string, message: ConsumeMessage): Delivery {
  const headers = message.properties.headers ?? {};
  const attempt = countHeader(headers[ATTEMPT_HEADER]);
  return {
    queue,
    message,
    tag: message.fields.deliveryTag,
    attempt,
    origin: isQueueName(headers[ORIGIN_HEADER]) ? headers[ORIGIN_HEADER] : queue,
    alone: queue === FAILURE_QUEUE || attempt > 0 || countHeader(headers[ROUNDS_HEADER]) > 0,
  };
}

/** Any publisher can write a header. This one is written again when the record is retried. */
function isQueueName(value: unknown): value is string {
  return typeof value === 'string' && Buffer.byteLength(value) <= 255;
}

/** How often the broker delivered this message before. Quorum queues count it, RabbitMQ 4.x in two headers. */
export function returnsOf(message: ConsumeMessage): number {
  const headers = message.properties.headers ?? {};
  return Math.max(countHeader(headers['x-delivery-count']), countHeader(headers['x-acquired-count']));
}

/** A message that comes back this often within three hours is not parsed any more. */
const MAX_ROUNDS = 20;
const ROUNDS_WITHIN_MS = 3 * 3_600_000;

/** The headers of a message that is republished because it was returned often. */
export function nextRound(message: Pick<ConsumeMessage, 'properties'>, nowMs: number): Record<string, number> {
  const { rounds, firstMs } = recentRounds(message, nowMs);
  return { [ROUNDS_HEADER]: rounds + 1, [FIRST_ROUND_HEADER]: Math.floor(firstMs / 1000) };
}

/**
 * Whether the message seems to crash each consumer that receives it. While PostgreSQL is down messages are returned as
 * well, but only every ten minutes.
 */
export function isDeadly(message: Pick<ConsumeMessage, 'properties'>, nowMs: number): boolean {
  return firstRoundMs(message) > 0 && recentRounds(message, nowMs).rounds >= MAX_ROUNDS;
}

function recentRounds(message: Pick<ConsumeMessage, 'properties'>, nowMs: number) {
  const rounds = countHeader(message.properties.headers?.[ROUNDS_HEADER]);
  const firstMs = Math.min(firstRoundMs(message) || nowMs, nowMs);
  return nowMs - firstMs > ROUNDS_WITHIN_MS ? { rounds: 0, firstMs: nowMs } : { rounds, firstMs };
}

function firstRoundMs({ properties }: Pick<ConsumeMessage, 'properties'>): number {
  return countHeader(properties.headers?.[FIRST_ROUND_HEADER]) * 1000;
}

/** Earliest plausible time of publishing: before Loghive existed. */
const EARLIEST_MS = Date.UTC(2020);

/** When the message was published, in epoch milliseconds, according to its timestamp; else now. */
export function publishedAtMs({ properties }: ConsumeMessage, nowMs: number): number {
  const { timestamp } = properties as { timestamp: unknown };
  const ms = typeof timestamp === 'number' ? epochMicros(timestamp) / 1000 : Number.NaN;
  return ms > EARLIEST_MS && ms < nowMs ? ms : nowMs;
}

export function countHeader(value: unknown): number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : 0;
}
