import { useBothBrokers } from './conversation.js';
import { describeError } from './stage.js';

const { conversation } = useBothBrokers();

// Alone in its file, because it closes all connections.
conversation('connections closed by an operator receive 320 with the reason', async (stage) => {
  const { peer } = await stage.channel();
  const amqplib = await stage.amqplib();
  const rabbit = await stage.rabbitmqClient();
  const lost = new Promise((resolve) => amqplib.on('close', resolve));
  const failed = new Promise((resolve) => rabbit.once('error', resolve));
  stage.note('closed', await stage.broker.closeConnections('maintenance at noon'));
  await peer.next('connection.close');
  await peer.end();
  await lost;
  stage.note('rabbitmq-client', describeError(await failed));
});
