/**
 * Names and arguments shared by producer and consumer: exchanges, queues, routing keys, headers. Compatible with the
 * Python package `loghive`.
 */
import { LEVELS, type Level } from './level.js';

export const LOGS_EXCHANGE = 'logs_exchange';
export const FAILURE_EXCHANGE = 'failure_backoff';
export const FAILURE_QUEUE = 'failure_backoff';
export const FAILURE_KEY = 'failure.backoff';
export const SERVICES_QUEUE = 'loghive_services';
export const SERVICES_KEY = 'loghive.services';

/** Number of attempts that a record from a delay queue has already had. */
export const ATTEMPT_HEADER = 'x-loghive-attempt';
/** The queue from which a retried record was first consumed. */
export const ORIGIN_HEADER = 'x-loghive-origin';
/** How many times a message was republished to its own queue, so that it does not reach the queue's delivery limit. */
export const ROUNDS_HEADER = 'x-loghive-rounds';
/** When the first of these rounds was, in epoch seconds. */
export const FIRST_ROUND_HEADER = 'x-loghive-first-round';

export type QueueType = 'quorum' | 'classic' | 'python';

/**
 * Type and limits of a log queue. `python` is a classic queue with exactly the two arguments that the Python package
 * declares.
 */
export interface QueueSettings {
  readonly type: QueueType;
  readonly maxLength: number;
  readonly maxBytes: number;
  readonly messageTtlMs: number;
}

export interface QueueDeclaration {
  readonly queue: string;
  readonly exchange: string;
  readonly routingKey: string;
  readonly arguments: Record<string, unknown>;
}

export function routingKey(service: string, level: Level): string {
  return `${service}.${level.toLowerCase()}`;
}

export function queueName(service: string, level: Level): string {
  return `${service}_${level.toLowerCase()}_logs`;
}

const LOG_QUEUE = /^(.+)_(debug|info|warning|error|critical)_logs$/s;

/** The service and level of a log queue; undefined for other queues. */
export function laneOf(queue: string): { service: string; level: Level } | undefined {
  const [, service, level] = LOG_QUEUE.exec(queue) ?? [];
  return service === undefined ? undefined : { service, level: level!.toUpperCase() as Level };
}

/** The queue of one service and level, with the arguments for this server version. */
export function logQueue(
  service: string,
  level: Level,
  settings: QueueSettings,
  serverVersion: string,
): QueueDeclaration {
  return {
    queue: queueName(service, level),
    exchange: LOGS_EXCHANGE,
    routingKey: routingKey(service, level),
    arguments: logQueueArguments(settings, serverVersion),
  };
}

export function logQueues(service: string, settings: QueueSettings, serverVersion: string): QueueDeclaration[] {
  return LEVELS.map((level) => logQueue(service, level, settings, serverVersion));
}

function logQueueArguments(settings: QueueSettings, serverVersion: string): Record<string, unknown> {
  const shared = { 'x-message-ttl': settings.messageTtlMs, 'x-max-length': settings.maxLength };
  if (settings.type === 'python') return shared;
  return {
    ...shared,
    'x-max-length-bytes': settings.maxBytes,
    'x-overflow': 'reject-publish',
    ...(settings.type === 'quorum' ? { 'x-queue-type': 'quorum', ...unlimitedDeliveries(serverVersion) } : {}),
  };
}

/**
 * RabbitMQ 4 drops a message that was requeued 20 times, unless the queue's delivery limit is -1. On 3.x, -1 drops a
 * message after one requeue, so it must not be set there.
 */
function unlimitedDeliveries(serverVersion: string): Record<string, unknown> {
  return majorVersion(serverVersion) >= 4 ? { 'x-delivery-limit': -1 } : {};
}

export function majorVersion(serverVersion: string): number {
  return Number.parseInt(serverVersion, 10) || 0;
}

export function delayQueueName(delayMs: number): string {
  return `${FAILURE_QUEUE}_${delayMs}`;
}

/** The queue in which a record waits `delayMs` before it is retried, after PostgreSQL rejected it temporarily. */
export function delayQueue(delayMs: number, type: QueueType, serverVersion: string): QueueDeclaration {
  return {
    queue: delayQueueName(delayMs),
    exchange: FAILURE_EXCHANGE,
    routingKey: `${FAILURE_KEY}.${delayMs}`,
    arguments: {
      'x-message-ttl': delayMs,
      'x-overflow': 'reject-publish',
      'x-dead-letter-exchange': FAILURE_EXCHANGE,
      'x-dead-letter-routing-key': FAILURE_KEY,
      ...(type === 'quorum'
        ? {
            'x-queue-type': 'quorum',
            'x-dead-letter-strategy': 'at-least-once',
            ...unlimitedDeliveries(serverVersion),
          }
        : {}),
    },
  };
}

/**
 * The queue to which records return after their delay. No TTL: records here must not expire while there is no consumer.
 */
export function failureQueue(type: QueueType, settings: QueueSettings, serverVersion: string): QueueDeclaration {
  return {
    queue: FAILURE_QUEUE,
    exchange: FAILURE_EXCHANGE,
    routingKey: FAILURE_KEY,
    arguments:
      type === 'python'
        ? logQueueArguments(settings, serverVersion)
        : {
            'x-overflow': 'reject-publish',
            ...(type === 'quorum' ? { 'x-queue-type': 'quorum', ...unlimitedDeliveries(serverVersion) } : {}),
          },
  };
}

/**
 * The queue for announcements, in which producers register their services. Its arguments do not depend on those of the
 * log queues, so that producers and consumers agree. Without `x-overflow`, so that the oldest announcement is dropped:
 * it is repeated within the hour.
 */
export const SERVICES: QueueDeclaration = Object.freeze({
  queue: SERVICES_QUEUE,
  exchange: LOGS_EXCHANGE,
  routingKey: SERVICES_KEY,
  arguments: Object.freeze({ 'x-message-ttl': 604_800_000, 'x-max-length': 10_000 }),
});

/** Valid service names. They become part of queue names and routing keys (AMQP short strings, at most 255 bytes). */
export const SERVICE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;
