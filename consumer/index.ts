/**
 * The consumer: consumes records from RabbitMQ and stores them in PostgreSQL.
 *
 * @module loghive/consumer
 * @example
 * import { startConsumer } from 'loghive/consumer';
 *
 * const consumer = await startConsumer(['shop'], { databaseUrl: 'postgres://localhost/logs' });
 * process.once('SIGTERM', () => consumer.stop());
 */

import { LoghiveError } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import { assertRegistry, type MetricRegistry } from '../src/metrics/metric.js';
import { isOptions } from '../src/settings/option.js';
import { type ConsumerOptions, consumerConfig, type StartOptions, startOptions } from './config.js';
import type { ConsumerEvents, ConsumerHooks, DeadLetterNotice } from './consumer-events.js';
import type { ConsumerCounts, ConsumerStatus, Health, WorkerStatus } from './status.js';
import { openStore } from './store/index.js';
import { migrationConfig } from './store-settings.js';
import { Supervisor } from './supervisor.js';

export type {
  ConsumerCounts,
  ConsumerEvents,
  ConsumerHooks,
  ConsumerOptions,
  ConsumerStatus,
  DeadLetterNotice,
  Health,
  MetricRegistry,
  StartOptions,
  WorkerStatus,
};

/** A consumer. It can be started once. */
export interface LoghiveConsumer {
  /**
   * Resolves when messages are being consumed. Retries until the servers are reachable.
   *
   * @throws the signal's reason if it is aborted first; LoghiveError LOGHIVE_MIGRATION_FAILED if the schema cannot be
   *   migrated; LOGHIVE_PORT_TAKEN or LOGHIVE_INVALID_OPTION if the HTTP server cannot listen; LOGHIVE_CLOSED if the
   *   consumer was already started.
   */
  start(options?: StartOptions): Promise<void>;
  /** Stops consuming, finishes unacknowledged messages within 8 s and requeues the rest. Never rejects. */
  stop(): Promise<void>;
  status(): ConsumerStatus;
  on<E extends keyof ConsumerEvents>(event: E, listener: (...args: ConsumerEvents[E]) => void): this;
  once<E extends keyof ConsumerEvents>(event: E, listener: (...args: ConsumerEvents[E]) => void): this;
  off<E extends keyof ConsumerEvents>(event: E, listener: (...args: ConsumerEvents[E]) => void): this;
}

export interface CreateConsumerOptions extends ConsumerOptions {
  /**
   * A registry of prom-client or @prometheus-io/client that the metrics are registered in. Default: a separate one for
   * `/metrics`.
   */
  registry?: MetricRegistry;
  /** @internal for the project's own tests */
  hooks?: ConsumerHooks;
}

export type StartConsumerOptions = CreateConsumerOptions & StartOptions;

/**
 * Creates a consumer. It does nothing before `start()`.
 *
 * @param services names of the services to consume. Default: SERVICE_NAMES; without that, every service that announces
 *   itself.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION naming the option, its value and what was expected.
 */
export function createConsumer(services: readonly string[] = [], options: CreateConsumerOptions = {}): LoghiveConsumer {
  return consumerOf('createConsumer', services, options);
}

/**
 * Creates a consumer and starts it.
 *
 * @param services as for `createConsumer`.
 * @throws the errors of `createConsumer` and of the consumer's `start()`.
 */
export async function startConsumer(
  services: readonly string[] = [],
  options: StartConsumerOptions = {},
): Promise<LoghiveConsumer> {
  const { signal, ...rest } = isOptions(options) ? options : ({} as StartConsumerOptions);
  const start = startOptions('startConsumer', { signal });
  const consumer = consumerOf('startConsumer', services, isOptions(options) ? rest : options);
  await consumer.start(start);
  return consumer;
}

function consumerOf(owner: string, services: readonly string[], options: CreateConsumerOptions): Supervisor {
  if (!isOptions(options)) return new Supervisor(consumerConfig(owner, services, options));
  const { hooks, registry, ...rest } = options;
  if ('services' in rest) {
    throw new LoghiveError(
      'LOGHIVE_INVALID_OPTION',
      `${owner}: "services" is not an option; pass it as the first argument: ${owner}(['shop'], options).`,
    );
  }
  if (registry !== undefined) assertRegistry(`${owner}: option "registry"`, registry);
  return new Supervisor(consumerConfig(owner, services, rest), hooks, registry);
}

/**
 * Migrates the database schema to the current version. Safe while consumers are running.
 *
 * @returns the names of the migrations that were applied.
 * @throws LoghiveError LOGHIVE_MIGRATION_FAILED or LOGHIVE_STORAGE_UNAVAILABLE, with the reason.
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
