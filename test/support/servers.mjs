import { startDevelopmentBroker } from './development-broker.mjs';
import { startPostgres } from './postgres.mjs';
import { requireRabbitmqOf } from './rabbitmq-versions.mjs';
import { requireRabbitmq } from './require-rabbitmq.mjs';
import { startAll } from './start-all.mjs';

/** Starts one RabbitMQ and one PostgreSQL in parallel. If one fails, the other is stopped. */
export async function startServers({ rabbitmq: { version, ...options } = {}, postgres = {} } = {}) {
  const rabbitmq = version === undefined ? requireRabbitmq(options) : requireRabbitmqOf(version, options);
  const [servers, stop] = await startAll([rabbitmq, startPostgres(postgres)]);
  return { rabbitmq: servers[0], postgres: servers[1], stop };
}

/** The same with the development broker instead of RabbitMQ: nothing has to be installed. */
export async function startEmbeddedServers({ postgres = {} } = {}) {
  const [servers, stop] = await startAll([startDevelopmentBroker(), startPostgres(postgres)]);
  return { rabbitmq: servers[0], postgres: servers[1], stop };
}
