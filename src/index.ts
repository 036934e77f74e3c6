/**
 * Loghive: records from an application's logger, over RabbitMQ, into PostgreSQL.
 *
 * @module loghive
 */
export type { ConnectionState, ConnectionStatus } from './amqp/connection.js';
export type { ProducerOptions, TlsOptions } from './config.js';
export { ERROR_CODES, type ErrorCode, LoghiveError } from './errors.js';
export { type InternalLogger, internalLogger } from './internal-logger.js';
export { LEVELS, type Level } from './level.js';
export type { ShedCounts, ShedReason } from './publisher/shed.js';
export type { CloseResult, LaneStatus, PublisherStats, PublisherStatus } from './publisher/status.js';
export type { QueueType } from './wire.js';
