/**
 * Loghive: records from an application's logger, over RabbitMQ, into PostgreSQL.
 *
 * @module loghive
 */

export type { ConnectionState, ConnectionStatus } from './amqp/connection.js';
export { LoggerClient, type LoggerClientEvents, type LoggerClientOptions } from './client.js';
export type { TlsOptions } from './config.js';
export { ERROR_CODES, type ErrorCode, LoghiveError } from './errors.js';
export { contextFields, withContext } from './fields/context.js';
export type { RedactOptions } from './fields/redact.js';
export { type InternalLogger, internalLogger } from './internal-logger.js';
export { LEVELS, type Level, type LevelName } from './level.js';
export type { MetricRegistry } from './metrics/metric.js';
export { collectMetrics } from './metrics/producer-metrics.js';
export type { ProducerOptions } from './producer-config.js';
export type { DropCounts, DropReason } from './publisher/drop-counter.js';
export type { CloseOptions, FlushOptions } from './publisher/flushes.js';
export type { CloseResult, LaneStatus, PublisherStats, PublisherStatus } from './publisher/status.js';
export type { QueueType } from './wire.js';
