/** A RabbitMQ and a PostgreSQL as the tests start them (`--real`). */
import { startServers as startTestServers } from '../../test/support/servers.mjs';

export const intention = 'starting a private RabbitMQ and a private PostgreSQL';

/** They see to that themselves. */
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
      async strike() {
        await rabbitmq.kill('SIGKILL');
        return 'RabbitMQ killed with SIGKILL; the shop goes on';
      },
      async mend() {
        await rabbitmq.start();
        return 'RabbitMQ is up again; shop and consumer find their way back by themselves';
      },
    },
  };
}
