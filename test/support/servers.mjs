import { startPostgres } from './postgres.mjs';
import { requireRabbitmq } from './require-rabbitmq.mjs';

/** One RabbitMQ and one PostgreSQL, started side by side. If one fails, the other is stopped. */
export async function startServers({ rabbitmq = {}, postgres = {} } = {}) {
  const [broker, database] = await Promise.allSettled([requireRabbitmq(rabbitmq), startPostgres(postgres)]);
  const started = [broker, database].filter((each) => each.status === 'fulfilled').map((each) => each.value);
  const stop = async () => {
    await Promise.all(started.map((server) => server.stop()));
  };
  for (const each of [broker, database]) {
    if (each.status === 'rejected') {
      await stop();
      throw each.reason;
    }
  }
  return { rabbitmq: broker.value, postgres: database.value, stop };
}
