/** A RabbitMQ and a PostgreSQL, started as in the tests (`--real`). */
import { startServers as startTestServers } from '../../test/support/servers.mjs';

export const description = 'starting a private RabbitMQ and a private PostgreSQL';

/** The test servers have their own watchdogs. */
export const leftovers = () => [];

export async function startServers() {
  const { rabbitmq, postgres, stop } = await startTestServers();
  return {
    names: `RabbitMQ ${rabbitmq.version} on port ${rabbitmq.port}, PostgreSQL ${postgres.version} on port ${postgres.port}`,
    broker: `RabbitMQ ${rabbitmq.version}`,
    brokerUrl: rabbitmq.url,
    databaseUrl: await postgres.createDatabase('shop'),
    listQueues: () => rabbitmq.listQueues(),
    stop,
    fault: {
      counts: { brokerRestarts: 1, brokerCuts: 0 },
      async inject() {
        await rabbitmq.kill('SIGKILL');
        return 'RabbitMQ killed with SIGKILL; the shop keeps running';
      },
      async recover() {
        await rabbitmq.start();
        return 'RabbitMQ is up again; shop and consumer reconnect';
      },
    },
  };
}
