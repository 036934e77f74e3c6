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

import { LoghiveError } from '../src/errors.js';
import { internalLogger } from '../src/internal-logger.js';
import { assertRegistry, type MetricRegistry } from '../src/metrics/metric.js';
import { isOptions } from '../src/settings/option.js';
import { type ConsumerOptions, consumerConfig } from './config.js';
import type { ConsumerCounts } from './consumer-counts.js';
import type { ConsumerEvents, ConsumerHooks, DeadLetterNotice } from './events.js';
import { type StartOptions, startOptions } from './start-options.js';
import type { ConsumerStatus, Health, WorkerStatus } from './status.js';
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

/** A consumer that was created and can be started once. */
export interface LoghiveConsumer {
  /**
   * Resolves when messages are taken; until the servers are there it goes on trying.
   *
   * @throws the signal's reason, when it is aborted before; LoghiveError LOGHIVE_MIGRATION_FAILED when the schema cannot be
   *   brought up to date; LOGHIVE_PORT_TAKEN or LOGHIVE_INVALID_OPTION when the HTTP server cannot listen; LOGHIVE_CLOSED
   *   when it was started before.
   */
  start(options?: StartOptions): Promise<void>;
  /** Takes nothing more, finishes what is in hand within 8 s, gives back the rest. Never rejects. */
  stop(): Promise<void>;
  status(): ConsumerStatus;
  on<E extends keyof ConsumerEvents>(event: E, listener: (...args: ConsumerEvents[E]) => void): this;
  once<E extends keyof ConsumerEvents>(event: E, listener: (...args: ConsumerEvents[E]) => void): this;
  off<E extends keyof ConsumerEvents>(event: E, listener: (...args: ConsumerEvents[E]) => void): this;
}

export interface CreateConsumerOptions extends ConsumerOptions {
  /** A registry of prom-client or @prometheus-io/client, to have the metrics in it. Default: one of its own, for `/metrics`. */
  registry?: MetricRegistry;
  /** @internal for the project's own tests */
  hooks?: ConsumerHooks;
}

export type StartConsumerOptions = CreateConsumerOptions & StartOptions;

/**
 * Creates a consumer, which takes nothing before its `start()`.
 *
 * @param services whose records to take. None: those of SERVICE_NAMES; without that, of every service that announces itself.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION naming the option, its value and what was expected.
 */
export function createConsumer(services: readonly string[] = [], options: CreateConsumerOptions = {}): LoghiveConsumer {
  return consumerOf('createConsumer', services, options);
}

/**
 * Creates a consumer and starts it.
 *
 * @param services as for `createConsumer`.
 * @throws what `createConsumer` throws, and `start()` of the consumer.
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
      `${owner}: "services" is no option, but the first argument: ${owner}(['shop'], options).`,
    );
  }
  if (registry !== undefined) assertRegistry(`${owner}: option "registry"`, registry);
  return new Supervisor(consumerConfig(owner, services, rest), hooks, registry);
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
