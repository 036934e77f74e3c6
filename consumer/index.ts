/**
 * The consumer: takes records from RabbitMQ and stores them in PostgreSQL.
 *
 * @module loghive/consumer
 * @example
 * import { startConsumer } from 'loghive/consumer';
 *
 * const consumer = await startConsumer(['shop'], { databaseUrl: 'postgres://localhost/logs' });
 * process.once('SIGTERM', () => consumer.stop());
 */
import { internalLogger } from '../src/internal-logger.js';
import { isOptions } from '../src/settings/option.js';
import { type ConsumerOptions, consumerConfig, migrationConfig } from './config.js';
import { Consumer, type ConsumerSeams } from './consumer.js';
import type { ConsumerCounts, ConsumerStatus, Health } from './status.js';
import { openStore } from './store/index.js';

export type { ConsumerCounts, ConsumerOptions, ConsumerSeams, ConsumerStatus, Health };

/** A consumer that was created and can be started once. */
export interface LoghiveConsumer {
  /** Resolves when messages are taken; until the servers are there it goes on trying. */
  start(): Promise<void>;
  /** Takes nothing more, finishes what is in hand within 8 s, gives back the rest. Never rejects. */
  stop(): Promise<void>;
  status(): ConsumerStatus;
}

export interface CreateConsumerOptions extends ConsumerOptions {
  /** Whose records to take. Environment: `SERVICE_NAMES`, comma-separated. Default: every service that announces itself. */
  services?: readonly string[];
  /** @internal for the project's own tests */
  seams?: ConsumerSeams;
}

/** @throws LoghiveError LOGHIVE_INVALID_OPTION naming the option, its value and what was expected. */
export function createConsumer(options: CreateConsumerOptions = {}): LoghiveConsumer {
  if (!isOptions(options)) return new Consumer(consumerConfig('createConsumer', undefined, options));
  const { services, seams, ...rest } = options;
  return new Consumer(consumerConfig('createConsumer', services, rest), seams);
}

/**
 * Creates a consumer and starts it.
 *
 * @param services whose records to take. None: those of SERVICE_NAMES; without that, of every service that announces itself.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION, or LOGHIVE_MIGRATION_FAILED when the schema cannot be brought up to date.
 */
export async function startConsumer(
  services: readonly string[] = [],
  options: ConsumerOptions = {},
): Promise<LoghiveConsumer> {
  const consumer = new Consumer(consumerConfig('startConsumer', services, options));
  await consumer.start();
  return consumer;
}

/**
 * Brings the database schema up to date; safe to run beside running consumers.
 *
 * @returns the names of the migrations that were applied.
 * @throws LoghiveError LOGHIVE_MIGRATION_FAILED or LOGHIVE_STORAGE_UNAVAILABLE, with the reason in words.
 */
export async function migrateDatabase(
  options: Pick<ConsumerOptions, 'databaseUrl' | 'schema'> = {},
): Promise<string[]> {
  const store = openStore({
    ...migrationConfig('migrate', options),
    notice: (text, level) => internalLogger[level](text),
  });
  try {
    return await store.migrate();
  } finally {
    await store.close();
  }
}
