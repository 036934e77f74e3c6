import { startDevelopmentBroker } from './development-broker.mjs';
import { startPostgres } from './postgres.mjs';
import { requireRabbitmqOf } from './rabbitmq-versions.mjs';
import { requireRabbitmq } from './require-rabbitmq.mjs';
import { together } from './together.mjs';

/** One RabbitMQ and one PostgreSQL, started side by side. If one fails, the other is stopped. */
export async function startServers({ rabbitmq: { version, ...options } = {}, postgres = {} } = {}) {
  const rabbitmq = version === undefined ? requireRabbitmq(options) : requireRabbitmqOf(version, options);
  const [servers, stop] = await together([rabbitmq, startPostgres(postgres)]);
  return { rabbitmq: servers[0], postgres: servers[1], stop };
}

/** The development broker takes the part of RabbitMQ: nothing has to be installed. */
export async function startEmbeddedServers({ postgres = {} } = {}) {
  const [servers, stop] = await together([startDevelopmentBroker(), startPostgres(postgres)]);
  return { rabbitmq: servers[0], postgres: servers[1], stop };
}
