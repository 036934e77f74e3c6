/**
 * Names and arguments that producer and consumer share: exchanges, queues, routing keys, headers.
 * Compatible with the Python package `loghive`.
 */
import { LEVELS, type Level } from './level.js';

export const LOGS_EXCHANGE = 'logs_exchange';
export const FAILURE_EXCHANGE = 'failure_backoff';
export const FAILURE_QUEUE = 'failure_backoff';
export const FAILURE_KEY = 'failure.backoff';
export const SERVICES_QUEUE = 'loghive_services';
export const SERVICES_KEY = 'loghive.services';

/** Which attempt a record that comes back from a delay queue has behind it (a number). */
export const ATTEMPT_HEADER = 'x-loghive-attempt';
/** The queue that a retried record was first taken from. */
export const ORIGIN_HEADER = 'x-loghive-origin';
/** How often a message was republished to its own queue before a delivery limit could eat it. */
export const ROUNDS_HEADER = 'x-loghive-rounds';
/** When the first of these rounds was, in epoch seconds. */
export const FIRST_ROUND_HEADER = 'x-loghive-first-round';

export type QueueType = 'quorum' | 'classic' | 'python';

/** Limits of a log queue. `python` is a classic queue with exactly the two arguments that the Python package declares. */
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

/** Whose queue it is; undefined where it is none of a service and level. */
export function laneOf(queue: string): { service: string; level: Level } | undefined {
  const [, service, level] = LOG_QUEUE.exec(queue) ?? [];
  return service === undefined ? undefined : { service, level: level!.toUpperCase() as Level };
}

/** The queue of one service and level, as `serverVersion` wants it declared. */
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
 * RabbitMQ 4 destroys a message that was given back 20 times unless the queue says -1; on 3.x the same -1 means that a
 * message is gone after one return, so it must not be sent there.
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

/** Where a record that PostgreSQL refused for now waits `delayMs` before it is tried again. */
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

/** Where records come back to after their delay. No TTL: what is here must not be lost while nobody reads. */
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
 * Where producers say whose records they send. Always with the same arguments, whatever the log queues have, so that all
 * sides agree; without `x-overflow`, for the oldest announcement may go: it comes again within the hour.
 */
export const SERVICES: QueueDeclaration = Object.freeze({
  queue: SERVICES_QUEUE,
  exchange: LOGS_EXCHANGE,
  routingKey: SERVICES_KEY,
  arguments: Object.freeze({ 'x-message-ttl': 604_800_000, 'x-max-length': 10_000 }),
});

/** What a service may be called: it becomes part of queue names and routing keys (AMQP short strings, 255 bytes). */
export const SERVICE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;
