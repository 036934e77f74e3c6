import type { DevelopmentBrokerProcess } from './development-broker.mjs';
import type { PostgresOptions, PostgresServer } from './postgres.mjs';
import type { RabbitmqOptions, RabbitmqServer } from './rabbitmq.mjs';

export interface Servers {
  rabbitmq: RabbitmqServer;
  postgres: PostgresServer;
  stop(): Promise<void>;
}

/**
 * Starts a private RabbitMQ and a private PostgreSQL in parallel. If one fails, the other is stopped.
 * `rabbitmq.version`: one of requireRabbitmqOf(); default: the installed version, or one that can be installed.
 */
export function startServers(options?: {
  rabbitmq?: RabbitmqOptions & { version?: string };
  postgres?: PostgresOptions;
}): Promise<Servers>;

/** The same with the development broker instead of RabbitMQ. */
export function startEmbeddedServers(options?: {
  postgres?: PostgresOptions;
}): Promise<Omit<Servers, 'rabbitmq'> & { rabbitmq: DevelopmentBrokerProcess }>;
