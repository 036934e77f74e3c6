import type { DevelopmentBrokerProcess } from './development-broker.mjs';
import type { PostgresOptions, PostgresServer } from './postgres.mjs';
import type { RabbitmqOptions, RabbitmqServer } from './rabbitmq.mjs';

export interface Servers {
  rabbitmq: RabbitmqServer;
  postgres: PostgresServer;
  stop(): Promise<void>;
}

/**
 * Starts a private RabbitMQ and a private PostgreSQL side by side; if one fails, the other is stopped.
 * `rabbitmq.version`: one of requireRabbitmqOf(); default what is installed, or can be.
 */
export function startServers(options?: {
  rabbitmq?: RabbitmqOptions & { version?: string };
  postgres?: PostgresOptions;
}): Promise<Servers>;

/** The development broker takes the part of RabbitMQ. */
export function startEmbeddedServers(options?: {
  postgres?: PostgresOptions;
}): Promise<Omit<Servers, 'rabbitmq'> & { rabbitmq: DevelopmentBrokerProcess }>;
